"""Documents of issued certificates: made when somebody first asks, and kept sealed from then on."""

from contextlib import suppress

from django.utils.translation import gettext as _

from turnout.certificates.actions.documents import note_document
from turnout.certificates.credentials import credential_of
from turnout.certificates.documents.making import Paper, paper
from turnout.certificates.models import Version
from turnout.core.errors import GoneError, UnavailableError
from turnout.media import vault


def document_of(version: Version) -> bytes:
    """Return the PDF of a version; GoneError `certificate_erased`.

    It is made anew where its file is lost, or the key to it, or where files can't be reached. Whether the version is
    still valid is not asked here.
    """
    if version.snapshot is None:
        raise GoneError(_("Its holder has erased this certificate."), "certificate_erased")
    if not version.document_key:
        return _keep(version, _made(version))
    try:
        return vault.fetch(version.document_path, version.document_key)
    except UnavailableError:
        return _made(version).pdf
    except vault.LostError:
        return _keep(version, _made(version))


def _made(version: Version) -> Paper:
    return paper(
        version.says,
        address=version.certificate.address(version.number),
        number=version.number,
        issued_at=version.issued_at,
        credential=credential_of(version),
    )


def _keep(version: Version, made: Paper) -> bytes:
    """Keep a document, unless a picture of it is gone: it may come back."""
    if not made.is_whole:
        return made.pdf
    key = vault.new_key()
    # The row first, so that no file lies there without one. Who came second has the same bytes, and keeps nothing.
    if note_document(version, key):
        with suppress(FileExistsError, UnavailableError):
            vault.drop(version.document_path)
            vault.put(version.document_path, made.pdf, key)
    return made.pdf
