"""What is asked of the outbox."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Min, Q

from turnout.core.clock import now
from turnout.notifications.models import Message


@dataclass(frozen=True, slots=True)
class Backlog:
    """How the outbox stands."""

    due: int
    failing: int
    dead: int
    lag: timedelta  # for how long the oldest message is overdue


def backlog() -> Backlog:
    """Return how many messages are due, how many of them failed before, how many were given up, and the lag."""
    due = Q(state=Message.State.DUE)
    row = Message.objects.filter(state__in=[Message.State.DUE, Message.State.DEAD]).aggregate(
        due=Count("pk", filter=due),
        failing=Count("pk", filter=due & ~Q(last_error="")),
        dead=Count("pk", filter=Q(state=Message.State.DEAD)),
        oldest=Min("due_at", filter=due),
    )
    lag = max(now() - row["oldest"], timedelta()) if row["oldest"] else timedelta()
    return Backlog(due=row["due"], failing=row["failing"], dead=row["dead"], lag=lag)
