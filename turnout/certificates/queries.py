"""What is asked of certificates by more than one place."""

from uuid import UUID

from turnout.certificates.models import Certificate, Version
from turnout.core.errors import NotFoundError


def find_version(certificate_id: UUID, number: int | None = None) -> Version:
    """Return what a certificate says, or what a version of it said, to whoever has its id; NotFoundError.

    With its certificate, and the event if there still is one.
    """
    versions = Version.objects.select_related("certificate__event").filter(certificate=certificate_id)
    found = versions.current().first() if number is None else versions.filter(number=number).first()
    if found is None:
        raise NotFoundError
    return found


def chain(certificate: Certificate) -> list[Version]:
    """Return all its versions, the newest first."""
    return list(certificate.versions.order_by("-number"))
