"""Makes certificates in tests: people are let in, the event ends, and they are issued as the product does it."""

from datetime import timedelta

import time_machine

from tests.support import door, make
from turnout.certificates.actions import Named, issue_by_hand, issue_to
from turnout.certificates.models import Certificate, Role
from turnout.core.audit import SYSTEM
from turnout.events.models import Event
from turnout.registrations.models import Registration


def went_to(event: Event, name: str = "", **fields: object) -> Registration:
    """Return somebody with a seat who was let in as the event began."""
    person = make.confirmed(event, name, **fields)
    assert event.owner is not None
    with time_machine.travel(event.starts_at + timedelta(minutes=1)):
        door.scan(event.owner, person)
    return person


def certified(event: Event, name: str = "", **fields: object) -> Certificate:
    """Return the certificate of somebody who was there, issued when it was over."""
    person = went_to(event, name, **fields)
    with time_machine.travel(event.ends_at + timedelta(minutes=1)):
        return issue_to(person, actor=SYSTEM)


def by_hand(event: Event, name: str, email: str = "", role: Role = Role.SPEAKER) -> Certificate:
    """Return one that the team gave."""
    with time_machine.travel(event.ends_at + timedelta(minutes=1)):
        return issue_by_hand(event, role, Named(full_name=name, email=email), actor=SYSTEM)
