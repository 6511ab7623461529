"""Events on other dates: all their times, moved as clocks there show them. Pure."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from django.utils.translation import gettext as _

from turnout.core.errors import Fault, InvalidError
from turnout.events.models import Event
from turnout.events.timezones import ClockError, read_clock

MOST_EVENTS = 200  # in a series
TIMES = ("starts_at", "ends_at", "registration_opens_at", "registration_closes_at")
_SPANS = (TIMES[:2], TIMES[2:])


@dataclass(frozen=True, slots=True)
class Start:
    """When a copy is to start, as it was sent, and the JSON pointer to what was sent."""

    clock: datetime  # without an offset it is what clocks at the event show
    pointer: str


@dataclass(frozen=True, slots=True)
class Times:
    """When an event is, and each of its sessions in their order."""

    event: Mapping[str, datetime | None]
    sessions: Sequence[Mapping[str, datetime | None]]


@dataclass(frozen=True, slots=True)
class Shift:
    """How far clocks in a timezone are moved: a session at 10:00 is at 10:00 on a day of the other offset, too."""

    zone: tzinfo
    by: timedelta
    fold: int = 0  # 1: of two moments at which clocks show the same the second is meant

    def of(self, moment: datetime) -> datetime:
        """Return the moment, moved; ClockError where clocks skip it. The second of two stays the second."""
        try:
            local = moment.astimezone(self.zone)
            clock = local.replace(tzinfo=None) + self.by
        except OverflowError as error:
            raise ClockError("invalid", _("Moved so far, it lies beyond all calendars.")) from error
        return read_clock(clock.replace(fold=max(self.fold, local.fold)), self.zone)


def shift_to(event: Event, clock: datetime) -> Shift:
    """Return what moves the event's start to this clock; ClockError where it is no time there."""
    start = read_clock(clock, event.zone).astimezone(event.zone)
    return Shift(event.zone, start.replace(tzinfo=None) - _local_start(event), start.fold)


def shift_by(event: Event, minutes: int) -> Shift:
    """Return what moves the event by so many minutes."""
    return Shift(event.zone, timedelta(minutes=minutes))


def shift_to_time(event: Event, start: time) -> Shift:
    """Return what lets the event start at this time of its day."""
    local = _local_start(event)
    return Shift(event.zone, datetime.combine(local, start) - local)


def unshifted(event: Event) -> Times:
    """Return all times of an event and of its sessions, as they are."""
    sessions = [{"starts_at": session.starts_at, "ends_at": session.ends_at} for session in event.sessions.all()]
    return Times({name: getattr(event, name) for name in TIMES}, sessions)


def shifted(event: Event, shift: Shift) -> Times:
    """Return all times of an event and of its sessions, moved.

    InvalidError that names each that clocks skip, or that would no longer come after its beginning: `/ends_at`,
    `/sessions/2/starts_at`.
    """
    faults: list[Fault] = []
    now = unshifted(event)
    moved = Times(
        _moved(now.event, shift, "", faults),
        [_moved(times, shift, f"/sessions/{index}", faults) for index, times in enumerate(now.sessions)],
    )
    if faults:
        raise InvalidError.at(*faults)
    return moved


def shifted_to(event: Event, starts: Sequence[Start], *, taken: Collection[datetime] = ()) -> list[Times]:
    """Return all times of an event's copies; InvalidError that names every fault at the start that leads to it.

    No two start at the same moment, nor at one that is taken.
    """
    all_times: list[Times] = []
    faults: list[Fault] = []
    seen: set[datetime | None] = set(taken)
    for start in starts:
        try:
            times = shifted(event, shift_to(event, start.clock))
        except ClockError as error:
            faults.append(Fault(start.pointer, error.code, error.detail))
        except InvalidError as error:
            faults += [Fault(start.pointer, fault.code, fault.detail) for fault in error.faults]
        else:
            if times.event["starts_at"] in seen:
                faults.append(Fault(start.pointer, "twice", _("There is one at this time: %s.") % start.clock))
            seen.add(times.event["starts_at"])
            all_times.append(times)
    if faults:
        raise InvalidError.at(*faults)
    return all_times


@dataclass(frozen=True, slots=True)
class Weekly:
    """Every so many weeks on these weekdays (0 is Monday): up to a number of events in all, or up to a day."""

    count: int | None = None
    until: date | None = None
    interval: int = 1
    weekdays: frozenset[int] = frozenset()  # none: the weekday of the first

    def starts(self, event: Event) -> list[Start]:
        """Return when the others start, at the time of day at which the first does.

        InvalidError where there are none, or more than a series may have.
        """
        first = event.starts_at.astimezone(event.zone)
        most = MOST_EVENTS if self.count is None else self.count - 1
        days = list(itertools.islice(itertools.takewhile(self._is_meant, self._days(first.date())), most))
        if not 0 < len(days) < MOST_EVENTS:
            message = _("A series has from 2 to %s events.") % MOST_EVENTS
            raise InvalidError.at(Fault("/weekly", "wrong_number", message))
        return [Start(datetime.combine(day, first.time()), "/weekly") for day in days]

    def _is_meant(self, day: date) -> bool:
        return self.until is None or day <= self.until

    def _days(self, first: date) -> Iterator[date]:
        monday = first - timedelta(days=first.weekday())
        for week in itertools.count(step=self.interval):
            for weekday in sorted(self.weekdays or {first.weekday()}):
                day = monday + timedelta(weeks=week, days=weekday)
                if day > first:
                    yield day


def _local_start(event: Event) -> datetime:
    return event.starts_at.astimezone(event.zone).replace(tzinfo=None)


def _moved(
    times: Mapping[str, datetime | None], shift: Shift, at: str, faults: list[Fault]
) -> dict[str, datetime | None]:
    """Return the times, moved; what is wrong with them is added to the faults."""
    moved: dict[str, datetime | None] = {}
    for name, moment in times.items():
        try:
            moved[name] = None if moment is None else shift.of(moment)
        except ClockError as error:
            faults.append(Fault(f"{at}/{name}", error.code, error.detail))
    for begins, ends in _SPANS:
        start, end = moved.get(begins), moved.get(ends)
        if start is not None and end is not None and end <= start:
            message = _("After a change of clocks the end would not be after the start: %s.") % f"{end:%Y-%m-%d}"
            faults.append(Fault(f"{at}/{ends}", "not_after_start", message))
    return moved
