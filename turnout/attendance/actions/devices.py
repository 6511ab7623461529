"""Devices: added by the team, paired by a code that works once, seen, revoked."""

import re
import secrets
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from turnout.attendance.doorkeepers import device_actor, new_token, token_hash
from turnout.attendance.models.devices import CODE_LIVES, Device
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, DomainError, GoneError, InvalidError
from turnout.core.text import digest
from turnout.core.transactions import transactional
from turnout.events.models import Event

MOST = 100  # at an event, the revoked ones not counted
SEEN_EVERY = timedelta(seconds=10)
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no two look alike
_GROUPS, _GROUP = 3, 4  # 59 bits: nobody guesses one within its hour
_BETWEEN = re.compile(r"[\s\u2010-\u2015-]+")
_CLOCK_MOVES = 5000  # milliseconds; less is the network


@transactional
def add_device(event: Event, name: str, door: str, *, actor: str) -> tuple[Device, str]:
    """Return a device that may stand at the event's doors once it is paired, and the code for that, shown this once.

    ConflictError `too_many_devices`. Two of a team who add at the same moment may get one more.
    """
    if Device.objects.filter(event=event, revoked_at=None).count() >= MOST:
        message = _("There may be %(most)s devices at most. Revoke one first.") % {"most": MOST}
        raise ConflictError(message, "too_many_devices", most=MOST)
    code, at = _new_code(), now()
    device = Device.objects.create(
        event=event,
        name=name,
        door=door,
        made_by=actor,
        created_at=at,
        code_hash=code_hash(code),
        code_expires_at=at + CODE_LIVES,
    )
    audit.record(actor, "device.added", device.pk, {"event": str(event.pk), "name": name, "door": door})
    return device, code


@transactional
def new_code(device: Device, *, actor: str) -> tuple[Device, str]:
    """Return the device with a new code. Its old code and its token stop at once, and it waits to be paired again.

    ConflictError `device_revoked`.
    """
    code = _new_code()
    changed = Device.objects.filter(pk=device.pk, revoked_at=None).update(
        code_hash=code_hash(code),
        code_expires_at=now() + CODE_LIVES,
        token_hash=None,
        paired_at=None,
        seen_at=None,
        battery=None,
        queued=None,
        clock_error_ms=None,
    )
    if not changed:
        raise ConflictError(_("This device was revoked. Add it anew."), "device_revoked")
    audit.record(actor, "device.code_renewed", device.pk)
    device.refresh_from_db()
    return device, code


@transactional
def pair(code: str) -> tuple[Device, str]:
    """Spend a code; return the device that has it, and the token by which it is known from now on, shown this once.

    Of many who show a code at once one gets the token. InvalidError `code_invalid`; GoneError `code_spent`,
    `code_expired` for one older than an hour, or whose device was revoked before.
    """
    key, token = code_hash(code), new_token()
    if not _spend(key, token):
        raise _refusal(key)
    device = Device.objects.select_related("event").get(code_hash=key)
    audit.record(device_actor(device), "device.paired", device.pk)
    return device, token


@transactional
def revoke(device: Device, *, actor: str) -> None:
    """Let the device do nothing more, from its next request on; one that was revoked stays so."""
    if Device.objects.filter(pk=device.pk, revoked_at=None).update(revoked_at=now()) == 1:
        audit.record(actor, "device.revoked", device.pk)


def note_seen(
    device: Device, *, battery: int | None = None, queued: int | None = None, clock_error_ms: int | None = None
) -> None:
    """Write down that the device was there, and what it told of itself; what is None it did not tell.

    Every ten seconds at most, unless there is something new to tell: then at once. One statement; where there is
    nothing to write, no transaction either. Call it outside that of a scan: two scans of a device at once would wait
    for each other's hold on its row.
    """
    sent = {"battery": battery, "queued": queued, "clock_error_ms": clock_error_ms}
    told = {name: value for name, value in sent.items() if value is not None}
    at = now()
    is_news = any(_is_news(name, value, getattr(device, name)) for name, value in told.items())
    if is_news or device.seen_at is None or device.seen_at <= at - SEEN_EVERY:
        _note(device, at, told, is_news=is_news)
        for name, value in {"seen_at": at, **told}.items():
            setattr(device, name, value)


def code_hash(code: str) -> str:
    """Return what is kept of a code: without case, dashes and spaces."""
    return digest("device code", _BETWEEN.sub("", code).upper())


@transactional
def _note(device: Device, at: datetime, told: dict[str, int], *, is_news: bool) -> None:
    rows = Device.objects.filter(pk=device.pk)
    if not is_news:  # another request of its may have said so this moment
        rows = rows.filter(Q(seen_at=None) | Q(seen_at__lte=at - SEEN_EVERY))
    rows.update(seen_at=at, **told)


def _is_news(name: str, value: int, known: int | None) -> bool:
    if known is None or name != "clock_error_ms":
        return value != known
    return abs(value - known) > _CLOCK_MOVES


def _new_code() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _spend(key: str, token: str) -> bool:
    at = now()
    unspent = Device.objects.filter(code_hash=key, token_hash=None, revoked_at=None, code_expires_at__gt=at)
    return unspent.update(token_hash=token_hash(token), paired_at=at) == 1


def _refusal(key: str) -> DomainError:
    device = Device.objects.filter(code_hash=key).first()
    if device is None:
        return InvalidError(_("This code is not right. Look at it again."), "code_invalid")
    if device.token_hash is None:
        return GoneError(_("This code does not work any more. Ask the event's team for a new one."), "code_expired")
    return GoneError(_("This code was used already. Ask the event's team for a new one."), "code_spent")
