"""Makes certificates whose credentials tests look at."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.support import make
from turnout.certificates.actions import Named, issue_by_hand
from turnout.certificates.models import Certificate, Role, Version
from turnout.certificates.snapshots import Part
from turnout.core import audit

MORNING = datetime(2025, 5, 16, 9, 30, tzinfo=UTC)
PARTS = tuple(
    Part(title=f"Talk {hour}", starts_at=MORNING.replace(hour=hour), ends_at=MORNING.replace(hour=hour + 1))
    for hour in (10, 11)
)


def versions() -> Any:
    """Return all versions, as credentials need them."""
    return Version.objects.select_related("certificate")


def certified(name: str = "Amina Haddad", **says: Any) -> Version:
    """Return what the certificate of a volunteer says, with these words of it exchanged."""
    event = make.event(title="Rust for beginners", starts_at=MORNING, owner=make.user())
    named = Named(full_name=name, email="amina@example.org", hours=Decimal("2.25"))
    certificate = issue_by_hand(event, Role.VOLUNTEER, named, actor=audit.SYSTEM)
    version: Version = versions().get(certificate=certificate)
    Version.objects.filter(pk=version.pk).update(
        snapshot=replace(version.says, **{"sessions": PARTS, **says}).as_json()
    )
    return current(certificate)


def current(certificate: Certificate) -> Version:
    """Return what it says now."""
    version: Version = versions().filter(certificate=certificate).current().get()
    return version


def erase(version: Version) -> None:
    """Empty a certificate, as its holder's wish does."""
    Version.objects.filter(pk=version.pk).update(snapshot=None, credential=None, document_key=None)
    Certificate.objects.filter(pk=version.certificate_id).update(
        erased_at=MORNING, holder_key=None, full_name="", email=""
    )
