"""Scans as the team reads them."""

from typing import Any

from rest_framework import serializers

from turnout.attendance.models import Scan


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """A scan, as it was made and what it came to. Whoever made it is named by their device."""

    registration = serializers.UUIDField(source="registration_id", allow_null=True)
    full_name = serializers.CharField(source="registration.full_name", allow_null=True, default=None)
    session = serializers.UUIDField(source="session_id", allow_null=True)

    class Meta:
        model = Scan
        fields = (
            "scan_id",
            "registration",
            "full_name",
            "session",
            "direction",
            "result",
            "at",
            "scanned_at",
            "clock_offset_ms",
            "received_at",
            "device",
            "door",
            "conflict",
            "undone_at",
            "undone_reason",
            "resolved_at",
            "resolved_note",
        )


def row_of(scan: Scan) -> dict[str, Any]:
    """Return a scan as the team reads it."""
    return dict(ScanSerializer(scan).data)
