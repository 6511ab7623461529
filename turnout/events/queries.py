"""What is asked of events by more than one room."""

from dataclasses import dataclass

from turnout.events.models import Event


@dataclass(frozen=True, slots=True)
class Seats:
    """How an event's seats stand; None is unlimited."""

    capacity: int | None
    available: int | None
    waiting: int
    by_type: dict[str, int | None]  # capacity by attendance type, where each has its own


def seats_of(event: Event) -> Seats:
    """Return the seats of an event over all its pools, from what `with_details()` has loaded."""
    pools = list(event.pools.all())
    capacities = [pool.capacity for pool in pools]
    capacity = None if None in capacities else sum(count for count in capacities if count is not None)
    return Seats(
        capacity=capacity,
        available=None if capacity is None else capacity - sum(pool.taken for pool in pools),
        waiting=sum(pool.waiting for pool in pools),
        by_type={pool.attendance_type: pool.capacity for pool in pools if pool.attendance_type},
    )
