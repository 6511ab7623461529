"""What a person's notice says: its room's `write` says it (setting NOTICE_WRITERS), in the language of who reads."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from turnout.notifications.feed.models import Entry


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence, and the path of the page it leads to."""

    title: str
    path: str


Writer = Callable[[Entry], Notice]


def write(entry: Entry) -> Notice:
    """Return what this entry of a person's topic says to them; of a kind that nobody knows any more, what it was of."""
    writer = settings.NOTICE_WRITERS.get(entry.kind.partition(".")[0])
    if writer is None:
        return Notice(str(entry.data.get("title", entry.kind)), "/notifications/")
    write: Writer = import_string(f"{writer}.write")
    return write(entry)
