"""Certificates as credentials that others' programs verify: Open Badges 3.0, that is W3C Verifiable Credentials 2.0."""

import json
from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from turnout.certificates.credentials.actions import keep_credentials
from turnout.certificates.credentials.badges import badge
from turnout.certificates.credentials.issuer import did, did_document, keys_of
from turnout.certificates.credentials.proofs import PURPOSE, prove
from turnout.certificates.credentials.status import status_list
from turnout.certificates.credentials.verifying import Verdict, verify
from turnout.certificates.models import Version
from turnout.core import keys
from turnout.core.errors import GoneError

__all__ = [
    "MEDIA_TYPE",
    "PURPOSE",
    "Verdict",
    "credential_of",
    "credentials_of",
    "did",
    "did_document",
    "keys_of",
    "status_list",
    "verify",
]

MEDIA_TYPE = "application/vc"


def credential_of(version: Version) -> str:
    """Return the signed credential of a version as JSON, the same at every call; GoneError `certificate_erased`."""
    found = credentials_of([version])
    if version.pk not in found:
        raise GoneError(_("Its holder has erased it."), "certificate_erased")
    return found[version.pk]


def credentials_of(versions: Iterable[Version]) -> dict[UUID, str]:
    """Return the signed credentials of versions, read with their certificates, by id. Erased ones have none."""
    versions = [version for version in versions if version.snapshot is not None]
    kept = {version.pk: version.credential for version in versions if version.credential}
    missing = [version for version in versions if version.pk not in kept]
    if not missing:
        return kept
    key_id = keys.active_key_id(PURPOSE)
    # Signed before the rows are locked: that takes its time.
    signed = {version.pk: json.dumps(prove(badge(version), key_id), ensure_ascii=False) for version in missing}
    return kept | keep_credentials(signed)
