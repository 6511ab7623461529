"""How many mails a mailbox may get that others asked for: anybody can type any address, with an account or without."""

from typing import Literal

from django.conf import settings

from turnout.core.text import normal_address
from turnout.guard.actions import Claim, admitted
from turnout.guard.notation import Window

# Each has a budget of its own: whoever spends one leaves the others as they are. So codes and resets are a reserve.
Purpose = Literal["registration", "code", "reset", "address", "invitation", "certificate"]
_ALIASES = {"googlemail.com": "gmail.com"}


def within_mail_budget(address: str, client: str, *, purpose: Purpose) -> bool:
    """Count a mail to this address that a client (`addresses.network`) asked for; False where it must not be owed.

    Of who is signed in, the client is the account: accounts are free.

    A mailbox gets as many as THROTTLE_MAILBOX says, and one client may ask for all but one of them: one stranger
    alone silences nobody. What the client is answered must be the same either way.
    """
    whose = mailbox(address)
    share = tuple(Window(max(window.amount - 1, 1), window.seconds) for window in settings.THROTTLE_MAILBOX)
    return admitted(
        Claim(f"mail.{purpose}", whose, settings.THROTTLE_MAILBOX),
        Claim(f"mail.{purpose}.network", f"{whose} {client}", share),
    )


def mailbox(address: str) -> str:
    """Return the mailbox behind an address, for the count alone: no tag behind a plus, and no dots before the @.

    Where dots tell people apart, two of them share a budget; nobody's mail goes to another.
    """
    local, _, domain = normal_address(address).rpartition("@")
    bare = local.partition("+")[0].replace(".", "")
    return f"{bare or local}@{_ALIASES.get(domain, domain)}"
