"""Makes what tests begin with, by the product's own actions."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.test import APIClient

from turnout.accounts.actions import create_account, create_staff
from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.models import Role, User
from turnout.core import audit
from turnout.core.clock import now
from turnout.events.actions import Capacity, Parts, create_event, save_partner, save_speaker
from turnout.events.actions.questions import QuestionDraft
from turnout.events.models import Event, Partner, Question, Session, Speaker
from turnout.registrations.actions import Guest, confirm, enroll, register
from turnout.registrations.actions.sheets import import_people
from turnout.registrations.models import Registration
from turnout.registrations.sheets import Entry, Sheet

_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"


def event(
    *,
    capacity: int | None = None,
    by_type: dict[str, int | None] | None = None,
    parts: Parts | None = None,
    starts_at: datetime | None = None,
    hours: float = 2,
    **fields: Any,
) -> Event:
    """Return a published workshop of tomorrow."""
    start = starts_at or now() + timedelta(days=1)
    fields = {"title": f"Workshop {next(_numbers)}", "location": "Algiers", "timezone": "Africa/Algiers"} | fields
    new = Event(starts_at=start, ends_at=start + timedelta(hours=hours), **fields)
    return create_event(new, Capacity(capacity, by_type or {}), parts or Parts(languages=["en"]))


def full_event(number: int = 1, **fields: Any) -> Event:
    """Return an event with everything that can hang on one."""
    partner = save_partner(Partner(name=f"Partner {number}"))
    speakers = [save_speaker(Speaker(name=f"Speaker {number}.{letter}", partner=partner)) for letter in "ab"]
    start = fields.pop("starts_at", now() + timedelta(days=1, minutes=number))
    sessions = [
        Session(title=f"{part}", starts_at=start + timedelta(hours=part), ends_at=start + timedelta(hours=part + 1))
        for part in range(2)
    ]
    parts = Parts(languages=["fr", "ar"], speakers=speakers, sessions=sessions)
    return event(starts_at=start, partner=partner, parts=parts, **fields)


def asking(*drafts: QuestionDraft, **fields: Any) -> tuple[Event, list[Question]]:
    """Return an event that asks these questions, and the questions."""
    new = event(parts=Parts(languages=["en"], questions=drafts), **fields)
    return new, list(Question.objects.asked_at(new.pk))


def guest(name: str = "", *, attendance_type: str = "on_site", **fields: Any) -> Guest:
    """Return somebody with an address of their own."""
    name = name or f"guest{next(_numbers)}"
    defaults = {"full_name": name.title(), "email": f"{name}@example.org", "attendance_type": attendance_type}
    return Guest(**(defaults | fields))


def pending(at: Event, name: str = "", **fields: Any) -> Registration:
    """Return a registration that waits for its address to be confirmed."""
    return register(at, guest(name, **fields))


def confirmed(at: Event, name: str = "", **fields: Any) -> Registration:
    """Return a registration whose address is confirmed: with a seat, or in line."""
    return confirm(pending(at, name, **fields).confirmation_token)


def crowd(at: Event, size: int) -> list[Registration]:
    """Return so many people with seats, from a sheet."""
    first = next(_numbers) * 10_000
    names = [f"crowd{first + number}" for number in range(size)]
    rows = [Entry(number, name, f"{name}@example.org", "on_site") for number, name in enumerate(names, 1)]
    import_people(at, Sheet(rows, []), notify=False)
    return list(Registration.objects.filter(event=at, full_name__in=names).order_by("id"))


def enrolled(at: Event, person: User | None = None, **fields: Any) -> Registration:
    """Return the registration of somebody with an account: with a seat, in line, or in review."""
    person = person or user(role=Role.SEEKER)
    return enroll(at, guest(full_name=person.name, email=person.email, **fields), actor=audit.actor_of(person))


def staff() -> User:
    """Return somebody who runs the platform, signed in with a second factor: as django-otp's middleware marks them."""
    user = create_staff(f"staff{next(_numbers)}@example.org", PASSWORD)
    user.is_verified = lambda: True  # type: ignore[attr-defined]  # set at run time
    return user


def user(name: str = "", *, role: str = Role.FACILITATOR, **fields: Any) -> User:
    """Return somebody with an account and a verified address."""
    name = name or f"user{next(_numbers)}"
    new = create_account(f"{name}@example.org", PASSWORD, role=role, name=name.title())
    for field, value in fields.items():
        setattr(new, field, value)
    new.save()
    return new


def client(actor: User | None = None, *, second_factor: bool = False) -> APIClient:
    """Return a stranger's API client, or that of somebody signed in, with a second factor or without."""
    browser = APIClient(SERVER_NAME="localhost", raise_request_exception=False)
    if actor is None:
        return browser
    browser.force_login(actor)
    if second_factor:
        enrol_second_factor(actor)
        session = browser.session
        session[DEVICE_ID_SESSION_KEY] = TOTPDevice.objects.get(user=actor).persistent_id
        session.save()
    return browser
