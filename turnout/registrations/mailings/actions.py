"""Writing to some of those who registered, stopping that, and wanting none of it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from turnout.accounts.models import User
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, NotFoundError
from turnout.core.transactions import transactional
from turnout.events.models import Event
from turnout.notifications.actions import owe_many, withdraw
from turnout.registrations.mailings.limits import admit_mails
from turnout.registrations.mailings.mails import check_draft
from turnout.registrations.mailings.models import MESSAGE, Mailing, Recipient
from turnout.registrations.mailings.segments import Segment, chosen
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.registrations.texts.writing import Text

_PATIENCE = 1  # ranks behind what somebody waits for
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be said, to whom, and whether they can answer its author."""

    text: Text
    segment: Segment
    reply_to: bool = False


@transactional
def send_mailing(event: Event, draft: Draft, among: RegistrationQuerySet, *, author: User) -> Mailing:
    """Owe a mail to everybody of the segment, as `segments.chosen` finds them: all of them, or nobody.

    What it says to each is made when it is sent. InvalidError as `mails.check_draft` and `chosen`; ConflictError
    `nobody_to_write_to`; ThrottledError where the author wrote too many.
    """
    check_draft(event, draft.text, draft.segment)
    people = chosen(event, draft.segment, among)
    if not people:
        raise ConflictError(_("Nobody is registered who would get this mail."), "nobody_to_write_to")
    admit_mails(author, len(people))
    mailing = Mailing.objects.create(
        event=event,
        author=author,
        subject=draft.text.subject,
        body=draft.text.body,
        segment=draft.segment.as_json(),
        reply_to=draft.reply_to,
        count=len(people),
        created_at=now(),
    )
    recipients = [Recipient(mailing=mailing, registration_id=pk) for pk, _address in people]
    Recipient.objects.bulk_create(recipients, batch_size=_AT_ONCE)
    owed = [(recipient.pk, address) for recipient, (_pk, address) in zip(recipients, people, strict=True)]
    owe_many(MESSAGE, owed, patience=_PATIENCE)
    audit.record(audit.actor_of(author), "mailing.sent", mailing.pk, {"event": str(event.pk), "count": len(people)})
    return mailing


@transactional
def stop_mailing(mailing: Mailing, *, actor: str) -> Mailing:
    """Send no more of it: what is still due is void at once, and nothing of it is sent again. Twice is once.

    Who is being mailed this moment may yet get it.
    """
    found = Mailing.objects.select_for_update().filter(pk=mailing.pk).first()
    if found is None:
        raise NotFoundError
    if found.stopped_at is None:
        found.stopped_at = now()
        found.save(update_fields=["stopped_at"])
        withdraw(MESSAGE, Recipient.objects.filter(mailing=found).values("pk"))
        audit.record(actor, "mailing.stopped", found.pk)
    return found


@transactional
def unsubscribe(registration: Registration) -> None:
    """Send this person no more mailings of this event's team; all that is about their own registration still comes."""
    if Registration.objects.filter(pk=registration.pk, mailings_off_at=None).update(mailings_off_at=now()):
        audit.record(audit.GUEST, "registration.unsubscribed", registration.pk)
