"""The room's rows."""

from turnout.attendance.models.devices import Device, DeviceQuerySet
from turnout.attendance.models.presence import DoorNote, DoorRules, Stay
from turnout.attendance.models.scans import Scan, ScanQuerySet

__all__ = ["Device", "DeviceQuerySet", "DoorNote", "DoorRules", "Scan", "ScanQuerySet", "Stay"]
