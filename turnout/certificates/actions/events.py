"""Events written with what they ask before they certify somebody: all of it or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from turnout.certificates.actions.designs import copy_design
from turnout.certificates.actions.rules import copy_rules, forget_rules, look_again, set_rules
from turnout.core.errors import InvalidError
from turnout.core.transactions import transactional
from turnout.events import actions as events
from turnout.events.actions import Capacity, Parts
from turnout.events.dates import Start
from turnout.events.models import Event, Series
from turnout.registrations.actions import events as changes
from turnout.registrations.actions import series as copies
from turnout.registrations.actions.events import EventChange

_AT = "/certificate_rule"  # where an event has its rule


@dataclass(frozen=True, slots=True)
class Rule:
    """What is to be asked; what is not named stays. None: nothing is decided any more."""

    fields: Mapping[str, object] | None


@transactional
def create_event(event: Event, capacity: Capacity, parts: Parts, rule: Rule | None, *, actor: str) -> Event:
    """Create an event as `turnout.events.actions` does, and write its rule if there is one."""
    created = events.create_event(event, capacity, parts, actor=actor)
    _write(created, rule, actor)
    return created


@transactional
def change_event(event: Event, change: EventChange, rule: Rule | None, *, actor: str) -> Event:
    """Change an event as `turnout.registrations.actions.events` does, and its rule if that is to be different.

    Where it ends at another time the worker looks again, though it had done with it.
    """
    ended_at = event.ends_at
    changed = changes.change_event(event, change, actor=actor)
    if changed.ends_at != ended_at:
        look_again(changed)
    _write(changed, rule, actor)
    return changed


@transactional
def clone_event(event: Event, start: Start | None, fields: Mapping[str, object], *, actor: str) -> Event:
    """Copy an event as `turnout.registrations.actions.series` does, with its rule and the look of its certificates."""
    copy = copies.clone_event(event, start, fields, actor=actor)
    copy_rules(event, [copy])
    copy_design(event, [copy])
    return copy


@transactional
def make_series(
    event: Event, starts: Sequence[Start], *, limit_per_person: int | None = None, status: str = "", actor: str
) -> Series:
    """Make a series as `turnout.registrations.actions.series` does, of events that all have its rule and look."""
    series = copies.make_series(event, starts, limit_per_person=limit_per_person, status=status, actor=actor)
    others = list(series.events.exclude(pk=event.pk))
    copy_rules(event, others)
    copy_design(event, others)
    return series


def _write(event: Event, rule: Rule | None, actor: str) -> None:
    if rule is None:
        return
    if rule.fields is None:
        forget_rules(event, actor=actor)
        return
    try:
        set_rules(event, rule.fields, actor=actor)
    except InvalidError as error:
        raise InvalidError.at(*(replace(fault, pointer=_AT + fault.pointer) for fault in error.faults)) from error
