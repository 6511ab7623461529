"""Who is told of a certificate. Nothing here is an action: each is part of the caller's transaction."""

from collections.abc import Sequence

from turnout.accounts.models import User
from turnout.certificates.models import Certificate
from turnout.core import audit
from turnout.core.text import address_key
from turnout.guard.mailboxes import within_mail_budget
from turnout.notifications.actions import owe_many
from turnout.notifications.feed.actions import post
from turnout.notifications.feed.models import Entry


def tell(kind: str, certificates: Sequence[Certificate], actor: str) -> None:
    """Owe each holder the mail of this kind, give who has an account a notice, and let the event's desk know.

    Who was named by hand never asked for a mail: their mailbox gets no more than it may. Nobody is told when it did.
    """
    if not certificates:
        return
    version = certificates[0].current
    reachable = [each for each in certificates if each.email]
    owe_many(kind, [(each.pk, each.email) for each in reachable if _may_be_mailed(each, actor)], version=version)
    keys = {address_key(each.email): each for each in reachable}
    accounts = User.objects.filter(email_key__in=keys, address_verified=True, is_active=True)
    entries = [
        Entry(topic=account, kind=kind, subject=keys[key].pk, data=_told(keys[key]))
        for account, key in accounts.values_list("pk", "email_key")
    ]
    entries += [
        Entry(topic=each.event.pk, kind=kind, subject=each.pk, account=each.event.owner_id, data=_of(each))
        for each in certificates
        if each.event is not None
    ]
    post(entries)


def _may_be_mailed(certificate: Certificate, actor: str) -> bool:
    if certificate.registration_id is not None or actor == audit.SYSTEM:
        return True
    return within_mail_budget(certificate.email, actor, purpose="certificate")


def _of(certificate: Certificate) -> dict[str, str]:
    """Return whose it is, as the event's desk knows them; one given by hand is nobody's there."""
    return {} if certificate.registration_id is None else {"registration": str(certificate.registration_id)}


def _told(certificate: Certificate) -> dict[str, str]:
    """Return of which event it is; once that is gone, what the certificate calls it."""
    if certificate.event is not None:
        return {"title": certificate.event.title, "event": str(certificate.event.pk)}
    return {"title": certificate.versions.get(number=certificate.current).says.event}
