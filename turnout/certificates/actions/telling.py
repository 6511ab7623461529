"""Who is told of a certificate. Nothing here is an action: each is part of the caller's transaction."""

from collections.abc import Sequence

from turnout.accounts.models import User
from turnout.certificates.models import Certificate
from turnout.core.text import address_key
from turnout.notifications.actions import owe_many
from turnout.notifications.feed.actions import post
from turnout.notifications.feed.models import Entry


def tell(kind: str, certificates: Sequence[Certificate]) -> None:
    """Owe each holder the mail of this kind, give who has an account a notice, and let the event's desk know."""
    if not certificates:
        return
    version = certificates[0].current
    reachable = [each for each in certificates if each.email]
    owe_many(kind, [(each.pk, each.email) for each in reachable], version=version)
    keys = {address_key(each.email): each for each in reachable}
    accounts = User.objects.filter(email_key__in=keys, address_verified=True, is_active=True)
    entries = [
        Entry(topic=account, kind=kind, subject=keys[key].pk, data={"title": _title(keys[key])})
        for account, key in accounts.values_list("pk", "email_key")
    ]
    entries += [
        Entry(topic=each.event.pk, kind=kind, subject=each.pk, account=each.event.owner_id, data={})
        for each in certificates
        if each.event is not None
    ]
    post(entries)


def _title(certificate: Certificate) -> str:
    return "" if certificate.event is None else certificate.event.title
