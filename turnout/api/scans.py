"""Scans as the team reads them."""

from collections.abc import Iterable
from typing import Any, ClassVar

from rest_framework import serializers

from turnout.attendance.doorkeepers import names_of
from turnout.attendance.models import Scan


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """A scan, as it was made and what it came to. Whoever made it is named by their device; nobody by an address."""

    registration = serializers.UUIDField(source="registration_id", allow_null=True)
    full_name = serializers.CharField(source="registration.full_name", allow_null=True, default=None)
    session = serializers.UUIDField(source="session_id", allow_null=True)
    session_title = serializers.CharField(
        source="session.title", allow_null=True, default=None, help_text="Null, too, where it was taken off since."
    )
    undone_by = serializers.SerializerMethodField()
    resolved_by = serializers.SerializerMethodField()

    class Meta:
        model = Scan
        fields: ClassVar[tuple[str, ...]] = (
            "scan_id",
            "registration",
            "full_name",
            "session",
            "session_title",
            "direction",
            "result",
            "passed",
            "at",
            "scanned_at",
            "clock_offset_ms",
            "received_at",
            "device",
            "door",
            "conflict",
            "undone_at",
            "undone_by",
            "undone_reason",
            "resolved_at",
            "resolved_by",
            "resolved_note",
        )

    def get_undone_by(self, scan: Scan) -> str:
        """Name who let it count no more."""
        return self._name(scan.undone_by)

    def get_resolved_by(self, scan: Scan) -> str:
        """Name who looked at it."""
        return self._name(scan.resolved_by)

    def _name(self, actor: str) -> str:
        names: dict[str, str] = self.context["names"]
        return names.get(actor, "")


def row_of(scan: Scan) -> dict[str, Any]:
    """Return a scan as the team reads it."""
    found = Scan.objects.select_related("registration", "session").get(pk=scan.pk)
    return dict(ScanSerializer(found, context=names_in([found])).data)


def names_in(scans: Iterable[Scan]) -> dict[str, Any]:
    """Return what a `ScanSerializer` of these has to know: how those are called who changed them."""
    return {"names": names_of({actor for scan in scans for actor in (scan.undone_by, scan.resolved_by)} - {""})}
