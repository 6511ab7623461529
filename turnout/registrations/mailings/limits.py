"""How often a team may write to its people, or have it tried out. Each raises ThrottledError."""

from turnout.accounts.models import User
from turnout.core import audit
from turnout.events.models import Event
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows

_MAILINGS = windows("10/hour,20/day")  # of an event
_MAILINGS_OF_ONE = windows("20/hour,40/day")  # of an account
_THOUSANDS = windows("30/hour,60/day")  # of mails of an account, begun ones counted
_PREVIEWS = windows("60/minute,600/hour")  # each reads everybody's answers, if it is asked for some
_AGAIN = windows("20/hour,60/day")
_ONE_AGAIN = windows("60/hour,300/day")


def admit_mailing(event: Event, author: User) -> None:
    """Count a mailing."""
    admit(
        Claim("mailing", audit.actor_of(author), _MAILINGS_OF_ONE),
        Claim("mailing.event", str(event.pk), _MAILINGS),
    )


def admit_mails(author: User, count: int) -> None:
    """Count so many mails of a mailing."""
    for _thousand in range(0, count, 1000):
        admit(Claim("mailing.mails", audit.actor_of(author), _THOUSANDS))


def admit_preview(author: User) -> None:
    """Count a preview."""
    admit(Claim("mailing.preview", audit.actor_of(author), _PREVIEWS))


def admit_again(event: Event) -> None:
    """Count that all that was given up is sent again."""
    admit(Claim("mailing.again", str(event.pk), _AGAIN))


def admit_one_again(event: Event) -> None:
    """Count that one mail is sent again."""
    admit(Claim("mailing.one_again", str(event.pk), _ONE_AGAIN))
