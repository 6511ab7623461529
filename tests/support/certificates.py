"""Events that are over, and who was there."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.support import make
from tests.support.door import offline
from turnout.certificates.actions.rules import set_rules
from turnout.core import audit
from turnout.core.clock import now
from turnout.events.actions import Parts
from turnout.events.models import Event, Session
from turnout.registrations.models import Registration

HOURS = 4
_AGO = timedelta(hours=5)  # when it began


def workshop(*titles: str, rules: dict[str, Any] | None = None, **fields: Any) -> Event:
    """Return an event that ended an hour ago, with sessions of an hour one after the other, to be registered for."""
    start = now() + timedelta(days=1)
    sessions = [
        Session(title=title, starts_at=start + timedelta(hours=number), ends_at=start + timedelta(hours=number + 1))
        for number, title in enumerate(titles)
    ]
    fields = {"owner": fields.pop("owner", None) or make.user(), **fields}
    event = make.event(starts_at=start, hours=HOURS, parts=Parts(languages=["en"], sessions=sessions), **fields)
    if rules is not None:
        names = {session.title: session.pk for session in event.sessions.all()}
        asked = {**rules, "required_sessions": [names[each] for each in rules.get("required_sessions", ())]}
        set_rules(event, asked, actor=audit.SYSTEM)
    return event


def end(event: Event) -> Event:
    """Let an event, and its sessions, be over since an hour: nobody registers any more."""
    by = event.starts_at - (now() - _AGO)
    for session in event.sessions.all():
        Session.objects.filter(pk=session.pk).update(starts_at=session.starts_at - by, ends_at=session.ends_at - by)
    Event.objects.filter(pk=event.pk).update(starts_at=event.starts_at - by, ends_at=event.ends_at - by)
    event.refresh_from_db()
    return event


def let_in(who: Registration, *, session: str = "", minutes: float = 0, stay: float | None = None) -> Registration:
    """Write that somebody came so many minutes after the beginning of an event that is over, or of a session of it.

    They stayed until its end, or so many minutes.
    """
    event = Event.objects.get(pk=who.event_id)
    place = event.sessions.get(title=session) if session else None
    came = (place or event).starts_at + timedelta(minutes=minutes)
    assert event.owner is not None
    offline(event.owner, who, came, session=place and place.pk)
    if stay is not None:
        offline(event.owner, who, came + timedelta(minutes=stay), session=place and place.pk, direction="out")
    return Registration.objects.select_related("event").get(pk=who.pk)


def attended_by(*names: str, **fields: Any) -> tuple[Event, Sequence[Registration]]:
    """Return an event that is over, where these people were, and their registrations."""
    event = workshop(**fields)
    people = [make.confirmed(event, name) for name in names]
    end(event)
    return event, [let_in(each) for each in people]
