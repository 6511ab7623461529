"""How often somebody may have us ask others' machines something."""

from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows
from turnout.notifications.webhooks.models import Webhook
from turnout.notifications.webhooks.network import PublicURL, public_url

_WRITTEN = windows("30/minute,200/hour")
_ASKED_FOR = windows("10/minute,100/hour")


def checked_url(url: str, *, actor: str) -> PublicURL:
    """Return the address that somebody wrote, which is resolved; raises as `public_url`, and ThrottledError."""
    admit(Claim("webhook_written", actor, _WRITTEN))
    return public_url(url)


def admit_request(webhook: Webhook) -> None:
    """Count a request that somebody asks for, as a test or to have something sent again. ThrottledError."""
    admit(Claim("webhook_asked", str(webhook.pk), _ASKED_FOR))
