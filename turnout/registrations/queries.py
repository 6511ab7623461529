"""What is asked of registrations by more than one place."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from turnout.core.errors import NotFoundError
from turnout.events.models import Event, SeatPool
from turnout.registrations.models import Registration


def find(registration_id: uuid.UUID, actor: AbstractBaseUser | AnonymousUser, key: str) -> Registration:
    """Return a registration to its holder (whoever has its key) or to who may see it; NotFoundError to all others."""
    registration = Registration.objects.select_related("event").filter(pk=registration_id).first()
    if registration is not None and key and registration.opens_with(key):
        return registration
    if registration is not None and Registration.objects.visible_to(actor).filter(pk=registration_id).exists():
        return registration
    raise NotFoundError


def pools_for(event: Event, *attendance_types: str) -> QuerySet[SeatPool]:
    """Return the pools that seat people who attend in these ways: one each, or one for all."""
    return SeatPool.objects.filter(event=event, attendance_type__in=["", *attendance_types])


def line(pool: SeatPool) -> QuerySet[Registration]:
    """Return who waits for a seat of this pool, the first in line first."""
    waiting = Registration.objects.filter(event=pool.event_id).in_line()
    return waiting.filter(attendance_type=pool.attendance_type) if pool.attendance_type else waiting


def position(registration: Registration) -> int | None:
    """Return the place in line, from 1, of who waits; None for everybody else."""
    if registration.status != Registration.Status.WAITLISTED:
        return None
    pool = pools_for(registration.event, registration.attendance_type).get()
    # Those before, and oneself: who was promoted since the row was read is never number 0.
    return line(pool).filter(place__lt=registration.place).count() + 1
