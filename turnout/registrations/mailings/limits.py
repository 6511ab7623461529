"""How often a team may write to its people, or have it tried out. Each raises ThrottledError."""

from turnout.accounts.models import User
from turnout.core import audit
from turnout.events.models import Event
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows

_MAILINGS = windows("20/hour,60/day")  # of an event, and of an account
_PREVIEWS = windows("60/minute,600/hour")  # each reads everybody's answers, if it is asked for some
_AGAIN = windows("20/hour,60/day")


def admit_mailing(event: Event, author: User) -> None:
    """Count a mailing."""
    admit(
        Claim("mailing", audit.actor_of(author), _MAILINGS),
        Claim("mailing.event", str(event.pk), _MAILINGS),
    )


def admit_preview(author: User) -> None:
    """Count a preview."""
    admit(Claim("mailing.preview", audit.actor_of(author), _PREVIEWS))


def admit_again(event: Event) -> None:
    """Count that all that was given up is sent again."""
    admit(Claim("mailing.again", str(event.pk), _AGAIN))
