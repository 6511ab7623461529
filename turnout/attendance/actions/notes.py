"""What the team wants to be seen at the door of somebody."""

from django.utils.translation import gettext as _

from turnout.attendance.models import DoorNote
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import Fault, InvalidError
from turnout.core.transactions import transactional
from turnout.events.files import has_control
from turnout.registrations.actions.telling import report
from turnout.registrations.models import Registration

LONGEST_NOTE = 500


@transactional
def set_note(registration: Registration, text: str, *, actor: str) -> DoorNote | None:
    """Let whoever scans somebody's ticket see this, on one line; an empty text takes away what they saw.

    The trail says that it was done, and not what was written. InvalidError at `/text`: `too_long`, `invalid`.
    """
    text = " ".join(text.split())
    if len(text) > LONGEST_NOTE:
        raise InvalidError.at(Fault("/text", "too_long", _("At most %d characters.") % LONGEST_NOTE))
    if has_control(text):
        raise InvalidError.at(Fault("/text", "invalid", _("Control characters are no text.")))
    before = DoorNote.objects.filter(registration=registration).first()
    if text == (before.text if before else ""):
        return before
    report("registration.changed", registration.event, [registration.pk])  # scanners without network carry notes along
    audit.record(actor, "registration.noted" if text else "registration.note_removed", registration.pk)
    if not text:
        DoorNote.objects.filter(registration=registration).delete()
        return None
    said = {"text": text, "made_by": actor, "at": now()}
    return DoorNote.objects.update_or_create(registration=registration, defaults=said)[0]
