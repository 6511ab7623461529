"""The worker: does what is due, in batches that any number of workers can share."""

import threading
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import close_old_connections

from turnout.accounts.actions import forget_expired
from turnout.certificates.actions import issue_due
from turnout.core.idempotency import forget_old
from turnout.events.actions import mark_over
from turnout.guard.actions import forget_closed, forget_spent
from turnout.notifications.actions import deliver_due
from turnout.notifications.feed.actions import forget_entries, number_new
from turnout.notifications.webhooks.actions import forget_deliveries
from turnout.notifications.webhooks.actions.sending import send_to_any, send_to_prompt
from turnout.registrations.actions import expire_unconfirmed
from turnout.registrations.actions.coming import ask_who_comes, release_unanswered
from turnout.registrations.actions.offers import lapse_offers
from turnout.registrations.actions.reminders import remind
from turnout.registrations.attacks.actions import forget_blocks, sweep_attacks
from turnout.registrations.uploads.actions import forget_uploads

log = structlog.get_logger()

# Seconds between looks where nothing was due.
PAUSE = 1.0
PAUSE_OF_FEED = 0.3  # somebody looks on
PAUSE_AFTER_FAILURE = 10.0
SWEEP_EVERY = 60.0


def run_once() -> int:
    """Do all that is due now and say how many messages were taken on: for a cron line."""
    _sweep()
    _until_none(number_new)
    done = _until_none(_deliver)
    _until_none(send_to_any)
    return done


def run_until(stop: threading.Event) -> None:
    """Do what is due, as it comes due, until told to stop. Nothing that goes wrong ends it.

    What waits for others' servers keeps nobody else waiting: each kind of work has a thread of its own.
    """
    for thread in _start(stop):
        thread.join()


def in_background() -> threading.Event:
    """Start a worker in threads of this process; set the returned event to end it."""
    stop = threading.Event()
    _start(stop)
    return stop


def _start(stop: threading.Event) -> list[threading.Thread]:
    named = [(f"worker {work.__name__}", (stop, work, pause)) for work, pause in _LOOPS]
    threads = [threading.Thread(target=_loop, args=args, name=name, daemon=True) for name, args in named]
    for thread in threads:
        thread.start()
    return threads


def _loop(stop: threading.Event, work: Callable[[], int], pause: float) -> None:
    """Work as long as there is something to do, and look again after a pause."""
    while not stop.is_set():
        done = _in_loop(work)
        if not done:
            stop.wait(pause if done == 0 else PAUSE_AFTER_FAILURE)


def _until_none(work: Callable[[], int]) -> int:
    """Work as long as there is something to do; one kind of work that fails keeps no other from its own."""
    done = 0
    while some := _guarded(work):
        done += some
    return done


def _deliver() -> int:
    # Without a mail server messages wait: to hand them to nobody would lose them.
    return deliver_due() if settings.MAIL_DELIVERED else 0


_SWEEPS: tuple[Callable[[], int], ...] = (
    expire_unconfirmed,
    lapse_offers,
    ask_who_comes,
    release_unanswered,
    remind,
    sweep_attacks,
    mark_over,
    issue_due,
    forget_blocks,
    forget_closed,
    forget_spent,
    forget_expired,
    forget_old,
    forget_uploads,
    forget_entries,
    forget_deliveries,
)


def _sweep() -> int:
    """Do what is due by the clock; one that fails keeps no other from its work. Says 0: it may rest now."""
    for sweep in _SWEEPS:
        _guarded(sweep)
    return 0


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


# Each does a batch and says how much it was, and rests so long where it was nothing.
_LOOPS: tuple[tuple[Callable[[], int], float], ...] = (
    (_deliver, PAUSE),
    (number_new, PAUSE_OF_FEED),
    (_sweep, SWEEP_EVERY),
    # Two that no slow endpoint can hold, one for all.
    (send_to_prompt, PAUSE),
    (send_to_prompt, PAUSE),
    (send_to_any, PAUSE),
)
