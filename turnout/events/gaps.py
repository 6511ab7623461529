"""What is still missing before an event can be published. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from turnout.core.errors import Fault
from turnout.events.models import Event, SeatPool, Session


def gaps(event: Event, pools: Iterable[SeatPool], sessions: Iterable[Session], at: datetime) -> list[Fault]:
    """Return everything for which an event with these seats and sessions would be of no use to anybody at this moment.

    Nothing where it is complete. The one rule: publishing asks it, and so does whoever only wants to know.
    """
    return [*_of_dates(event, at), *_of_place(event), *_of_seats(event, pools), *_of_sessions(event, sessions)]


def hints(event: Event) -> list[Fault]:
    """Return what people will miss, and what hinders no publishing."""
    missing = [
        (not event.description, "description", _("Nothing says what it is about.")),
        (not event.languages.all(), "language", _("Nothing says in which language it is held.")),
        (not event.image, "image", _("It has no picture.")),
        (
            event.offers_on_site and not event.location,
            "location",
            _("Nothing tells those who come on site where to go."),
        ),
        (
            event.offers_online and not event.online_url,
            "online_url",
            _("Nothing tells those who come online where to go."),
        ),
    ]
    return [Fault(f"/{name}", f"no_{name}", detail) for is_missing, name, detail in missing if is_missing]


def _of_dates(event: Event, at: datetime) -> Iterator[Fault]:
    if event.ends_at <= at:
        yield Fault("/ends_at", "event_over", _("It is over already."))
        return
    if event.registration_ends_at <= at:
        yield Fault("/registration_closes_at", "registration_over", _("Registration has closed already."))
    opens = event.registration_opens_at
    if opens is not None and opens >= event.registration_ends_at:
        yield Fault("/registration_opens_at", "opens_too_late", _("Registration would open after it has closed."))


def _of_place(event: Event) -> Iterator[Fault]:
    if not event.location and not event.online_url:
        yield Fault("/location", "no_place", _("It has neither a location nor an address online."))


def _of_seats(event: Event, pools: Iterable[SeatPool]) -> Iterator[Fault]:
    if not event.waitlist_enabled and all(pool.capacity == 0 for pool in pools):
        yield Fault("/capacity", "no_seats", _("It has no seats and no waiting list."))


def _of_sessions(event: Event, sessions: Iterable[Session]) -> Iterator[Fault]:
    for index, session in enumerate(sessions):
        if session.starts_at < event.starts_at:
            message = _("“%s” begins before the event does.") % session.title
            yield Fault(f"/sessions/{index}/starts_at", "outside_event", message)
        if session.ends_at > event.ends_at:
            message = _("“%s” ends after the event does.") % session.title
            yield Fault(f"/sessions/{index}/ends_at", "outside_event", message)
