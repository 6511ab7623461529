"""What an event asks before it certifies somebody: decided with the event, or on its own."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from turnout.certificates.models import CertificateRules
from turnout.core import audit
from turnout.core.errors import Fault, InvalidError
from turnout.core.transactions import transactional
from turnout.core.validation import validate
from turnout.events.models import Event

DECIDED: Final = ("min_attendance_percent", "min_minutes", "required_sessions", "by_hand", "automatic", "hours")


@transactional
def set_rules(event: Event, fields: Mapping[str, Any], *, actor: str) -> CertificateRules:
    """Decide what an event asks; what is not named stays, or is as usual: being there, and issued on its own.

    `required_sessions` are the ids of sessions of the event. Who has a certificate keeps it; the worker looks again.
    InvalidError where a rule is broken.
    """
    _row, is_new = CertificateRules.objects.get_or_create(event=event)
    rules = CertificateRules.objects.select_for_update().get(pk=event.pk)
    wanted = dict(fields)
    if "required_sessions" in wanted:
        wanted["required_sessions"] = _known(event, wanted["required_sessions"])
    changed = {name: value for name, value in wanted.items() if getattr(rules, name) != value}
    if not changed and not is_new:
        return rules
    for name, value in {**changed, "swept_at": None, "closed": False}.items():
        setattr(rules, name, value)
    rules.event = event
    validate(rules)
    rules.save()
    audit.record(actor, "certificate_rules.changed", event.pk, {"fields": sorted(changed)})
    return rules


@transactional
def forget_rules(event: Event, *, actor: str) -> None:
    """Let an event have decided nothing: nobody is certified on their own any more."""
    if CertificateRules.objects.filter(pk=event.pk).delete()[0]:
        audit.record(actor, "certificate_rules.forgotten", event.pk)


def look_again(event: Event) -> None:
    """Let the worker look at an event as if it never had. Part of the caller's transaction."""
    CertificateRules.objects.filter(pk=event.pk).update(swept_at=None, closed=False)


def copy_rules(original: Event, copies: Sequence[Event]) -> None:
    """Let copies of an event ask what it asks, of their own sessions. Part of the caller's transaction."""
    rules = CertificateRules.objects.filter(pk=original.pk).first()
    if rules is None:
        return
    same = {name: getattr(rules, name) for name in DECIDED}
    places = [str(session) for session in original.sessions.values_list("pk", flat=True)]
    for copy in copies:
        # The sessions of a copy have the order of the original's.
        own = dict(zip(places, map(str, copy.sessions.values_list("pk", flat=True)), strict=True))
        required = [own[each] for each in rules.required_sessions if each in own]
        CertificateRules.objects.create(event=copy, **{**same, "required_sessions": required})


def _known(event: Event, sessions: Sequence[Any]) -> list[str]:
    """Return the ids as they are kept, each once; InvalidError that names those that are none of the event's."""
    programme = {str(session) for session in event.sessions.values_list("pk", flat=True)}
    wanted = [str(each) for each in sessions]
    message = _("This event has no session with this id.")
    unknown = [index for index, each in enumerate(wanted) if each not in programme]
    if unknown:
        faults = (Fault(f"/required_sessions/{index}", "does_not_exist", message) for index in unknown)
        raise InvalidError.at(*faults)
    return list(dict.fromkeys(wanted))
