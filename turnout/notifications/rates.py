"""How much mail goes out: in all, and to each provider, so that nobody takes us for a source of spam.

What is too much stays due, in its order, and others go first. A tenth of each rate is for what is urgent.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from turnout.core.clock import now
from turnout.guard.actions import Claim, take
from turnout.guard.notation import Window
from turnout.notifications.models import Message

_ALL = "mail"
_DOMAIN = "mail.domain"
_USUAL = ".usual"  # what leaves the reserve alone
_URGENT = Q(urgency=Message.Urgency.URGENT)

# Until when a rate is spent, by scope and subject: this process's own memory of what the limiter said.
_spent: dict[tuple[str, str], datetime] = {}


def within_rate(message: Message) -> bool:
    """Count a message that is about to be sent; False where a rate is spent, and it has to wait."""
    claims = [claim for claim in _claims(message) if claim.windows]
    if any(_is_spent(claim) for claim in claims):
        return False
    refused = take(*claims)
    if refused is not None:
        claim, seconds = refused
        _spent[claim.scope, claim.subject] = now() + timedelta(seconds=seconds)
    return refused is None


def open_to(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Leave out those for which a rate is spent."""
    for key in [key for key, until in _spent.items() if until <= now()]:
        del _spent[key]
    for scope, subject in _spent:
        counted = Q(recipient__iendswith=f"@{subject}") if subject else Q(pk__isnull=False)
        messages = messages.exclude(counted & ~_URGENT if scope.endswith(_USUAL) else counted)
    return messages


def _claims(message: Message) -> list[Claim]:
    domain = message.recipient.rpartition("@")[2].lower()
    by_domain = settings.MAIL_RATE_PER_DOMAIN
    rates = [(_ALL, "", settings.MAIL_RATE), (_DOMAIN, domain, by_domain.get(domain, by_domain.get("*", ())))]
    claims = [Claim(scope, subject, windows) for scope, subject, windows in rates]
    if message.urgency != Message.Urgency.URGENT:
        claims += [Claim(scope + _USUAL, subject, _share(windows)) for scope, subject, windows in rates]
    return claims


def _share(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Return what is left of a rate without the reserve."""
    return tuple(Window(max(window.amount - max(window.amount // 10, 1), 1), window.seconds) for window in windows)


def _is_spent(claim: Claim) -> bool:
    return _spent.get((claim.scope, claim.subject), now()) > now()
