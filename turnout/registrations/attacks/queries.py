"""Whether registrations look like an attack, and what a burst of them is made of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from turnout.accounts.policies import runs_platform
from turnout.core.clock import now
from turnout.core.errors import NotFoundError
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.registrations.attacks.models import PLATFORM, Alarm, Rollback
from turnout.registrations.models import CONFIRM_MAIL, CONFIRMATION_LIVES, Registration

_MOST_SHOWN = 100
COUNTS = {
    "registered": Count("pk"),
    "confirmed": Count("pk", filter=Q(confirmed_at__isnull=False)),
    "quarantined": Count("pk", filter=Q(status="pending", quarantined_at__isnull=False)),
    "rolled_back": Count("pk", filter=Q(rolled_back_by__isnull=False)),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """It is an attack where so many registered in a stretch of time, and too few of those with a mail confirmed."""

    begins: timedelta  # ago
    ends: timedelta  # ago: who registered later has had no time to confirm
    least: int
    confirmed: float  # the share under which it is an attack


FLOOD = Measure(timedelta(minutes=2), timedelta(seconds=20), 200, 0.10)
BURST = Measure(timedelta(minutes=30), timedelta(minutes=2), 60, 0.20)
# What is left of a burst when it is over: less than what begins one, so that an alarm does not flutter.
LULL = Measure(BURST.begins, BURST.ends, BURST.least // 2, BURST.confirmed)


def under_attack(event_id: UUID | None = None) -> bool:
    """Tell whether attack mode is on for the platform or for this event: a CAPTCHA is asked for, and more."""
    places = [PLATFORM] if event_id is None else [PLATFORM, str(event_id)]
    return Alarm.objects.filter(pk__in=places).exclude(mode=Alarm.Mode.OFF).exists()


def looks_like_attack(event_id: UUID) -> bool:
    """Tell whether what comes to the event is an attack: very much at once, or for a while, that nobody confirms."""
    return any(fits(event_id, measure) for measure in (FLOOD, BURST))


def is_calm(event_id: UUID) -> bool:
    """Tell whether nothing has looked like an attack for half an hour."""
    return not any(fits(event_id, measure) for measure in (FLOOD, LULL))


def fits(event_id: UUID, measure: Measure) -> bool:
    """Measure."""
    until = now() - measure.ends
    # Whom the mail has not reached can't have confirmed: a slow mail server is no attack.
    on_its_way = Q(state=Message.State.DUE) | Q(sent_at__gt=until)
    without_mail = Message.objects.filter(on_its_way, kind=CONFIRM_MAIL, subject=OuterRef("pk"))
    asked = Registration.objects.filter(
        ~Exists(without_mail), event=event_id, created_at__gt=now() - measure.begins, created_at__lte=until
    )
    counted = asked.aggregate(all=Count("pk"), confirmed=Count("pk", filter=Q(confirmed_at__isnull=False)))
    return bool(counted["all"] >= measure.least and counted["confirmed"] < measure.confirmed * counted["all"])


def busy_events() -> list[UUID]:
    """Return the events to which as many came lately as to an attacked one, and which decide for themselves."""
    lately = Registration.objects.filter(created_at__gt=now() - BURST.begins).order_by()
    counted = lately.values("event").annotate(count=Count("pk")).filter(count__gte=BURST.least)
    return list(
        counted.exclude(event__in=Alarm.objects.filter(event__isnull=False).values("event")).values_list(
            "event", flat=True
        )
    )


def quarantined(event: Event, blocks: Collection[str] = (), domains: Collection[str] = ()) -> QuerySet[Registration]:
    """Return the event's quarantined registrations: all, or those of these blocks, or of these mail domains."""
    marked = Registration.objects.filter(event=event, status=Registration.Status.PENDING, quarantined_at__isnull=False)
    return marked.filter(Q(block__in=blocks) | Q(mail_domain__in=domains)) if blocks or domains else marked


@dataclass(frozen=True, slots=True)
class Switch:
    """How attack mode stands somewhere."""

    mode: str  # `on`, `off`, `detected`, or `automatic` where nobody decided and all is calm
    since: datetime | None


def switch(place: str) -> Switch:
    """Return how attack mode stands for an event (its id) or the platform."""
    alarm = Alarm.objects.filter(pk=place).first()
    return Switch(alarm.mode, alarm.since) if alarm else Switch("off" if place == PLATFORM else "automatic", None)


@dataclass(frozen=True, slots=True)
class Burst:
    """Who registered for an event in the last seven days: nobody who can still confirm did so before."""

    event: Event
    attack: Switch
    total: dict[str, int]  # by the names of COUNTS
    blocks: list[dict[str, Any]]
    domains: list[dict[str, Any]]
    rollbacks: list[Rollback]


def burst(event: Event) -> Burst:
    """Return what staff need to see, in a number of queries that does not depend on how many there are."""
    lately = Registration.objects.filter(event=event, created_at__gt=now() - CONFIRMATION_LIVES).order_by()
    return Burst(
        event=event,
        attack=switch(str(event.id)),
        total=lately.aggregate(**COUNTS),
        blocks=_by(lately, "block"),
        domains=_by(lately, "mail_domain"),
        rollbacks=list(Rollback.objects.filter(event=event)[:_MOST_SHOWN]),
    )


def find_rollback(event: Event, rollback_id: UUID, actor: AbstractBaseUser | AnonymousUser) -> Rollback:
    """Return a rollback of the event to who runs the platform; NotFoundError to all others."""
    found = Rollback.objects.filter(event=event, pk=rollback_id).first()
    if found is None or not runs_platform(actor):
        raise NotFoundError
    return found


def _by(lately: QuerySet[Registration], name: str) -> list[dict[str, Any]]:
    """Return the counts by a column, most quarantined first, at most a hundred."""
    return list(lately.values(name).annotate(**COUNTS).order_by("-quarantined", "-registered", name)[:_MOST_SHOWN])
