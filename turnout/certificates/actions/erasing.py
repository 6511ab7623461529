"""Certificates of somebody who erases themselves: gone for good, or kept without a way to them."""

from collections.abc import Collection
from functools import partial
from uuid import UUID

import structlog
from django.db import transaction

from turnout.certificates.models import Certificate, CertificateQuerySet, Version
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import UnavailableError
from turnout.core.transactions import transactional
from turnout.media import vault
from turnout.notifications.webhooks.actions import forget_told

log = structlog.get_logger()

_GONE = "Erased"  # what was revoked keeps that it was, and no reason: it may name somebody


@transactional
def erase_certificates(certificates: CertificateQuerySet, *, keep: bool, actor: str) -> None:
    """Erase what these say, or with `keep` all that leads from them to their holder.

    What is erased says nothing any more but that it was erased; its documents lose their keys at once, and lie nowhere
    a moment later. What is kept stands as it stood, and still names its holder: that is what they keep. Nobody can be
    told of it any more, and it hangs on no registration.
    """
    held = list(certificates.select_for_update().order_by("id").values_list("pk", flat=True))
    if keep:
        # Its key would tell whoever guesses the address that this is whose it is.
        Certificate.objects.filter(pk__in=held).update(email="", holder_key=None, registration=None)
    else:
        _erase(held)
    forget_told(held)
    audit.record_many(actor, "certificate.kept" if keep else "certificate.erased", held)


def _erase(held: Collection[UUID]) -> None:
    erased = Certificate.objects.filter(pk__in=held)
    erased.update(erased_at=now(), holder_key=None, full_name="", name_key="", email="")
    erased.exclude(revoked_at=None).update(revoked_reason=_GONE)
    versions = Version.objects.filter(certificate__in=held)
    paths = [version.document_path for version in versions.filter(document_key__isnull=False)]
    versions.update(snapshot=None, reason="", credential=None, document_key=None)
    for path in paths:
        transaction.on_commit(partial(_drop, path))


def _drop(path: str) -> None:
    """Remove a document that nobody can open any more; what can't be removed now is noise on a disk."""
    try:
        vault.drop(path)
    except UnavailableError:
        log.warning("document_not_removed", path=path)
