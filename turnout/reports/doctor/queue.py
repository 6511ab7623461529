"""The outbox: whether what is owed goes out."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings

from turnout.notifications.queries import backlog
from turnout.reports.doctor.findings import Remark, check, error, ok, warning

_LATE = timedelta(minutes=5)
_LOOK = "Messages in the admin, or /admin/notifications/message/, say of each what went wrong."


@check("Queue")
def queue() -> Iterator[Remark]:
    """Look how long the oldest message that is due has waited, and at those that failed."""
    outbox = backlog()
    minutes = int(outbox.lag.total_seconds() // 60)
    if not settings.MAIL_DELIVERED:
        yield ok(f"{outbox.due} due: they wait for a mail server.")
    elif outbox.lag > _LATE:
        yield error(
            f"{outbox.due} due, the oldest for {minutes} minutes: no worker runs, or it can't keep up.",
            "Serve without --no-worker, run manage.py worker, or let cron run manage.py worker --once every minute. "
            "Where one runs, its log says why it is slow.",
        )
    else:
        yield ok(f"{outbox.due} due, the oldest for {int(outbox.lag.total_seconds())} s.")
    if outbox.failing:
        yield warning(f"{outbox.failing} failed, and will be tried again.", _LOOK)
    if outbox.dead:
        yield warning(f"{outbox.dead} given up.", f"{_LOOK} Send them again there, once it is mended.")
