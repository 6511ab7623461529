"""Who may, how often: the limiter; and what may be used once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.utils.translation import gettext as _

from turnout.core.clock import now
from turnout.core.errors import ThrottledError, UnavailableError
from turnout.core.text import digest
from turnout.core.transactions import transactional, within_transaction
from turnout.guard.counting import Place, Refusal, forget_in_redis, take_in_database, take_in_redis
from turnout.guard.models import Counter, SpentChallenge
from turnout.guard.notation import Window

log = structlog.get_logger()

_REDIS_RESTS = 10.0  # seconds in which Redis is not asked again after it failed: every answer would wait for it
_SWEEP_BATCH = 1000
_CLOCKS_DIFFER = timedelta(minutes=5)  # by this at most, on machines that share a database


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody who wants to do something: the scope says what, the subject who, the windows how often they may."""

    scope: str
    subject: str
    windows: tuple[Window, ...]

    def places(self) -> list[Place]:
        """Return where this is counted. A changed window counts anew."""
        return [
            Place(digest("limit", self.scope, self.subject, str(window.seconds)), window) for window in self.windows
        ]


@dataclass(slots=True)
class _Redis:
    """Until when Redis is left alone, on this process's monotonic clock."""

    rests_until: float = field(default=float("-inf"))


_redis = _Redis()


def admit(*claims: Claim) -> None:
    """Count a deed for all who claim it; where one has done it too often, count it for nobody.

    Raises ThrottledError `throttled` with `retry_after` (seconds) and `window`; UnavailableError where nothing can
    count: what is worth a limit is not done without one.
    """
    refusal = _counted(claims)
    if refusal is not None:
        window, seconds = refusal.place.window, _seconds(refusal)
        message = _("Too many requests. Try again in %(seconds)s seconds.") % {"seconds": seconds}
        raise ThrottledError(message, retry_after=seconds, window=str(window))


def take(*claims: Claim) -> tuple[Claim, int] | None:
    """Do the same; where it is too often, return whose claim that is, and in how many seconds it may be done again."""
    refusal = _counted(claims)
    if refusal is None:
        return None
    return next(claim for claim in claims if refusal.place in claim.places()), _seconds(refusal)


def admit_network(scope: str, client: str) -> None:
    """Count a deed of a network (`addresses.network`), as often as THROTTLES lets each do this; raises as `admit`."""
    admit(Claim(scope, client, settings.THROTTLES[scope]))


def admitted(*claims: Claim) -> bool:
    """Do the same, and tell whether it was counted: for what is done in another way where it is too often."""
    try:
        admit(*claims)
    except ThrottledError:
        return False
    return True


def forgive(*claims: Claim) -> None:
    """Forget what was counted for these claims: what they counted did not happen."""
    keys = [place.key for claim in claims for place in claim.places()]
    if settings.REDIS_URL and time.monotonic() >= _redis.rests_until:
        try:
            forget_in_redis(keys)
        except redis.RedisError as error:
            log.warning("limiter_without_redis", error=str(error))
    if keys:
        _forget(keys)


@transactional
def forget_closed() -> int:
    """Delete up to 1,000 counters whose windows have closed, and say how many they were."""
    closed = Counter.objects.filter(closes_at__lte=time.time_ns() // 1_000_000)
    keys = list(closed.values_list("place", flat=True)[:_SWEEP_BATCH])
    return closed.filter(place__in=keys).delete()[0]


def spend(key: str, expires_at: datetime) -> bool:
    """Use a challenge up, and tell whether it was there to be used: of many who try at once one does."""
    try:
        _write_down(SpentChallenge(key=key, expires_at=expires_at))
    except IntegrityError:
        return False
    return True


@transactional
def forget_spent() -> int:
    """Delete up to 1,000 spent challenges that have expired on every clock, and say how many they were."""
    expired = SpentChallenge.objects.filter(expires_at__lt=now() - _CLOCKS_DIFFER)
    keys = list(expired.values_list("key", flat=True)[:_SWEEP_BATCH])
    return expired.filter(key__in=keys).delete()[0]


@transactional
def _forget(keys: list[str]) -> None:
    Counter.objects.filter(place__in=keys).delete()


@transactional
def _write_down(spent: SpentChallenge) -> None:
    spent.save(force_insert=True)


def _counted(claims: Sequence[Claim]) -> Refusal | None:
    """Count in all places of all claims, or in none; return the window that is full."""
    places = [place for claim in claims for place in claim.places()]
    return _take(places) if places else None


def _seconds(refusal: Refusal) -> int:
    return -(-refusal.wait // 1000) or 1


def _take(places: list[Place]) -> Refusal | None:
    if settings.REDIS_URL and time.monotonic() >= _redis.rests_until:
        try:
            return take_in_redis(places)
        except redis.RedisError as error:
            _redis.rests_until = time.monotonic() + _REDIS_RESTS
            log.warning("limiter_without_redis", error=str(error))
    try:
        return take_in_database(places)
    except (DatabaseError, InterfaceError) as error:
        if within_transaction() and isinstance(error, OperationalError):
            raise  # it may be worth repeating, which only the whole action can be
        log.exception("limiter_without_counters")
        raise UnavailableError(_("This can't be done at the moment. Try again soon.")) from error
