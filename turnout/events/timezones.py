"""In which timezone a place lies, by the tz database that the `tzdata` package carries, and when a day begins there."""

import functools
import importlib.resources
import zoneinfo
from collections import defaultdict
from datetime import UTC, date, datetime, time, tzinfo

from django.utils.translation import gettext as _

from turnout.core.text import fold

# Further away some clock or calendar fails, and nobody means it.
YEARS = range(1970, 2201)

# Names of countries that the tz database writes otherwise, as `_key()` leaves them.
_ALIASES = {
    "america": "US",
    "americansamoa": "AS",
    "bosnia": "BA",
    "britain": "GB",
    "britishvirginislands": "VG",
    "burma": "MM",
    "capeverde": "CV",
    "centralafricanrepublic": "CF",
    "congo": "CG",
    "czechia": "CZ",
    "democraticrepublicofthecongo": "CD",
    "drcongo": "CD",
    "england": "GB",
    "eswatini": "SZ",
    "greatbritain": "GB",
    "holland": "NL",
    "hongkongsar": "HK",
    "ivorycoast": "CI",
    "korea": "KR",
    "kosovo": "RS",  # has no code of its own, and the clock of Belgrade
    "macau": "MO",
    "macedonia": "MK",
    "myanmar": "MM",
    "northernireland": "GB",
    "northkorea": "KP",
    "republicofireland": "IE",
    "republicofkorea": "KR",
    "republicofthecongo": "CG",
    "russianfederation": "RU",
    "saintkittsandnevis": "KN",
    "saintlucia": "LC",
    "saintvincentandthegrenadines": "VC",
    "samoa": "WS",
    "scotland": "GB",
    "slovakrepublic": "SK",
    "southkorea": "KR",
    "swaziland": "SZ",
    "thenetherlands": "NL",
    "turkiye": "TR",
    "uae": "AE",
    "uk": "GB",
    "unitedkingdom": "GB",
    "unitedstatesofamerica": "US",
    "usa": "US",
    "usvirginislands": "VI",
    "wales": "GB",
}
# The zone most people of a country live in, where it is not the first one listed.
_PRINCIPAL = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
# The zone most people of a state or province live in ("Portland, OR"), where it is not the country's principal one.
_REGIONS = {
    "US": {
        "America/Anchorage": "AK",
        "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
        "America/Denver": "CO ID MT NM UT WY",
        "America/Los_Angeles": "CA NV OR WA",
        "America/Phoenix": "AZ",
        "Pacific/Honolulu": "HI",
    },
    "CA": {
        "America/Edmonton": "AB",
        "America/Halifax": "NB NS PE",
        "America/Regina": "SK",
        "America/St_Johns": "NL",
        "America/Vancouver": "BC",
        "America/Winnipeg": "MB",
    },
}


def zone_of(city: str, country: str) -> str | None:
    """Return the timezone's name: the city's own, else its state's, else the one most people of the country live in.

    None where there is no such country.
    """
    code = _countries().get(_key(country))
    if code is None:
        return None
    town, _, region = city.partition(",")
    zones = _zones()[code]
    return zones.get(_key(town)) or _zone_of_region(code, region) or _PRINCIPAL.get(code) or next(iter(zones.values()))


def start_of_day(day: date, zone: str) -> datetime:
    """Return the first moment of a day, in UTC.

    Where clocks skip midnight that is the moment they do; where midnight comes twice it is the first one.
    """
    return datetime.combine(day, time.min, zoneinfo.ZoneInfo(zone)).astimezone(UTC)


def at(clock: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment at which clocks in the zone show this, None where they skip it.

    Where they show it twice it is the first of the two, or the second where `clock.fold` says so.
    """
    moment = clock.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == clock else None


class ClockError(ValueError):
    """What was written is no time there; `code` is for programs, `detail` for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_clock(written: datetime, zone: tzinfo) -> datetime:
    """Return the moment in UTC: by its offset, or what clocks in the zone show, the first of two.

    The one rule for whatever writes a time: bodies, forms, copies of events. ClockError for a year that makes no sense
    (`invalid`), and for what those clocks skip (`skipped_by_clocks`).
    """
    if written.year not in YEARS:
        raise _no_such_year()
    moment = at(written, zone) if written.tzinfo is None else written.astimezone(UTC)
    if moment is None:
        clock = f"{written:%Y-%m-%d %H:%M}"
        raise ClockError("skipped_by_clocks", _("Clocks there skip %s: daylight saving begins.") % clock)
    if moment.year not in YEARS:  # the last evening of all, west of Greenwich
        raise _no_such_year()
    return moment


def _no_such_year() -> ClockError:
    message = _("The year must be from %(first)s to %(last)s.") % {"first": YEARS[0], "last": YEARS[-1]}
    return ClockError("invalid", message)


@functools.cache
def zone_names() -> frozenset[str]:
    """Return the names of all timezones there are, aliases too: `Asia/Calcutta` is as good as `Asia/Kolkata`.

    Not the two that name no place: the clock of whichever machine reads it, and that of one nobody has set.
    """
    # Listing them reads hundreds of files.
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def _zone_of_region(code: str, region: str) -> str | None:
    zones = _REGIONS.get(code, {})
    return next((zone for zone, regions in zones.items() if region.strip().upper() in regions.split()), None)


def _key(name: str) -> str:
    return "".join(letter for letter in fold(name.replace("&", "and")) if letter.isalnum())


@functools.cache
def _countries() -> dict[str, str]:
    """Return each country's code, by its name, its aliases and the code itself."""
    named = {code: name for code, name in _rows("iso3166.tab") if code in _zones()}
    return {code.lower(): code for code in named} | {_key(name): code for code, name in named.items()} | _ALIASES


@functools.cache
def _zones() -> dict[str, dict[str, str]]:
    """Return each country's zones, by its code and by the town each is named after."""
    zones: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for code, _place, name, *_comment in _rows("zone.tab"):
        zones[code][_key(name.rpartition("/")[2])] = name
    return dict(zones)


def _rows(table: str) -> list[list[str]]:
    text = importlib.resources.files("tzdata.zoneinfo").joinpath(table).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
