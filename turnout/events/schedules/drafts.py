"""What a schedule becomes: an event as it is to be, with sessions and speakers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PersonDraft:
    """Somebody who speaks in a session."""

    source_key: str
    name: str


@dataclass(frozen=True, slots=True)
class SessionDraft:
    """A session as it is to be: fields named as a session's."""

    source_key: str
    title: str
    description: str
    language: str
    track: str
    room: str
    starts_at: datetime
    ends_at: datetime
    speakers: tuple[PersonDraft, ...]


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """An event as it is to be, with its sessions: in `said` what the file says of it, fields named as an event's.

    `assumed` is for an event that is not yet there: what the file does not say, and what an event can't be without.
    `left_out` are the keys of sessions that the file has, but that are at fault; it is None where it can't be told
    which ones they are.
    """

    source_key: str
    said: Mapping[str, str | datetime]
    assumed: Mapping[str, str]
    languages: tuple[str, ...]
    sessions: tuple[SessionDraft, ...]
    left_out: frozenset[str] | None
