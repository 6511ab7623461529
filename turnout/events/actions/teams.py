"""How an event is shared with a team."""

from turnout.core import audit
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional
from turnout.core.validation import validate
from turnout.events.models import Event, TeamMember
from turnout.guard.actions import Claim, admit
from turnout.guard.mailboxes import within_mail_budget
from turnout.guard.notation import windows
from turnout.notifications.actions import owe

_MOST_MEMBERS = 100
# Whoever invites has mails sent to whatever addresses they name.
_INVITATIONS = windows("30/hour,100/day")


@transactional
def add_member(event: Event, email: str, role: str, *, actor: str = audit.SYSTEM) -> TeamMember:
    """Share an event with whoever has this mail address, at once or as soon as they have an account; they are told.

    Whether there is an account for the address makes no difference here, and nobody learns it.
    ConflictError `already_on_team`, the owner included; `team_full` at a hundred members. ThrottledError where `actor`
    invited too many. Nobody is told whose mailbox has got all the mails it may.
    """
    if actor != audit.SYSTEM:
        admit(Claim("invitation", actor, _INVITATIONS))
    event = Event.objects.select_for_update().get(pk=event.pk)
    member = TeamMember(event=event, email=email, role=role)
    member.clean()
    team = set(event.team.values_list("email_key", flat=True))
    owner = {event.owner.email_key} if event.owner else set()
    if member.email_key in team | owner:
        raise ConflictError("Whoever has this address is on the team already.", "already_on_team")
    if len(team) >= _MOST_MEMBERS:
        raise ConflictError(f"A team has at most {_MOST_MEMBERS} members.", "team_full")
    validate(member, exclude=("event",))
    member.save(force_insert=True)
    if actor == audit.SYSTEM or within_mail_budget(member.email, actor, purpose="invitation"):
        owe("team.added", member.id, member.email)
    audit.record(actor, "team.added", event.id, {"member": str(member.id), "role": member.role})
    return member


@transactional
def remove_member(member: TeamMember, *, actor: str = audit.SYSTEM) -> None:
    """Take somebody off the team, from this moment on."""
    member.delete()
    audit.record(actor, "team.removed", member.event_id, {"role": member.role})
