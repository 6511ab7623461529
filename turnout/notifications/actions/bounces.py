"""What comes back after the mail server had taken it."""

import uuid

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.redaction import redact_text
from turnout.core.transactions import transactional
from turnout.notifications.models import Message

_MOST_SAID = 500  # characters


@transactional
def note_bounce(message_id: uuid.UUID, said: str) -> bool:
    """Note that a message came back, and what was said of it; False where that is known, or there is no such message.

    The first word stands, without addresses and secrets. The message stays sent: `send_again` lets it be due anew.
    """
    known = Message.objects.filter(pk=message_id, bounced_at=None)
    text = redact_text(said.replace("\0", ""))[:_MOST_SAID]
    noted = known.update(bounced_at=now(), bounce=text or "returned") == 1
    if noted:
        audit.record(audit.SYSTEM, "message.bounced", message_id)
    return noted
