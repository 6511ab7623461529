"""What people set right afterwards; the record of what was scanned stays."""

from turnout.attendance.actions.settling import lock, settle
from turnout.attendance.models import Scan
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional
from turnout.notifications.feed.actions import post
from turnout.notifications.feed.models import Entry


@transactional
def undo(scan: Scan, reason: str, *, actor: str) -> Scan:
    """Let a scan count no more; it stays with the reason, and another entry may be the first now.

    What is undone stays so: a second time changes nothing. ConflictError `nothing_to_undo` where nobody passed by it.
    """
    lock([scan.registration_id] if scan.registration_id else [])
    scan = Scan.objects.select_related("event").get(pk=scan.pk)
    if scan.undone_at is not None:
        return scan
    if not scan.passed:
        raise ConflictError("Nobody went through by this scan: there is nothing to undo.", "nothing_to_undo")
    scan.undone_at, scan.undone_by, scan.undone_reason = now(), actor, reason
    settle([scan])
    data = {"scan": scan.scan_id, "session": str(scan.session_id or ""), "direction": scan.direction}
    if scan.registration_id is not None:
        about = {"subject": scan.registration_id, "account": scan.event.owner_id}
        post([Entry(topic=scan.event_id, kind="checkin.undone", data=data, **about)])
    audit.record(actor, "scan.undone", scan.pk, {"reason": reason})
    return scan


@transactional
def resolve(scan: Scan, note: str, *, actor: str) -> Scan:
    """Note what the team made of a conflict, so that it is on their list no more. A second time changes the note.

    ConflictError `no_conflict` where there is none.
    """
    scan = Scan.objects.select_for_update().get(pk=scan.pk)
    if not scan.conflict:
        raise ConflictError("There is nothing to resolve about this scan.", "no_conflict")
    scan.resolved_at, scan.resolved_by, scan.resolved_note = now(), actor, note
    scan.save(update_fields=["resolved_at", "resolved_by", "resolved_note"])
    audit.record(actor, "scan.resolved", scan.pk, {"conflict": scan.conflict})
    return scan
