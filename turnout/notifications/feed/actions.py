"""Writing down what happened, and giving it its number."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import structlog
from django.db.models import Min, Model

from turnout.core.clock import now
from turnout.core.prepared import PreparedInsert, write_together
from turnout.core.transactions import transactional
from turnout.notifications.feed.models import Entry, Topic
from turnout.notifications.webhooks.actions.handing import hand_out

log = structlog.get_logger()

KEPT = timedelta(days=90)
_BATCH = 500
_WRITTEN_AT_ONCE = 1000
_MOST_TOPICS = 200
_write = PreparedInsert(Entry)


def post(entries: Iterable[Entry]) -> None:
    """Write down what happened, in the transaction of the deed: at once where it is more than one thing."""
    at = now()
    written = list(entries)
    for entry in written:
        entry.at = at
    if len(written) == 1:
        _write(*written)
    else:
        Entry.objects.bulk_create(written, batch_size=_WRITTEN_AT_ONCE)


def write_with_news(row: Model, news: Entry) -> None:
    """Write the new row of a deed, and what happened by it: both or neither. IntegrityError."""
    news.at = now()
    write_together(row, news)


def number_new() -> int:
    """Give numbers to what was committed since the last time, in the 200 topics that wait longest; say to how many.

    Any number of workers may do so at once: each topic has its numbers from one at a time.
    """
    waiting = Entry.objects.filter(number=None).order_by().values("topic").annotate(since=Min("at"))
    longest = waiting.order_by("since", "topic").values_list("topic", flat=True)
    return sum(_numbered(topic) for topic in list(longest[:_MOST_TOPICS]))


def _numbered(topic: UUID) -> int:
    """Give numbers in one topic; what goes wrong with one topic keeps no other waiting."""
    try:
        return _number(topic)
    except Exception:
        log.exception("feed_failed", topic=str(topic))
        return 0


@transactional
def _number(topic_id: UUID) -> int:
    """Give numbers to up to 500 entries of a topic. What commits meanwhile stands behind them."""
    Topic.objects.get_or_create(pk=topic_id)
    topic = Topic.objects.select_for_update().get(pk=topic_id)
    entries = list(Entry.objects.filter(topic=topic_id, number=None).order_by("id")[:_BATCH])
    for number, entry in enumerate(entries, start=topic.latest + 1):
        entry.number = number
    Entry.objects.bulk_update(entries, ["number"], batch_size=_BATCH)
    topic.latest += len(entries)
    topic.save(update_fields=["latest"])
    hand_out(topic_id, entries)
    return len(entries)


@transactional
def mark_read(person: UUID, *entries: UUID) -> int:
    """Mark a person's notices as read, all of them where none is named; return how many were not."""
    unread = Entry.objects.filter(topic=person, read_at=None)
    return (unread.filter(pk__in=entries) if entries else unread).update(read_at=now())


@transactional
def forget_entries() -> int:
    """Delete up to 500 entries that are 90 days old, and say how many."""
    old = list(Entry.objects.filter(at__lt=now() - KEPT, number__isnull=False).order_by("at")[:_BATCH])
    Entry.objects.filter(pk__in=[entry.pk for entry in old]).delete()
    return len(old)
