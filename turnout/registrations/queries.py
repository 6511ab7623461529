"""What is asked of registrations by more than one place."""

import uuid
from collections.abc import Iterable, Sequence

from django.db.models import Count, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _

from turnout.accounts.models import User
from turnout.accounts.policies import Actor, refusal
from turnout.core.clock import now
from turnout.core.errors import ConflictError, GoneError, NotFoundError
from turnout.core.tokens import read_token
from turnout.events.models import Event, SeatPool, Series
from turnout.events.policies import Right, Standing, may
from turnout.events.queries import seats_of, standing
from turnout.events.when import moment
from turnout.registrations.models import CONFIRM, EventMove, Registration, RegistrationQuerySet, active_key


def find(registration_id: uuid.UUID, actor: Actor, key: str) -> Registration:
    """Return a registration to its holder (whoever has its key) or to who may see it; NotFoundError to all others."""
    registration = Registration.objects.select_related("event").filter(pk=registration_id).first()
    if registration is not None and key and registration.opens_with(key):
        return registration
    if registration is not None and Registration.objects.visible_to(actor).filter(pk=registration_id).exists():
        return registration
    raise NotFoundError


def to_confirm(token: str) -> Registration:
    """Return the registration that a token from a confirmation mail stands for, confirmed already or not.

    One that was rolled back counts as pending: a click on the link proves the mailbox.
    Raises InvalidError `token_invalid`; GoneError `token_expired`; ConflictError `registration_cancelled`.
    """
    registration = Registration.objects.select_related("event").filter(pk=read_token(CONFIRM, token)).first()
    if registration is None or registration.expires_at <= now() or registration.status == Registration.Status.EXPIRED:
        message = _("This link is older than seven days. Register again to get a new one.")
        raise GoneError(message, "token_expired")
    if registration.status == Registration.Status.CANCELLED and registration.rolled_back_by is None:
        message = _("This registration was cancelled. Register again to come after all.")
        raise ConflictError(message, "registration_cancelled")
    if registration.status == Registration.Status.DECLINED:
        raise ConflictError(_("The organisers declined this registration."), "registration_declined")
    return registration


def pools_for(event: Event, *attendance_types: str) -> QuerySet[SeatPool]:
    """Return the pools that seat people who attend in these ways: one each, or one for all."""
    return SeatPool.objects.filter(event=event, attendance_type__in=["", *attendance_types])


def line(pool: SeatPool) -> QuerySet[Registration]:
    """Return who waits for a seat of this pool, the first in line first."""
    waiting = Registration.objects.filter(event=pool.event_id).in_line()
    return waiting.filter(attendance_type=pool.attendance_type) if pool.attendance_type else waiting


def held_in_series(series: Series, addresses: Sequence[str]) -> dict[str, list[str | None]]:
    """Return by address the series keys of all that stands in a series' events; None for what has none."""
    standing = Registration.objects.filter(event__series=series, email__in=addresses).active().order_by()
    held: dict[str, list[str | None]] = {address: [] for address in addresses}
    for address, key in standing.exclude(event__status=Event.Status.CANCELLED).values_list("email", "series_key"):
        held[address].append(key)
    return held


def position(registration: Registration) -> int | None:
    """Return the place in line, from 1, of who waits; None for everybody else."""
    if registration.status != Registration.Status.WAITLISTED:
        return None
    pool = pools_for(registration.event, registration.attendance_type).get()
    # Those before, and oneself: who was promoted since the row was read is never number 0.
    return line(pool).filter(place__lt=registration.place).count() + 1


def positions(event: Event, registrations: Iterable[Registration]) -> dict[uuid.UUID, int]:
    """Return the places in line, from 1, of those of the event's registrations who wait, by one count over the line."""
    waiting = [each.pk for each in registrations if each.status == Registration.Status.WAITLISTED]
    if not waiting:
        return {}
    by_type = SeatPool.objects.filter(event=event).exclude(attendance_type="").exists()
    place = Window(RowNumber(), partition_by=["attendance_type"] if by_type else None, order_by="place")
    numbered = Registration.objects.filter(event=event).in_line().annotate(number=place)
    # All of the line is numbered before these are chosen: a condition that names the number stands outside the count.
    chosen = numbered.filter(Q(pk__in=waiting) | Q(number__lt=1))
    return dict(chosen.order_by().values_list("pk", "number"))


def upcoming(actor: Actor) -> RegistrationQuerySet:
    """Return what somebody has before them, soonest first: what stands at their address, and what is not confirmed."""
    own = Registration.objects.held_by(actor).filter(event__ends_at__gt=now())
    return _shown(own.filter(status__in=[*Registration.ACTIVE, Registration.Status.PENDING]), "event__starts_at", "id")


def past(actor: Actor) -> RegistrationQuerySet:
    """Return what somebody stood registered for when it ended, the latest first."""
    own = Registration.objects.held_by(actor).filter(event__ends_at__lte=now())
    return _shown(own.active(), "-event__starts_at", "-id")


def _shown(found: RegistrationQuerySet, *order: str) -> RegistrationQuerySet:
    return found.with_position().select_related("event").order_by(*order)


def times_moved(event_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how often each of these events was moved, by its id; those that never were are left out."""
    moves = EventMove.objects.filter(event__in=event_ids).order_by().values("event")
    return dict(moves.annotate(count=Count("pk")).values_list("event", "count"))


def find_to_decide(registration_id: uuid.UUID, actor: Actor) -> Registration:
    """Return a registration to who may decide on it; NotFoundError to all others, its holder among them."""
    found = Registration.objects.run_by(actor).select_related("event").filter(pk=registration_id).first()
    if found is None:
        raise NotFoundError
    return found


def find_for_team(right: Right, actor: Actor, registration_id: uuid.UUID) -> Registration:
    """Return a registration to who of its event's team has this right; ForbiddenError to others who let people in.

    NotFoundError to all others, its holder among them.
    """
    found = Registration.objects.select_related("event").filter(pk=registration_id).first()
    stands = Standing.STRANGER if found is None else standing(found.event, actor)
    if found is None or not may(stands, Right.CHECK_IN):
        raise NotFoundError
    if not may(stands, right):
        raise refusal(actor)
    return found


def enrollment(event_id: uuid.UUID, user: User) -> Registration:
    """Return what stands for somebody at an event, by whichever door they came in; NotFoundError where nothing does."""
    key = active_key(event_id, user.email)
    found = Registration.objects.select_related("event").filter(active_key=key).first()
    if found is None:
        raise NotFoundError
    return found


def closed(event: Event) -> ConflictError | None:
    """Return why nobody can register for the event at this moment; None where people can, if only to wait."""
    start = now()
    if event.status != Event.Status.PUBLISHED or event.registration_ends_at <= start:
        return registration_closed(event)
    if event.registration_opens_at is not None and start < event.registration_opens_at:
        message = _("Registration opens on %s.") % moment(event, event.registration_opens_at)
        return ConflictError(message, "registration_not_open", opens_at=event.registration_opens_at)
    return None


def barred(event: Event) -> ConflictError | None:
    """Return why nobody can register for the event, however they attend: as `closed`, or it is full without a line."""
    full = seats_of(event).available == 0 and not event.waitlist_enabled
    return closed(event) or (event_full() if full else None)


def can_be_changed(registration: Registration) -> bool:
    """Tell whether the holder can still change or cancel it."""
    ended = {Registration.Status.CANCELLED, Registration.Status.DECLINED, Registration.Status.EXPIRED}
    return registration.status not in ended and registration.event.ends_at > now()


def check_takes_place(event: Event) -> None:
    """ConflictError `registration_closed` for an event that is over, cancelled or not published."""
    if event.status != Event.Status.PUBLISHED or event.ends_at <= now():
        raise registration_closed(event)


def registration_closed(event: Event) -> ConflictError:
    """Return the error for what comes too late, with its reason."""
    if event.status == Event.Status.CANCELLED:
        message = _("This event is cancelled.")
    elif event.ends_at <= now():
        message = _("This event is over.")
    else:
        message = _("Registration for this event is closed.")
    return ConflictError(message, "registration_closed")


def event_full() -> ConflictError:
    """Return the error for an event without a seat or a line."""
    return ConflictError(_("Every seat is taken."), "event_full")
