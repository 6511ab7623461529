"""Keeping what was signed."""

from collections.abc import Mapping
from uuid import UUID

from turnout.certificates.models import Version
from turnout.core.transactions import transactional


@transactional
def keep_credentials(signed: Mapping[UUID, str]) -> dict[UUID, str]:
    """Keep credentials under the ids of their versions, and return those that hold; what was erased is left out.

    Each is kept once: of two that were signed at the same moment, everybody gets the first. It says nothing that its
    version did not say when it was issued, so the audit trail has no row of it.
    """
    versions = Version.objects.select_for_update().filter(pk__in=signed, snapshot__isnull=False)
    rows = list(versions.only("credential").order_by("pk"))
    fresh = [row for row in rows if not row.credential]
    for row in fresh:
        row.credential = signed[row.pk]
    Version.objects.bulk_update(fresh, ["credential"], batch_size=200)
    return {row.pk: row.credential or "" for row in rows}
