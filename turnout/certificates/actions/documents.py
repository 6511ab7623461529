"""Where the document of a version lies."""

from turnout.certificates.models import Version
from turnout.core.transactions import transactional


@transactional
def note_document(version: Version, key: str) -> bool:
    """Note under which key the document of a version lies from now on, in place of the one that this caller knew.

    False where it was erased, or somebody else was quicker: their document holds. No audit: nobody decided anything.
    """
    held = Version.objects.select_for_update().get(pk=version.pk)
    if held.snapshot is None or held.document_key != version.document_key:
        return False
    version.document_key = key
    version.save(update_fields=["document_key"])
    return True
