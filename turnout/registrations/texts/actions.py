"""Writing an event's own texts for its mails."""

from collections.abc import Sequence

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import NotFoundError
from turnout.core.transactions import transactional
from turnout.events.models import Event
from turnout.registrations.texts.models import MailText
from turnout.registrations.texts.writing import Text, check, check_place, placeholders

_AT_ONCE = 25  # rows with long texts in one statement: what MariaDB takes at once has its bounds


@transactional
def set_text(event: Event, kind: str, language: str, text: Text, *, actor: str = audit.SYSTEM) -> MailText:
    """Let one kind of the event's mails say this in one language; what it said before is gone.

    It holds for mails not sent yet. NotFoundError for another kind or language; InvalidError as `texts.writing.check`.
    """
    check_place(event, kind, language)
    check(text, placeholders(kind))
    said = {"subject": text.subject, "body": text.body, "changed_at": now()}
    row, _is_new = MailText.objects.update_or_create(event=event, kind=kind, language=language, defaults=said)
    audit.record(actor, "event.mail_text_set", event.pk, {"kind": kind, "language": language})
    return row


@transactional
def forget_text(event: Event, kind: str, language: str, *, actor: str = audit.SYSTEM) -> None:
    """Let our words stand there again. NotFoundError where they do."""
    check_place(event, kind, language)
    if not MailText.objects.filter(event=event, kind=kind, language=language).delete()[0]:
        raise NotFoundError
    audit.record(actor, "event.mail_text_forgotten", event.pk, {"kind": kind, "language": language})


def copy_texts(original: Event, copies: Sequence[Event]) -> None:
    """Write the texts of an event for its copies. Part of the caller's transaction."""
    texts = list(MailText.objects.filter(event=original))
    same = ("kind", "language", "subject", "body", "changed_at")
    MailText.objects.bulk_create(
        (MailText(event=copy, **{name: getattr(text, name) for name in same}) for copy in copies for text in texts),
        batch_size=_AT_ONCE,
    )
