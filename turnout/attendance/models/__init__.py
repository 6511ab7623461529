"""The room's rows."""

from turnout.attendance.models.devices import LONGEST_LABEL, Device, DeviceQuerySet
from turnout.attendance.models.presence import DoorNote, DoorRules, Stay
from turnout.attendance.models.scans import Scan, ScanQuerySet, opening_key

__all__ = [
    "LONGEST_LABEL",
    "Device",
    "DeviceQuerySet",
    "DoorNote",
    "DoorRules",
    "Scan",
    "ScanQuerySet",
    "Stay",
    "opening_key",
]
