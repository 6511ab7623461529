"""How speakers and partners are removed."""

from django.db.models import Q

from turnout.core import audit
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional
from turnout.events.models import Event, Partner, Speaker


@transactional
def remove_speaker(speaker: Speaker, *, actor: str = audit.SYSTEM) -> None:
    """Remove a speaker, from their owner's events too; ConflictError `in_use` where another's event names them."""
    _check_unused(speaker, Q(speakers=speaker) | Q(sessions__speakers=speaker))
    audit.record(actor, "speaker.removed", speaker.id, {"name": speaker.name})
    speaker.delete()


@transactional
def remove_partner(partner: Partner, *, actor: str = audit.SYSTEM) -> None:
    """Remove a partner, from its owner's events and speakers too; ConflictError `in_use` where others name it."""
    _check_unused(partner, Q(partner=partner))
    if Speaker.objects.filter(partner=partner).exclude(owner=partner.owner_id).exists():
        raise _in_use()
    audit.record(actor, "partner.removed", partner.id, {"name": partner.name})
    partner.delete()


def _check_unused(row: Speaker | Partner, named: Q) -> None:
    if Event.objects.filter(named).exclude(owner=row.owner_id).exists():
        raise _in_use()


def _in_use() -> ConflictError:
    return ConflictError("Somebody else's event or speaker names this.", "in_use")
