"""Issuing: once to each person, event and role, after the event, on its own or by hand; what follows it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import make
from tests.support.certificates import attended_by, end, let_in, workshop
from turnout.certificates.actions import (
    Named,
    correct,
    issue_by_hand,
    issue_due,
    issue_earned,
    issue_to,
    issue_to_each,
    issuing,
    revoke,
)
from turnout.certificates.actions.events import change_event
from turnout.certificates.actions.naming import correct_name
from turnout.certificates.actions.rules import set_rules
from turnout.certificates.models import Certificate, CertificateRules, Role, Standing, Version
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, InvalidError
from turnout.core.models import AuditEntry
from turnout.events.models import Event
from turnout.jobs import worker
from turnout.notifications.models import Message
from turnout.registrations.actions.events import EventChange, remove_event
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

TEAM = "user:team"


def names(issued: list[Certificate]) -> list[str]:
    return [each.full_name for each in issued]


def refused(error: pytest.ExceptionInfo[Any]) -> tuple[str, list[tuple[str, str]]]:
    return error.value.code, [(fault.pointer, fault.code) for fault in error.value.faults]


# --- Once ----------------------------------------------------------------------------------------------------------


def test_who_earned_one_gets_it_once_however_often_and_by_whom_it_is_asked_for() -> None:
    event, (amina, bilal) = attended_by("amina", "bilal")
    assert names(issue_earned(event, actor=TEAM)) == ["Amina", "Bilal"]
    assert issue_earned(event, actor=audit.SYSTEM) == []
    assert issue_to(amina, actor=TEAM) == Certificate.objects.get(registration=amina)
    assert issue_to_each(event, [bilal.pk, amina.pk], actor=TEAM) == []
    assert issue_due() == 0
    assert Version.objects.count() == Certificate.objects.count() == 2
    assert Message.objects.filter(kind="certificate.issued").count() == 2


def test_who_was_seated_later_gets_what_is_missing() -> None:
    event, _people = attended_by("amina")
    late = Registration.objects.get(event=event)
    issue_earned(event, actor=TEAM)
    Event.objects.filter(pk=event.pk).update(ends_at=now() + timedelta(hours=1))
    bilal = make.confirmed(Event.objects.get(pk=event.pk), "bilal")
    Event.objects.filter(pk=event.pk).update(ends_at=event.ends_at)
    let_in(bilal)
    assert names(issue_earned(event, actor=TEAM)) == ["Bilal"]
    assert Certificate.objects.filter(registration=late).count() == 1


def test_a_person_is_one_by_their_address_and_another_registration_brings_no_second() -> None:
    event, (amina,) = attended_by("amina")
    issue_earned(event, actor=TEAM)
    Registration.objects.filter(pk=amina.pk).update(status=Registration.Status.CANCELLED, active_key=None)
    Event.objects.filter(pk=event.pk).update(ends_at=now() + timedelta(hours=1))
    again = make.confirmed(Event.objects.get(pk=event.pk), "amina")
    Event.objects.filter(pk=event.pk).update(ends_at=event.ends_at)
    let_in(again)
    assert issue_earned(Event.objects.get(pk=event.pk), actor=TEAM) == []


def test_who_changed_their_address_since_gets_no_second() -> None:
    event, (amina,) = attended_by("amina")
    first = issue_to(amina, actor=TEAM)
    Registration.objects.filter(pk=amina.pk).update(email="other@example.org")
    amina.refresh_from_db()
    assert issue_to(amina, actor=TEAM) == first
    assert issue_earned(event, actor=TEAM) == []


def test_each_version_has_a_bit_of_its_own_and_a_full_list_is_followed_by_another() -> None:
    with patch.object(issuing, "LIST_LENGTH", 8), patch.object(issuing, "_FULL", 4):
        event, _people = attended_by("a", "b", "c", "d", "e", "f", "g")
        for each in Registration.objects.filter(event=event):
            issue_to(each, actor=TEAM)
    bits = list(Version.objects.values_list("status_list", "status_index"))
    assert sorted(number for number, _bit in bits) == [0, 0, 0, 0, 1, 1, 1]
    assert len(set(bits)) == 7


# --- When it is refused --------------------------------------------------------------------------------------------


def test_before_the_end_nobody_gets_one() -> None:
    event = workshop()
    amina = make.confirmed(event)
    for issue in (
        lambda: issue_earned(event, actor=TEAM),
        lambda: issue_to(amina, actor=TEAM),
        lambda: issue_by_hand(event, Role.SPEAKER, Named(full_name="Sami"), actor=TEAM),
    ):
        with pytest.raises(ConflictError, check=lambda error: error.code == "event_not_over"):
            issue()


def test_a_cancelled_event_certifies_nobody() -> None:
    event, (amina,) = attended_by("amina")
    remove_event(event)
    event.refresh_from_db()
    amina.refresh_from_db()
    for issue in (lambda: issue_earned(event, actor=TEAM), lambda: issue_to(amina, actor=TEAM)):
        with pytest.raises(ConflictError, check=lambda error: error.code == "event_cancelled"):
            issue()


def test_who_is_named_without_a_right_to_one_is_refused_and_nobody_gets_any() -> None:
    event = workshop("Talk", rules={"min_minutes": 30})
    there, short, away, gone = (make.confirmed(event, name) for name in ("there", "short", "away", "gone"))
    end(event)
    let_in(there)
    let_in(short, stay=29)
    Registration.objects.filter(pk=gone.pk).update(status=Registration.Status.CANCELLED, active_key=None)
    with pytest.raises(ConflictError) as error:
        issue_to_each(event, [there.pk, short.pk, away.pk, gone.pk], actor=TEAM)
    assert refused(error) == (
        "not_earned",
        [
            ("/registrations/1", "not_earned"),
            ("/registrations/2", "not_attended"),
            ("/registrations/3", "registration_not_confirmed"),
        ],
    )
    assert not Certificate.objects.exists()
    assert names(issue_to_each(event, [there.pk], actor=TEAM)) == ["There"]


def test_who_is_registered_elsewhere_is_not_known_here() -> None:
    event, (amina,) = attended_by("amina")
    _other, (bilal,) = attended_by("bilal")
    with pytest.raises(InvalidError) as error:
        issue_to_each(event, [amina.pk, bilal.pk], actor=TEAM)
    assert refused(error) == ("invalid", [("/registrations/1", "does_not_exist")])
    assert not Certificate.objects.exists()


# --- By hand -------------------------------------------------------------------------------------------------------


def test_where_the_team_decides_who_is_named_gets_one_and_nobody_else() -> None:
    event, (amina, _bilal) = attended_by("amina", "bilal", rules={"by_hand": True})
    assert issue_earned(event, actor=TEAM) == []
    assert names(issue_to_each(event, [amina.pk], actor=TEAM)) == ["Amina"]


def test_one_person_gets_one_in_each_role() -> None:
    event, (amina,) = attended_by("amina")
    named = Named(full_name="Amina", email="AMINA@Example.org ", hours=Decimal(2))
    issued = {role: issue_by_hand(event, role, named, actor=TEAM) for role in Role if role != Role.PARTICIPANT}
    assert issue_by_hand(event, Role.SPEAKER, named, actor=TEAM) == issued[Role.SPEAKER]
    issue_to(amina, actor=TEAM)
    assert sorted(Certificate.objects.values_list("role", "email")) == [
        (str(role), "amina@example.org") for role in sorted(Role)
    ]


def test_who_has_no_address_is_known_by_name_and_told_nothing() -> None:
    event, _people = attended_by("amina")
    first = issue_by_hand(event, Role.VOLUNTEER, Named(full_name="Zoé"), actor=TEAM)
    assert issue_by_hand(event, Role.VOLUNTEER, Named(full_name="zoe"), actor=TEAM) == first
    assert not Message.objects.filter(kind="certificate.issued").exists()


def test_a_participant_earns_it_and_is_not_given_it() -> None:
    event, _people = attended_by("amina")
    with pytest.raises(InvalidError, check=lambda error: error.code == "role_is_earned"):
        issue_by_hand(event, Role.PARTICIPANT, Named(full_name="Amina"), actor=TEAM)


# --- After it ------------------------------------------------------------------------------------------------------


def test_a_correction_is_another_version_behind_the_same_id() -> None:
    _event, (amina,) = attended_by("amina")
    certificate = issue_to(amina, actor=TEAM)
    for name in ("Amina B.", "Amina Bensalah"):
        correct(certificate, name, "a letter was wrong", actor=TEAM)
    certificate.refresh_from_db()
    assert (certificate.full_name, certificate.current) == ("Amina Bensalah", 3)
    assert [(each.number, each.says.name, each.reason, each.standing) for each in certificate.versions.all()] == [
        (1, "Amina", "", Standing.SUPERSEDED),
        (2, "Amina B.", "a letter was wrong", Standing.SUPERSEDED),
        (3, "Amina Bensalah", "a letter was wrong", Standing.VALID),
    ]
    with pytest.raises(InvalidError, check=lambda error: error.code == "same_name"):
        correct(certificate, "Amina Bensalah", "again", actor=TEAM)


def test_what_was_revoked_stays_so_and_is_not_issued_again() -> None:
    event, (amina,) = attended_by("amina")
    certificate = revoke(issue_to(amina, actor=TEAM), "a mistake", actor=TEAM)
    assert certificate.standing == Standing.REVOKED
    assert issue_earned(event, actor=TEAM) == []
    assert issue_to(amina, actor=TEAM) == certificate
    with pytest.raises(ConflictError, check=lambda error: error.code == "certificate_revoked"):
        revoke(certificate, "again", actor=TEAM)
    with pytest.raises(ConflictError, check=lambda error: error.code == "certificate_revoked"):
        correct(certificate, "Amina B.", "late", actor=TEAM)
    deeds = AuditEntry.objects.filter(subject=certificate.pk).order_by("id").values_list("actor", "verb")
    assert list(deeds) == [(TEAM, "certificate.issued"), (TEAM, "certificate.revoked")]


def test_a_name_is_corrected_until_it_is_issued() -> None:
    event, (amina,) = attended_by("amina")
    assert correct_name(amina, "Amina Bensalah", actor=audit.GUEST).full_name == "Amina Bensalah"
    assert names(issue_earned(event, actor=TEAM)) == ["Amina Bensalah"]
    with pytest.raises(ConflictError, check=lambda error: error.code == "certificate_issued"):
        correct_name(amina, "Amina B.", actor=audit.GUEST)


# --- On its own ----------------------------------------------------------------------------------------------------


def swept() -> list[str]:
    """Let the worker look, and return who got one."""
    before = set(Certificate.objects.values_list("pk", flat=True))
    count = issue_due()
    issued = Certificate.objects.exclude(pk__in=before)
    assert len(issued) == count
    return sorted(each.full_name for each in issued)


def test_the_worker_issues_once_an_event_has_ended_and_says_so_in_its_rule() -> None:
    attended_by("says", rules={})
    attended_by("says_nothing")
    attended_by("says_no", rules={"automatic": False})
    attended_by("says_by_hand", rules={"by_hand": True})
    running = workshop(rules={})
    make.confirmed(running)
    worker._sweep()
    assert [(each.says.name, each.issued_by) for each in Version.objects.all()] == [("Says", audit.SYSTEM)]


def test_scans_that_come_late_bring_theirs_ten_minutes_later() -> None:
    event = workshop(rules={})
    late = make.confirmed(event, "late")
    end(event)
    assert swept() == []
    let_in(late)
    assert swept() == []
    with time_machine.travel(now() + timedelta(minutes=9)):
        assert swept() == []
    with time_machine.travel(now() + timedelta(minutes=11)):
        assert swept() == ["Late"]


def test_after_thirty_days_it_looks_no_more_until_the_rule_is_another() -> None:
    event = workshop(rules={"min_minutes": 300})
    late = make.confirmed(event, "late")
    end(event)
    let_in(late)
    with time_machine.travel(now() + timedelta(days=31)):
        assert swept() == []
        assert CertificateRules.objects.get(pk=event.pk).closed
    with time_machine.travel(now() + timedelta(days=32)):
        with CaptureQueriesContext(connection) as asked:
            assert swept() == []
        assert len(asked) == 3
        set_rules(event, {"min_minutes": 0}, actor=TEAM)
        assert swept() == ["Late"]


def test_who_wrote_the_wrong_year_and_moves_the_event_gets_them_on_their_own() -> None:
    event = workshop(rules={})
    late = make.confirmed(event, "late")
    right = {"starts_at": end(event).starts_at, "ends_at": event.ends_at}
    a_year = timedelta(days=365)
    Event.objects.filter(pk=event.pk).update(**{name: moment - a_year for name, moment in right.items()})
    assert swept() == []
    assert CertificateRules.objects.get(pk=event.pk).closed

    change_event(Event.objects.get(pk=event.pk), EventChange(right), None, actor=TEAM)
    let_in(late)
    assert swept() == ["Late"]


def test_an_event_that_is_broken_keeps_no_other_waiting() -> None:
    broken, _people = attended_by("broken", rules={})
    attended_by("other", rules={})
    issue = issuing.issue_earned

    def fail_at_one(event: Event, **named: Any) -> list[Certificate]:
        if event == broken:
            raise ZeroDivisionError
        return issue(event, **named)

    with patch.object(issuing, "issue_earned", fail_at_one):
        assert swept() == ["Other"]
        assert swept() == []
    with time_machine.travel(now() + timedelta(minutes=11)):
        assert swept() == ["Broken"]


def test_where_nobody_has_looked_yet_comes_first() -> None:
    attended_by("looked_at", rules={})
    CertificateRules.objects.update(swept_at=now() - timedelta(hours=1))
    attended_by("new", rules={})
    with patch.object(issuing, "_EVENTS_AT_ONCE", 1):
        assert [swept(), swept()] == [["New"], ["Looked_At"]]


def test_a_draft_or_cancelled_event_issues_nothing_on_its_own() -> None:
    event, _people = attended_by("amina", rules={})
    Event.objects.filter(pk=event.pk).update(status=Event.Status.CANCELLED)
    assert swept() == []


# --- How much it asks ----------------------------------------------------------------------------------------------


def test_it_asks_as_often_for_a_hundred_as_for_one() -> None:
    asked = []  # but for rows written: SQLite takes some at a time
    for size in (1, 100):
        event = workshop("Talk", "Lab", rules={"min_minutes": 1})
        crowd = make.crowd(event, size)
        end(event)
        for each in crowd:
            let_in(each, session="Talk")
        with CaptureQueriesContext(connection) as queries:
            assert len(issue_earned(event, actor=TEAM)) == size
        asked.append(sum(not query["sql"].startswith("INSERT") for query in queries))
    assert asked[0] == asked[1], asked


def test_it_asks_as_often_for_a_hundred_that_are_named() -> None:
    asked = []  # but for rows written: SQLite takes some at a time
    for size in (1, 100):
        event = workshop()
        crowd = make.crowd(event, size)
        end(event)
        for each in crowd:
            let_in(each)
        with CaptureQueriesContext(connection) as queries:
            assert len(issue_to_each(event, [each.pk for each in crowd], actor=TEAM)) == size
        asked.append(sum(not query["sql"].startswith("INSERT") for query in queries))
    assert asked[0] == asked[1], asked
