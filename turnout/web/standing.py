"""Where somebody's registration stands, in the words of pages, and what they can do about it now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from turnout.accounts.policies import Actor
from turnout.certificates.models import Certificate
from turnout.certificates.queries import certifying, issued_to
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.registrations.queries import closed
from turnout.registrations.tickets import ticket_svg, where

_Status = Registration.Status


@dataclass(frozen=True, slots=True)
class Ticket:
    """A registration, as its holder sees it."""

    registration: Registration
    position: int | None  # in line, from 1
    certificate: Certificate | None = None  # as `with_certificates` has found it
    certifies: bool = False  # whether the event has said by what one is earned

    @property
    def event(self) -> Event:
        """What it is for."""
        return self.registration.event

    @property
    def where(self) -> str:
        """Where this person goes."""
        return where(self.registration)

    @property
    def is_over(self) -> bool:
        """Whether the event has ended."""
        return self.event.ends_at <= now()

    @property
    def has_seat(self) -> bool:
        """Whether a code opens the door, or did."""
        return self.registration.status == _Status.CONFIRMED and self._is_on

    @property
    def can_accept(self) -> bool:
        """Whether a seat is kept for them at this moment."""
        until = self.registration.offer_expires_at
        return until is not None and until > now() and self._is_to_come

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits for their word that they still come."""
        asked = self.registration.asked_at is not None and self.registration.coming_at is None
        return asked and self.has_seat and self.event.starts_at > now()

    @property
    def can_cancel(self) -> bool:
        """Whether there is something to give up."""
        return self.registration.status in Registration.ACTIVE and self._is_to_come

    @property
    def can_reissue(self) -> bool:
        """Whether there is a ticket that another could replace."""
        return self.has_seat and self._is_to_come

    @property
    def can_return(self) -> bool:
        """Whether they are out, and free to come in again."""
        is_out = self.registration.status in {_Status.CANCELLED, _Status.EXPIRED}
        return is_out and closed(self.event) is None

    @property
    def can_proof(self) -> bool:
        """Whether their certificate is still to come, so that its name can be put right."""
        return self.certifies and self.certificate is None and self.has_seat

    def code(self) -> str:
        """Return the code as SVG; empty for who holds no seat, or where nothing takes place."""
        return ticket_svg(self.registration).decode().partition("?>")[2] if self.has_seat else ""

    @property
    def _is_on(self) -> bool:
        return self.event.status == Event.Status.PUBLISHED

    @property
    def _is_to_come(self) -> bool:
        return self._is_on and not self.is_over


def ticket_of(registration: Registration) -> Ticket:
    """Return the ticket of a registration that was loaded `with_position()`."""
    return Ticket(registration, registration.line_position)


def with_certificates(tickets: Sequence[Ticket]) -> list[Ticket]:
    """Return these tickets with what their holders have earned, in two queries."""
    found = issued_to([each.registration for each in tickets])
    events = certifying({each.registration.event_id for each in tickets})
    return [
        replace(each, certificate=found.get(each.registration.pk), certifies=each.registration.event_id in events)
        for each in tickets
    ]


def held(actor: Actor) -> RegistrationQuerySet:
    """Return what belongs to whoever is signed in, with all that a ticket shows."""
    return Registration.objects.held_by(actor).with_position().select_related("event")


def own_ticket(actor: Actor, event: Event) -> Ticket | None:
    """Return what stands for somebody at an event, by whichever door they came in; None where nothing does."""
    standing = held(actor).active().filter(event=event).first() if actor.is_authenticated else None
    return ticket_of(standing) if standing is not None else None
