"""Reading what happened, from a number on."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from turnout.notifications.feed.models import Entry, Topic

MOST_AT_ONCE = 500


def latest(topics: Iterable[UUID]) -> dict[UUID, int]:
    """Return by topic the number of its last entry; 0 where nothing happened yet. One query."""
    wanted = list(topics)
    return dict.fromkeys(wanted, 0) | dict(Topic.objects.filter(pk__in=wanted).values_list("pk", "latest"))


def after(topic: UUID, number: int, *, most: int = MOST_AT_ONCE) -> list[Entry]:
    """Return what happened after this number, in order, so many at most.

    Numbers have no gap: if the first is not `number + 1`, what was between is forgotten.
    """
    return list(Entry.objects.filter(topic=topic, number__gt=number).order_by("number")[:most])


def notices_of(person: UUID) -> QuerySet[Entry]:
    """Return what somebody was told in the app, the latest first."""
    return Entry.objects.filter(topic=person).order_by("-id")


def person_in(entry: Entry) -> UUID:
    """Return the registration that an entry of an event is about: named in its data where the thing is another."""
    named = entry.data.get("registration")
    return UUID(named) if named else entry.subject


def unread(person: UUID) -> int:
    """Return how many of their notices somebody has not read."""
    return Entry.objects.filter(topic=person, read_at=None).count()
