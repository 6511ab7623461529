"""Attack mode begins, ends, and is undone. Registrations are locked here, seats never: nothing pending holds one."""

import random
from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from django.db.models import F, QuerySet

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional
from turnout.events.models import Event
from turnout.notifications.actions import owe_after_all
from turnout.registrations.attacks.models import PLATFORM, Alarm, Rollback
from turnout.registrations.attacks.queries import (
    BURST,
    busy_events,
    is_calm,
    looks_like_attack,
    quarantined,
)
from turnout.registrations.models import CONFIRM_MAIL, Registration

Status = Registration.Status
Mode = Alarm.Mode
LOOKS = 1 / 16  # of all registrations look around
_BATCH = 500
_SWEEP_BATCH = 1000
# The platform is no row; the audit trail wants a subject.
_PLATFORM_ID = UUID(int=0)


@transactional
def switch_platform(*, on: bool, actor: str) -> None:
    """Switch attack mode of the whole platform. To what it is already: nothing happens."""
    if on:
        _, changed = Alarm.objects.get_or_create(pk=PLATFORM, defaults={"mode": Mode.ON, "since": now()})
    else:
        changed = Alarm.objects.filter(pk=PLATFORM).delete()[0] == 1
    if changed:
        audit.record(actor, f"platform.attack_mode_{'on' if on else 'off'}", _PLATFORM_ID)


@transactional
def switch_event(event: Event, mode: str, *, actor: str) -> None:
    """Switch attack mode of an event `on` or `off`, or leave it to itself again (`automatic`).

    Switched on, it marks what came in the last half hour, too. Switched off, it does not begin by itself.
    """
    before = Alarm.objects.filter(pk=str(event.id)).values_list("mode", flat=True).first() or "automatic"
    if mode == before:
        return
    if mode == "automatic":
        Alarm.objects.filter(pk=str(event.id)).delete()
    else:
        Alarm.objects.update_or_create(pk=str(event.id), defaults={"event": event, "mode": mode, "since": now()})
    marked = _mark_burst(event.id) if mode == Mode.ON else 0
    audit.record(actor, "event.attack_mode", event.id, {"was": before, "is": mode, "marked": marked})


def watch(event: Event) -> bool:
    """Look, at one registration of sixteen, whether the event is under attack; if so, begin, and say so."""
    return random.random() < LOOKS and _begin(event.id)  # noqa: S311  # not a secret


def sweep_attacks() -> int:
    """Begin and end attack mode where it is time, and say how often. An alarm ends after half an hour of calm."""
    begun = sum(_begin(event_id) for event_id in busy_events())
    detected = Alarm.objects.filter(mode=Mode.DETECTED, since__lte=now() - BURST.begins)
    return begun + sum(_end(event_id) for event_id in detected.values_list("event", flat=True) if is_calm(event_id))


@transactional
def roll_back(
    event: Event, *, blocks: Collection[str] = (), domains: Collection[str] = (), actor: str = audit.SYSTEM
) -> Rollback:
    """Cancel the event's quarantined registrations: all, or those of these blocks, or of these mail domains.

    None of them holds a seat or a place in line, so nothing else changes, and nobody is written to. Who clicks the
    link in the mail all the same has proved the mailbox, and is through. ConflictError `nothing_quarantined`.
    """
    rollback = Rollback(event=event, at=now(), actor=actor, count=0)
    for batch in _batches(quarantined(event, blocks, domains).order_by("pk").values_list("pk", flat=True)):
        # Asked again: who confirmed since is through.
        rollback.count += (
            quarantined(event)
            .filter(pk__in=batch)
            .update(status=Status.CANCELLED, cancelled_at=rollback.at, rolled_back_by=rollback.pk)
        )
    if not rollback.count:
        raise ConflictError("No registration of this event is quarantined.", "nothing_quarantined")
    rollback.save(force_insert=True)
    _record(rollback, actor, "event.rolled_back", blocks=len(blocks), domains=sorted(domains))
    return rollback


@transactional
def undo(rollback: Rollback, *, actor: str = audit.SYSTEM) -> Rollback:
    """Return exactly those that were rolled back to pending, marked as they were. Undoing twice is undoing once.

    They get the time back that was taken from them, and those whose mail was not yet sent get it now. Who has
    confirmed in the meantime stays confirmed.
    """
    moment = now()
    if Rollback.objects.filter(pk=rollback.pk, undone_at__isnull=True).update(undone_at=moment) != 1:
        return Rollback.objects.get(pk=rollback.pk)
    rolled_back = Registration.objects.filter(
        event=rollback.event_id, status=Status.CANCELLED, rolled_back_by=rollback.pk
    )
    rollback.undone_at = moment
    returned = 0
    for batch in _batches(rolled_back.order_by("pk").values_list("pk", flat=True)):
        returned += rolled_back.filter(pk__in=batch).update(
            status=Status.PENDING,
            cancelled_at=None,
            rolled_back_by=None,
            expires_at=F("expires_at") + (moment - rollback.at),
        )
        owe_after_all(CONFIRM_MAIL, batch)
    _record(rollback, actor, "event.rollback_undone", returned=returned)
    return rollback


@transactional
def forget_blocks() -> int:
    """Forget where up to 1,000 registrations older than thirty days came from, and say how many they were."""
    old = Registration.objects.filter(block_until__lte=now())
    batch = list(old.values_list("pk", flat=True)[:_SWEEP_BATCH])
    return old.filter(pk__in=batch).update(block="", block_until=None)


@transactional
def _begin(event_id: UUID) -> bool:
    """Begin attack mode where it looks like an attack and nobody has decided; mark what came before it was seen."""
    if not looks_like_attack(event_id):
        return False
    new = {"event_id": event_id, "mode": Mode.DETECTED, "since": now()}
    alarm, begun = Alarm.objects.get_or_create(pk=str(event_id), defaults=new)
    if begun:
        audit.record(audit.SYSTEM, "event.attack_began", event_id, {"marked": _mark_burst(event_id)})
    return alarm.mode != Mode.OFF


@transactional
def _end(event_id: UUID) -> bool:
    ended = Alarm.objects.filter(pk=str(event_id), mode=Mode.DETECTED).delete()[0] == 1
    if ended:
        audit.record(audit.SYSTEM, "event.attack_ended", event_id)
    return ended


def _mark_burst(event_id: UUID) -> int:
    """Quarantine what came unconfirmed in the last half hour, and return how many."""
    moment = now()
    burst = Registration.objects.filter(event=event_id, status=Status.PENDING, quarantined_at__isnull=True)
    recent = burst.filter(created_at__gt=moment - BURST.begins).order_by("pk").values_list("pk", flat=True)
    # Row by row, by their keys: a range would lock out whoever registers at this moment.
    return sum(burst.filter(pk__in=batch).update(quarantined_at=moment) for batch in _batches(recent))


def _batches(found: QuerySet[Registration, UUID]) -> Iterator[Sequence[UUID]]:
    """Read all there are now, and yield them in batches."""
    keys = list(found)
    for first in range(0, len(keys), _BATCH):
        yield keys[first : first + _BATCH]


def _record(rollback: Rollback, actor: str, verb: str, **more: object) -> None:
    audit.record(actor, verb, rollback.event_id, {"rollback": str(rollback.pk), "count": rollback.count, **more})
