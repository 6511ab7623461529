"""Turnout with guards switched off: what the races must notice.

The environment variable SABOTAGE names what is done to it, by the keys of `SABOTAGE` below; PAUSE is a number of
seconds. As a program this knows the commands of manage.py; the server's processes import it for `application`.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from unittest.mock import patch

import django
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db.models import F, QuerySet
from granian import Granian

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turnout.config.settings")
django.setup()

from django_otp.plugins.otp_totp.models import TOTPDevice  # noqa: E402  # needs the settings

from turnout.accounts.actions import codes, second_factor, sessions  # noqa: E402
from turnout.accounts.actions.sessions import SignedIn  # noqa: E402
from turnout.accounts.models import MOST_TRIES, MailedCode, RecoveryCode, TokenFamily, User  # noqa: E402
from turnout.attendance.actions import devices  # noqa: E402
from turnout.attendance.doorkeepers import token_hash  # noqa: E402
from turnout.attendance.models import Device  # noqa: E402
from turnout.core import audit, idempotency, keys  # noqa: E402
from turnout.core.clock import now  # noqa: E402
from turnout.core.errors import GoneError, ThrottledError  # noqa: E402
from turnout.core.models import IdempotentRequest  # noqa: E402
from turnout.core.transactions import transactional  # noqa: E402
from turnout.events.models import Event, SeatPool  # noqa: E402
from turnout.guard import captcha, counting  # noqa: E402
from turnout.guard.counting import Place, Refusal  # noqa: E402
from turnout.guard.models import Counter, SpentChallenge  # noqa: E402
from turnout.jobs import server  # noqa: E402
from turnout.notifications.actions import delivery  # noqa: E402
from turnout.notifications.models import Message  # noqa: E402
from turnout.registrations import actions, queries  # noqa: E402
from turnout.registrations.actions import offers, reviews, seats  # noqa: E402
from turnout.registrations.models import Registration  # noqa: E402
from turnout.registrations.tickets import TICKET  # noqa: E402

PAUSE = float(os.environ.get("PAUSE", "0"))  # seconds
_take_seat, _enter, _hold = seats._take_seat, seats.enter, idempotency._hold
_admit, _free_series_key = seats.admit, seats._free_series_key
_deliver = delivery._deliver


def take_seat_unasked(pools: QuerySet[SeatPool]) -> bool:
    """Take a seat whether there is one or not."""
    return pools.update(taken=F("taken") + 1) == 1


def take_seat_in_two_steps(pools: QuerySet[SeatPool]) -> bool:
    """Look whether there is a seat, and take it by another statement."""
    return pools.filter(SeatPool.free()).exists() and take_seat_unasked(pools)


def take_seat_then_pause(pools: QuerySet[SeatPool]) -> bool:
    """Do as always, but let time pass between finding no seat and joining the line."""
    taken = _take_seat(pools)
    if not taken:
        time.sleep(PAUSE)
    return taken


def join_line_unasked(pools: QuerySet[SeatPool]) -> bool:
    """Join the line whether there is a seat by now or not."""
    return pools.update(waiting=F("waiting") + 1, seq=F("seq") + 1) == 1


def pause_then_enter(registration: Registration, actor: str) -> None:
    """Do as always, but let time pass between looking for the person's other registrations and activating this one."""
    time.sleep(PAUSE)
    _enter(registration, actor)


def move_unasked(registration: Registration, status: str, **fields: object) -> None:
    """Write another status, whatever became of the registration since it was read."""
    for name, value in {"status": status, **fields}.items():
        setattr(registration, name, value)
    registration.save()


def pause_then_check(event: Event) -> None:
    """Do as always, but let time pass between reading a registration and deciding about it."""
    time.sleep(PAUSE)
    queries.check_takes_place(event)


def read_line_then_pause(pool: SeatPool) -> list[Registration]:
    """Do as always, but let time pass between reading the line and writing it."""
    waiting = list(queries.line(pool))
    time.sleep(PAUSE)
    return waiting


def count_then_pause(registration: Registration) -> str | None:
    """Do as always, but let time pass between counting the person's registrations in the series and this one."""
    key = _free_series_key(registration)
    time.sleep(PAUSE)
    return key


def pause_then_admit(*args: Any, **fields: Any) -> None:
    """Do as always, but let time pass between looking at the deadline and taking the seat."""
    time.sleep(PAUSE)
    _admit(*args, **fields)


@transactional
def accept_as_read(registration: Registration, *, actor: str = audit.GUEST) -> Registration:
    """Look at the deadline, let time pass, and take the seat by what was read."""
    found = Registration.objects.select_related("event").get(pk=registration.pk)
    if found.offer_expires_at is None:
        raise GoneError("over", "offer_expired")
    time.sleep(PAUSE)
    pool = seats.locked(found)[1][found.attendance_type]
    pool.offered -= 1
    pool.save(update_fields=["offered"])
    _admit(found, keys.active_key_id(TICKET), "registration.confirmed", actor)
    return found


def deliver_regardless_of_leases() -> None:
    """Take what others have, and send what others took from us."""
    setattr(delivery, "_due", due_regardless_of_leases)  # noqa: B010  # mypy knows it for a function
    setattr(delivery, "_is_ours", lambda *_: True)  # noqa: B010  # the same


def due_regardless_of_leases() -> QuerySet[Message]:
    """Take what is due, whoever else is delivering it."""
    return Message.objects.filter(state=Message.State.DUE, due_at__lte=now()).order_by("urgency", "due_at")


def note_then_deliver(message: Message, lease: uuid.UUID, mailer: BaseEmailBackend) -> None:
    """Note that a message was sent, and send it then."""
    delivery._note(message, lease, state=Message.State.SENT, sent_at=now())
    _deliver(message, lease, mailer)


def hold_another_key(_key: str, body: str) -> IdempotentRequest:
    """Hold a key that nobody else can be holding."""
    return _hold(f"{uuid.uuid4().hex}{uuid.uuid4().hex}", body)


def spend_digits_by_reading_and_saving(user: User, code: str) -> bool:
    """Look whether the code was used, let time pass, and write that it is by another statement."""
    device = TOTPDevice.objects.get(user=user)
    step = second_factor._step_of(device, code)
    if step is None or step <= device.last_t:
        return False
    time.sleep(PAUSE)
    device.last_t = step
    device.save()
    return True


def spend_recovery_code_by_looking(user: User, code: str) -> bool:
    """Look whether the code is there, let time pass, and take it away by another statement."""
    codes = RecoveryCode.objects.filter(digest=second_factor._digest(user, code))
    there = codes.exists()
    time.sleep(PAUSE)
    codes.delete()
    return there


def look_then_count(places: Sequence[Place]) -> list[Refusal]:
    """Look whether a window is full, let time pass, and count by another statement."""
    there = Counter.objects.in_bulk([place.key for place in places])
    full = [place for place in places if place.key in there and there[place.key].count >= place.window.amount]
    if not full:
        time.sleep(PAUSE)
        counting._upsert(sorted(places, key=lambda place: place.key), time.time_ns() // 1_000_000)
    return [Refusal(place, 1000) for place in full]


def look_then_try(row: MailedCode) -> None:
    """Look how often the code was tried, let time pass, and count by another statement."""
    known = type(row).objects.filter(pk=row.pk)
    if known.get().tries >= MOST_TRIES:
        raise ThrottledError("too often", "otp_attempts_exceeded", retry_after=60)
    time.sleep(PAUSE)
    known.update(tries=F("tries") + 1)


def look_then_rotate(family_id: uuid.UUID, secret: str) -> SignedIn | None:
    """Look whether the token is the family's latest, let time pass, and replace it by another statement."""
    family = TokenFamily.objects.select_related("user").get(pk=family_id)
    if family.current != sessions._hash(secret):
        return SignedIn(family, "")
    time.sleep(PAUSE)
    new = sessions._new_secret()
    TokenFamily.objects.filter(pk=family_id).update(current=sessions._hash(new))
    return SignedIn(family, new)


def look_then_pair(key: str, token: str) -> bool:
    """Look whether a code is spent, let time pass, and spend it by another statement."""
    devices_of_code = Device.objects.filter(code_hash=key)
    if devices_of_code.filter(token_hash__isnull=False).exists():
        return False
    time.sleep(PAUSE)
    return devices_of_code.update(token_hash=token_hash(token), paired_at=now()) == 1


def look_then_spend(key: str, expires_at: datetime) -> bool:
    """Look whether a challenge is spent, let time pass, and write it down by another statement."""
    if SpentChallenge.objects.filter(key=key).exists():
        return False
    time.sleep(PAUSE)
    SpentChallenge(key=key, expires_at=expires_at).save()
    return True


SABOTAGE: dict[str, Callable[[], None]] = {
    "take-unasked": partial(setattr, seats, "_take_seat", take_seat_unasked),
    "take-in-two-steps": partial(setattr, seats, "_take_seat", take_seat_in_two_steps),
    "pause-before-line": partial(setattr, seats, "_take_seat", take_seat_then_pause),
    "join-unasked": partial(setattr, seats, "_join_line", join_line_unasked),
    "pause-before-seat": partial(setattr, actions, "enter", pause_then_enter),
    "move-unasked": partial(setattr, seats, "move", move_unasked),
    "no-locks": partial(setattr, QuerySet, "select_for_update", lambda rows, **_: rows.all()),
    "pause-before-deciding": partial(setattr, reviews, "check_takes_place", pause_then_check),
    "pause-in-line": partial(setattr, reviews, "line", read_line_then_pause),
    "pause-after-counting": partial(setattr, seats, "_free_series_key", count_then_pause),
    "pause-in-accept": partial(setattr, offers, "admit", pause_then_admit),
    "accept-as-read": partial(setattr, offers, "accept", accept_as_read),
    "no-lease": deliver_regardless_of_leases,
    "no-renewal": partial(setattr, delivery, "_is_ours", lambda *_: True),
    "note-first": partial(setattr, delivery, "_deliver", note_then_deliver),
    "look-then-count": partial(setattr, counting, "_counted_too_often", look_then_count),
    "look-then-try": partial(setattr, codes, "_count_try", look_then_try),
    "look-then-rotate": partial(setattr, sessions, "_replace", look_then_rotate),
    "look-then-pair": partial(setattr, devices, "_spend", look_then_pair),
    "look-then-spend": partial(setattr, captcha, "spend", look_then_spend),
    "code-read-then-saved": partial(setattr, second_factor, "_spend_digits", spend_digits_by_reading_and_saving),
    "recovery-code-looked-at": partial(setattr, second_factor, "_spend_recovery_code", spend_recovery_code_by_looking),
    "no-hold": partial(setattr, idempotency, "_hold", hold_another_key),
}


def main(command: str, *words: str) -> None:
    """Run the command with the product's own options."""
    if command == "serve":
        # The same server with the same options, but for what it serves: its processes do the rest.
        with patch.object(server, "Granian", _granian):
            call_command(command, *words)
    else:
        _switch_off()
        call_command(command, *words)


def _granian(_target: str, **options: Any) -> Any:
    return Granian("tests.races.sabotaged:application", **options)


def _switch_off() -> None:
    for name in os.environ["SABOTAGE"].split():
        SABOTAGE[name]()


if __name__ == "__main__":
    main(*sys.argv[1:])
else:
    _switch_off()
    from turnout.config.wsgi import application

    __all__ = ["application"]
