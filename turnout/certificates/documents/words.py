"""What stands on a certificate, in the words and numbers of its language."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from zoneinfo import ZoneInfo

from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from turnout.certificates.snapshots import Part, Snapshot

_DAY, _DAY_OF_THE_YEAR, _TIME = "j F Y", "j F", "H:i"
_ON_THE_FRONT = 240  # characters of the sessions' titles; more of them have a page of their own


def words(says: Snapshot, *, number: int, issued_at: datetime) -> Mapping[str, object]:
    """Return every text of the paper, by the names that the templates know."""
    zone = ZoneInfo(says.timezone)
    front = sum(len(part.title) for part in says.sessions) <= _ON_THE_FRONT
    sessions = [(part.title, _session(part, zone)) for part in says.sessions]
    with translation.override(says.language):
        return {
            "language": says.language,
            "rtl": translation.get_language_bidi(),
            "document": f"{says.title}: {says.name}",
            "description": f"{says.name} {says.text} {says.event}",
            "title": says.title,
            "given": _("This certifies that"),
            "name": says.name,
            "text": says.text,
            "event": says.event,
            "issuer": says.issuer,
            "facts": [
                (label, value)
                for label, value in (
                    (_("Date"), _days(says, zone)),
                    (_("Place"), says.location),
                    (_("Credited"), _hours(says.hours)),
                )
                if value
            ],
            "criteria": says.criteria,
            "sessions_title": _("Sessions attended"),
            "sessions": sessions if front else [],
            "overleaf": [] if front else sessions,
            "issued_on": _("Issued on %s") % date_format(issued_at.astimezone(zone), _DAY),
            "version": _("Version %d") % number if number > 1 else "",
            "verify": _("Verify at"),
            "credential_description": _("This certificate as a verifiable credential"),
        }


def _days(says: Snapshot, zone: ZoneInfo) -> str:
    """Return the days of the event where it is; what ends at midnight is over the day before."""
    first = says.starts_at.astimezone(zone).date()
    last = max(first, (says.ends_at.astimezone(zone) - timedelta(microseconds=1)).date())
    if first == last:
        return date_format(first, _DAY)
    start = date_format(first, _DAY if first.year < last.year else "j" if first.month == last.month else "j F")
    return f"{start}–{date_format(last, _DAY)}"  # noqa: RUF001  # a range is written with this dash


def _hours(hours: Decimal | None) -> str:
    if hours is None:
        return ""
    shown = number_format(f"{hours:f}".rstrip("0").rstrip(".") if "." in f"{hours:f}" else hours)
    return ngettext("%s hour", "%s hours", ceil(hours)) % shown


def _session(part: Part, zone: ZoneInfo) -> str:
    start, end = part.starts_at.astimezone(zone), part.ends_at.astimezone(zone)
    return f"{date_format(start, _DAY_OF_THE_YEAR)}, {date_format(start, _TIME)}–{date_format(end, _TIME)}"  # noqa: RUF001
