"""Who earns a certificate, rule by rule, and what it credits them with."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support import make
from tests.support.certificates import end, let_in, workshop
from turnout.certificates.actions import issue_earned
from turnout.certificates.actions.rules import set_rules
from turnout.certificates.models import Certificate
from turnout.core import audit
from turnout.core.errors import InvalidError
from turnout.events.actions import Parts
from turnout.events.models import Event
from turnout.registrations.actions.events import EventChange, change_event
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

Place = tuple[str, float | None]  # a session, and how many minutes they stayed; None: until its end


def earned(event: Event) -> list[str]:
    """Issue, and return who got one."""
    return sorted(each.full_name for each in issue_earned(event, actor=audit.SYSTEM))


def event_with(rules: dict[str, Any] | None, **people: list[Place]) -> Event:
    """Return an event of three sessions that is over, and in which these people were where."""
    event = workshop("Talk", "Lab", "Quiz", rules=rules)
    registrations = {name: make.confirmed(event, name) for name in people}
    end(event)
    for name, places in people.items():
        for session, stay in places:
            let_in(registrations[name], session=session, stay=stay)
    return event


def says(event: Event) -> Any:
    """Return what the only certificate of an event says."""
    return Certificate.objects.get(event=event).versions.get().says


def test_without_a_rule_to_have_been_checked_in_once_is_enough() -> None:
    event = event_with(None, amina=[("", 1)], bilal=[("Quiz", 1)], never=[])
    assert earned(event) == ["Amina", "Bilal"]


@pytest.mark.parametrize(("percent", "who"), [(0, ["All", "One", "Two"]), (34, ["All", "Two"]), (67, ["All"])])
def test_so_many_percent_of_the_sessions(percent: int, who: list[str]) -> None:
    one, two, three = ("Talk", None), ("Lab", None), ("Quiz", None)
    event = event_with({"min_attendance_percent": percent}, one=[one], two=[one, two], all=[one, two, three], never=[])
    assert earned(event) == who


def test_so_many_minutes_wherever_they_were() -> None:
    event = event_with({"min_minutes": 45}, long=[("Talk", 30), ("Lab", 15)], short=[("Talk", 30), ("Lab", 14)])
    assert earned(event) == ["Long"]


def test_every_required_session() -> None:
    rules = {"required_sessions": ["Talk", "Lab"]}
    event = event_with(rules, both=[("Talk", 60), ("Lab", 60)], one=[("Talk", 60), ("Quiz", 60)])
    assert earned(event) == ["Both"]


def test_a_session_that_was_taken_off_the_programme_is_asked_of_nobody() -> None:
    event = event_with({"required_sessions": ["Talk", "Lab"]}, one=[("Talk", 60)], none=[("Quiz", 60)])
    left = list(event.sessions.exclude(title="Lab"))
    change_event(event, EventChange(parts=Parts(sessions=left)))
    assert earned(Event.objects.get(pk=event.pk)) == ["One"]


def test_all_that_is_asked_is_asked_together() -> None:
    rules = {"min_attendance_percent": 60, "min_minutes": 100, "required_sessions": ["Talk"]}
    event = event_with(
        rules,
        all=[("Talk", 60), ("Lab", 60)],
        not_the_talk=[("Lab", 60), ("Quiz", 60)],
        too_short=[("Talk", 60), ("Lab", 39)],
        one_alone=[("Talk", 60), ("", 200)],
    )
    assert earned(event) == ["All"]


def test_by_hand_nobody_earns_it_on_their_own() -> None:
    assert earned(event_with({"by_hand": True}, amina=[("Talk", 60)])) == []


@pytest.mark.parametrize(
    ("places", "hours"),
    [
        ([("Talk", 60)], "1"),
        ([("Talk", 60), ("Lab", 44)], "1.5"),
        ([("", 14)], None),
        ([("", 240), ("Talk", 60)], "4"),
    ],
)
def test_hours_are_those_they_were_there_by_quarters_rounded_down(places: list[Place], hours: str | None) -> None:
    event = event_with(None, amina=places)
    assert earned(event) == ["Amina"]
    assert says(event).hours == (None if hours is None else Decimal(hours))


def test_hours_are_the_same_for_everybody_where_the_event_says_so() -> None:
    event = event_with({"hours": Decimal("7.5")}, amina=[("", 20)])
    assert earned(event) == ["Amina"]
    assert says(event).hours == Decimal("7.5")


def test_days_without_sessions_are_no_hours_that_somebody_worked() -> None:
    event = workshop()
    amina = make.confirmed(event, "amina")
    end(event)
    Event.objects.filter(pk=event.pk).update(starts_at=event.starts_at - timedelta(days=2))
    event.refresh_from_db()
    let_in(amina)
    assert earned(event) == ["Amina"]
    assert says(event).hours is None


def test_it_says_which_sessions_were_attended_and_by_what_it_was_earned() -> None:
    rules = {"min_attendance_percent": 50, "min_minutes": 90, "required_sessions": ["Lab"]}
    event = event_with(rules, amina=[("Talk", 60), ("Lab", 60)])
    assert earned(event) == ["Amina"]
    assert [part.title for part in says(event).sessions] == ["Talk", "Lab"]
    assert says(event).criteria == (
        "Earned by attending at least 50 percent of the sessions, and being there for at least 90 minutes, "
        "and attending “Lab”."
    )


def test_who_waits_or_cancelled_earns_nothing() -> None:
    event = workshop(capacity=1)
    seated, waiting = make.confirmed(event, "seated"), make.confirmed(event, "waiting")
    end(event)
    let_in(seated)
    Registration.objects.filter(pk=waiting.pk).update(status=Registration.Status.CANCELLED, active_key=None)
    assert earned(event) == ["Seated"]


def test_a_rule_names_sessions_of_its_own_event() -> None:
    event, other = workshop("Talk"), workshop("Talk")
    with pytest.raises(InvalidError) as error:
        set_rules(event, {"required_sessions": [event.sessions.get().pk, other.sessions.get().pk]}, actor=audit.SYSTEM)
    assert [(fault.pointer, fault.code) for fault in error.value.faults] == [("/required_sessions/1", "does_not_exist")]
