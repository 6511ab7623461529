"""The documents of many certificates, one after the other."""

from collections.abc import Iterator

import structlog
from django.utils.translation import gettext as _

from turnout.certificates.documents import document_of
from turnout.certificates.models import CertificateQuerySet, Version
from turnout.core.text import file_name

log = structlog.get_logger()

_AT_ONCE = 50


def collected(certificates: CertificateQuerySet) -> Iterator[tuple[str, bytes]]:
    """Yield the documents of these certificates by name, each with a file name that no other has.

    One that can't be made keeps no other from its place: a text at the end names those that are missing.
    """
    keys = list(certificates.order_by("name_key", "id").values_list("pk", flat=True))
    missing: list[str] = []
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        # Asked again: it takes a while to send them all, and meanwhile one may be revoked.
        there = certificates.filter(pk__in=some).order_by()
        current = Version.objects.current().select_related("certificate__event").filter(certificate__in=there)
        versions = {version.certificate_id: version for version in current}
        for number, version in enumerate((versions[key] for key in some if key in versions), start + 1):
            document = _document(version)
            if document is None:
                missing.append(f"{version.certificate.full_name}: {version.certificate.address()}")
            else:
                yield f"{number:04} {file_name(version.certificate.full_name)}.pdf", document
    if missing:
        text = _("These are missing here. Try again, or get each from its page:")
        yield "MISSING.txt", "\r\n".join([text, "", *missing, ""]).encode("utf-8-sig")


def _document(version: Version) -> bytes | None:
    """Return its document; None where it can't be made, whatever the reason."""
    try:
        return document_of(version)
    except Exception:
        log.exception("certificate_document_failed", certificate=str(version.certificate_id))
        return None
