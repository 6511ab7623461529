"""A schedule (frab, pretalx, voc/schedule) as a draft: bytes in, a draft or faults out. Knows no database, no clock."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from turnout.core.errors import InvalidError
from turnout.events.files import Remark
from turnout.events.schedules.conferences import Conference
from turnout.events.schedules.drafts import ScheduleDraft, SessionDraft
from turnout.events.schedules.files import read_tree
from turnout.events.schedules.sessions import Session


@dataclass(slots=True)
class ScheduleReading:
    """What a file holds: a draft, what is wrong with the sessions left out, and notes on what is in."""

    draft: ScheduleDraft
    faults: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """How many sessions are left out."""
        return len({fault.row for fault in self.faults})


def read_schedule(content: bytes) -> ScheduleReading:
    """Read a schedule, JSON or XML, each session on its own: a bad one is reported and left out.

    Of two sessions with one guid the later is left out. InvalidError where the file as a whole can't be read, has no
    title, or has no session that can be imported.
    """
    tree = read_tree(content)
    conference = Conference(tree)
    sessions = [Session(entry, conference) for entry in tree.entries]
    drafts = _distinct(sessions)
    faults = [fault for session in sessions for fault in session.faults]
    if not drafts:
        raise InvalidError(f"Not one of its sessions can be read; {faults[0]}" if faults else "It has no sessions")
    said, assumed = conference.event()
    draft = ScheduleDraft(
        source_key=conference.source_key,
        said={
            **said,
            "starts_at": min(draft.starts_at for draft in drafts),
            "ends_at": max(draft.ends_at for draft in drafts),
        },
        assumed=assumed,
        languages=_by_use(draft.language for draft in drafts),
        sessions=tuple(drafts),
        left_out=_left_out(sessions),
    )
    notes = [note for session in sessions if not session.faults for note in session.notes]
    return ScheduleReading(draft, faults, [*conference.notes, *notes])


def _distinct(sessions: list[Session]) -> list[SessionDraft]:
    known: dict[str, Session] = {}
    drafts = []
    for session in sessions:
        draft = session.draft()
        if draft is not None and draft.source_key in known:
            session.fault("guid", f"the same as of {known[draft.source_key].where}")
        elif draft is not None:
            known[draft.source_key] = session
            drafts.append(draft)
    return drafts


def _left_out(sessions: list[Session]) -> frozenset[str] | None:
    keys = frozenset(session.source_key for session in sessions if session.faults)
    return None if "" in keys else keys


def _by_use(codes: Iterator[str]) -> tuple[str, ...]:
    """Return the distinct codes, the most frequent first, and of equally frequent ones the first."""
    return tuple(code for code, _ in Counter(filter(None, codes)).most_common())
