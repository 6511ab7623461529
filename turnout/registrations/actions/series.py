"""Events made from one another: cloned, in series, and changed together.

Order of locks: the series' row, then the pools of all events to be changed, by their ids, then those events, then as
for one event. So of two changes of one series the later waits before it has anything, and of a change of the series and
one of an event neither waits for what the other has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, DomainError, Fault, InvalidError, NotFoundError
from turnout.core.transactions import transactional
from turnout.events.actions.copies import begin_series, update_series, write_copies
from turnout.events.dates import Shift, Start, shift_by, shift_to_time, shifted, shifted_to, unshifted
from turnout.events.models import Event, SeatPool, Series
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.texts.actions import copy_texts


@dataclass(frozen=True, slots=True)
class SeriesChange:
    """What is to be different about the events of a series that are to come; what is not named stays as it is."""

    fields: Mapping[str, object] = field(default_factory=dict)  # the series' own
    event: EventChange = field(default_factory=EventChange)
    shift_minutes: int | None = None  # all times, as clocks there show them
    start_time: time | None = None  # the time of day at which each starts; all its times are moved with it
    since: datetime | None = None  # only what starts then or later

    def shift(self, event: Event) -> Shift | None:
        """Return how far this event is moved, if it is."""
        if self.start_time is not None:
            return shift_to_time(event, self.start_time)
        return None if self.shift_minutes is None else shift_by(event, self.shift_minutes)

    def is_of_events(self) -> bool:
        """Tell whether anything of the events is to be different."""
        return self.event != EventChange() or (self.start_time, self.shift_minutes) != (None, None)


@transactional
def clone_event(event: Event, start: Start | None, fields: Mapping[str, object], *, actor: str = audit.SYSTEM) -> Event:
    """Copy an event as a draft, with these fields of its own, to another start if one is given.

    All that is its own comes along, its team does not, and nobody is registered. Clocks decide: a session at 10:00 is
    at 10:00 again. InvalidError where clocks skip one of its times.
    """
    event = _locked(event)
    times = unshifted(event) if start is None else shifted_to(event, [start])[0]
    copies = write_copies(event, [times], {**fields, "status": Event.Status.DRAFT}, actor=actor)
    copy_texts(event, copies)
    return copies[0]


@transactional
def make_series(
    event: Event,
    starts: Sequence[Start],
    *,
    limit_per_person: int | None = None,
    status: str = "",
    actor: str = audit.SYSTEM,
) -> Series:
    """Make a series of an event and of its copies at these starts; copies have its owner, team and status, or `status`.

    InvalidError with every fault of every start, and then nothing is written; ConflictError `already_in_series`,
    `event_cancelled`.
    """
    event = _locked(event)
    series = begin_series(event, limit_per_person, actor=actor)
    times = shifted_to(event, starts, taken=[event.starts_at])
    own = {"series": series} | ({"status": status} if status else {})
    copy_texts(event, write_copies(event, times, own, with_team=True, actor=actor))
    return series


@transactional
def change_series(series: Series, change: SeriesChange, *, actor: str = audit.SYSTEM) -> Series:
    """Change a series and all its events that are to come, all of them or none, each as `change_event` does.

    What has ended or is cancelled stays as it is. Raises what `change_event` raises, with every fault of every event:
    `/events/<id>/...`.
    """
    errors: list[tuple[Event, DomainError]] = []
    series, events = _locked_together(series, since=change.since)
    if change.fields:
        update_series(series, change.fields, actor=actor)
    for event in events if change.is_of_events() else ():
        try:
            change_event(event, _change_of(event, change), actor=actor)
        except (ConflictError, InvalidError) as error:
            errors.append((event, error))
    if errors:
        raise _together(errors)
    return series


@transactional
def remove_series(series: Series, *, actor: str = audit.SYSTEM) -> None:
    """Delete or cancel all events of a series that are to come, each as `remove_event` does.

    What has ended stays as it is, and the series with it.
    """
    series, events = _locked_together(series)
    for event in events:
        remove_event(event, actor=actor)
    audit.record(actor, "series.removed", series.pk)
    if not series.events.exists():
        Series.objects.filter(pk=series.pk).delete()


def _locked(event: Event) -> Event:
    """Lock an event, and read it and its sessions anew: whoever writes these locks it too."""
    found = Event.objects.select_for_update().filter(pk=event.pk).prefetch_related("sessions").first()
    if found is None:
        raise NotFoundError
    return found


def _locked_together(series: Series, since: datetime | None = None) -> tuple[Series, list[Event]]:
    """Lock a series and what of it is to come, and read both anew, the soonest event first."""
    found = Series.objects.select_for_update().filter(pk=series.pk).first()
    if found is None:
        raise NotFoundError
    to_come = Event.objects.filter(series=found, ends_at__gt=now()).exclude(status=Event.Status.CANCELLED)
    if since is not None:
        to_come = to_come.filter(starts_at__gte=since)
    known = list(to_come.values_list("pk", flat=True))
    list(SeatPool.objects.select_for_update().filter(event__in=known).order_by("pk"))
    locked = to_come.select_for_update().filter(pk__in=known).order_by("pk").prefetch_related("sessions")
    return found, sorted(locked, key=lambda event: (event.starts_at, event.pk))


def _change_of(event: Event, change: SeriesChange) -> EventChange:
    """Return what is to be different about one of the events."""
    shift = change.shift(event)
    if shift is None:
        return change.event
    times = shifted(event, shift)
    sessions = list(event.sessions.all())
    for session, moved in zip(sessions, times.sessions, strict=True):
        for name, moment in moved.items():
            setattr(session, name, moment)
    fields = {**change.event.fields, **times.event}
    return replace(change.event, fields=fields, parts=replace(change.event.parts, sessions=sessions))


def _together(errors: Sequence[tuple[Event, DomainError]]) -> DomainError:
    """Return the first of several events' errors, with the faults of all."""
    faults = tuple(
        replace(fault, pointer=f"/events/{event.pk}{fault.pointer}")
        for event, error in errors
        for fault in error.faults or (Fault("", error.code, error.detail),)
    )
    first = errors[0][1]
    return type(first)(first.detail, first.code, faults=faults)
