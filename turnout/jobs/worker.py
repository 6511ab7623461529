"""The worker: does what is due, in batches that any number of workers can share."""

import threading
import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import close_old_connections

from turnout.accounts.actions import forget_expired
from turnout.core.idempotency import forget_old
from turnout.events.actions import mark_over
from turnout.guard.actions import forget_closed, forget_spent
from turnout.notifications.actions import deliver_due
from turnout.registrations.actions import expire_unconfirmed
from turnout.registrations.actions.coming import ask_who_comes, release_unanswered
from turnout.registrations.actions.offers import lapse_offers
from turnout.registrations.attacks.actions import forget_blocks, sweep_attacks
from turnout.registrations.uploads.actions import forget_uploads

log = structlog.get_logger()

PAUSE = 1.0  # seconds between looks at an empty outbox
PAUSE_AFTER_FAILURE = 10.0
SWEEP_EVERY = 60.0  # seconds


def run_once() -> int:
    """Do all that is due now and say how many messages were taken on: for a cron line."""
    _sweep()
    taken = 0
    while batch := _deliver():
        taken += batch
    return taken


def run_until(stop: threading.Event) -> None:
    """Do what is due, as it comes due, until told to stop. Nothing that goes wrong ends it."""
    swept_at = float("-inf")
    while not stop.is_set():
        if time.monotonic() - swept_at >= SWEEP_EVERY:
            _in_loop(_sweep)
            swept_at = time.monotonic()
        taken = _in_loop(_deliver)
        if not taken:
            stop.wait(PAUSE if taken == 0 else PAUSE_AFTER_FAILURE)


def in_background() -> threading.Event:
    """Start a worker in a thread of this process; set the returned event to end it."""
    stop = threading.Event()
    threading.Thread(target=run_until, args=(stop,), name="worker", daemon=True).start()
    return stop


def _deliver() -> int:
    # Without a mail server messages wait: to hand them to nobody would lose them.
    return deliver_due() if settings.MAIL_DELIVERED else 0


_SWEEPS: tuple[Callable[[], int], ...] = (
    expire_unconfirmed,
    lapse_offers,
    ask_who_comes,
    release_unanswered,
    sweep_attacks,
    mark_over,
    forget_blocks,
    forget_closed,
    forget_spent,
    forget_expired,
    forget_old,
    forget_uploads,
)


def _sweep() -> int:
    """Do what is due beside messages; one that fails keeps no other from its work."""
    return sum(_guarded(sweep) or 0 for sweep in _SWEEPS)


def _guarded(work: Callable[[], int]) -> int | None:
    """Return what the work returns, or None where it failed."""
    try:
        return work()
    except Exception:  # the database may be away for a minute; the worker must outlive that
        log.exception("worker_failed")
        return None


def _in_loop(work: Callable[[], int]) -> int | None:
    """Do the same, and let go of a connection that is too old or broken: no request begins or ends here."""
    try:
        return _guarded(work)
    finally:
        close_old_connections()
