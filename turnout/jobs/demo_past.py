"""What the demo has behind it: one event that is over, who was there, and the certificates they got."""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from turnout.accounts.models import User
from turnout.attendance.actions.scanning import sync
from turnout.attendance.cases import Attempt
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.certificates.actions import Named, issue_by_hand, issue_earned
from turnout.certificates.actions.rules import set_rules
from turnout.certificates.models import Role
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.text import digest
from turnout.core.transactions import transactional
from turnout.events.actions import Capacity, Parts, create_event, update_event
from turnout.events.models import Event, Session
from turnout.registrations.actions.sheets import import_people
from turnout.registrations.models import Registration
from turnout.registrations.sheets import Entry, Sheet

_DATA = Path(__file__).parent / "demo_data" / "past.json"
_UNTIL_THEN = timedelta(days=7)  # nobody can be registered for what is over, so it is over only once they are


@transactional
def load_past(day: date, owner: User, guest: User) -> None:
    """Make an event of that day, unless it is there, and certify who was; `guest` is one of them."""
    row: dict[str, Any] = json.loads(_DATA.read_text(encoding="utf-8"))
    key = digest("demo", row["slug"])
    if Event.objects.filter(source_key=key).exists():
        return
    starts_at = datetime.combine(day, time.fromisoformat(row["time"]), ZoneInfo(row["timezone"]))
    people = [{"full_name": guest.name, "email": guest.email, "attended": [0, 1]}, *row["people"]]
    event = _event_with(people, row, Event(source_key=key, owner=owner), starts_at)
    _let_in(people, event, owner)
    set_rules(event, {"min_attendance_percent": 50}, actor=audit.SYSTEM)
    issue_earned(event, actor=audit.SYSTEM)
    issue_by_hand(event, Role.VOLUNTEER, Named(full_name=row["volunteer"]), actor=audit.SYSTEM)


def _event_with(people: list[dict[str, Any]], row: dict[str, Any], event: Event, starts_at: datetime) -> Event:
    """Return the event with its sessions, and these people registered."""
    for name in ("title", "description", "location", "timezone"):
        setattr(event, name, row[name])
    event.kind = Event.Kind.MEETUP
    event.starts_at = now() + _UNTIL_THEN
    event.ends_at = event.starts_at + timedelta(hours=1)
    create_event(event, Capacity(20), Parts(languages=["en"]))
    entries = [Entry(number, each["full_name"], each["email"], "on_site") for number, each in enumerate(people, 1)]
    import_people(event, Sheet(entries, []), notify=False)
    sessions = [
        Session(
            title=part["title"],
            room=part["room"],
            starts_at=starts_at + timedelta(minutes=part["start"]),
            ends_at=starts_at + timedelta(minutes=part["start"] + part["minutes"]),
        )
        for part in row["sessions"]
    ]
    event.starts_at, event.ends_at = starts_at, sessions[-1].ends_at
    return update_event(event, Parts(sessions=sessions))


def _let_in(people: list[dict[str, Any]], event: Event, owner: User) -> None:
    """Check them in at the sessions that they attended."""
    registered = dict(Registration.objects.filter(event=event).values_list("email", "pk"))
    sessions = list(event.sessions.order_by("starts_at"))
    attempts = [
        Attempt(
            scan_id=f"demo-{each['email']}-{number}",
            scanned_at=sessions[number].starts_at + timedelta(minutes=1),
            registration=registered[each["email"]],
            event=event.pk,
            session=sessions[number].pk,
            device="Tablet",
        )
        for each in people
        for number in each["attended"]
    ]
    sync(Doorkeeper.of_person(owner), attempts)
