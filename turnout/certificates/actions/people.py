"""A change of address, which certificates follow."""

from turnout.accounts.models import User
from turnout.certificates.models import Certificate, Role, holder_key
from turnout.core.text import address_key
from turnout.registrations.actions import people


def confirm_address(user: User, email: str, code: str, *, client: str) -> User:
    """Give the account its new address, as `registrations.actions.people` does; its certificates follow, too.

    That is those of registrations that followed, and those given by hand. Who has one of the same event and role under
    the new address already keeps both.
    """
    return people.confirm_address(user, email, code, client=client, follow=_follow)


def _follow(user: User, before: str) -> None:
    moved = list(Certificate.objects.filter(email=before).exclude(registration__email=before))
    keys = {each.pk: _new_key(each, user) for each in moved}
    taken = set(Certificate.objects.filter(holder_key__in=keys.values()).values_list("holder_key", flat=True))
    for certificate in moved:
        certificate.email = user.email
        if keys[certificate.pk] not in taken:
            certificate.holder_key = keys[certificate.pk]
            taken.add(certificate.holder_key)
    Certificate.objects.bulk_update(moved, ["email", "holder_key"])


def _new_key(certificate: Certificate, user: User) -> str | None:
    """Return by whom it is known under the new address; once its event is gone nothing is issued there any more."""
    if certificate.event_id is None:
        return certificate.holder_key
    return holder_key(certificate.event_id, address_key(user.email), Role(certificate.role))
