"""Clocks: ours against the world's, and against the database's."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import ntplib
from django.conf import settings
from django.db import connection

from turnout.core.clock import now
from turnout.reports.doctor.findings import Remark, check, error, ok, unknown, warning

_TIMEOUT = 2  # seconds
_NTP_PORT = 123
_LITTLE = 2.0  # seconds
_MUCH = 30.0  # as long as a code of an authenticator app lasts
_SYNCHRONISE = "Switch on the time service of this machine: timedatectl set-ntp true, or ask its host."
_DATABASE_CLOCKS = {
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    "mysql": "SELECT UNIX_TIMESTAMP(SYSDATE(6))",
}


@check("Clock")
def ntp() -> Iterator[Remark]:
    """Compare our clock with a time server's."""
    server: str = settings.NTP_SERVER
    if not server:
        yield unknown("NTP_SERVER is empty: nobody was asked what time it is.")
        return
    where = urlsplit(f"//{server}")
    try:
        answer = ntplib.NTPClient().request(
            where.hostname or "", version=4, port=where.port or _NTP_PORT, timeout=_TIMEOUT
        )
    except (ntplib.NTPException, OSError) as fault:
        yield unknown(
            f"{server} does not say what time it is: {fault}",
            "Where NTP is blocked, set NTP_SERVER to a time server within reach, or to nothing.",
        )
        return
    yield _judge(answer.offset, f"{server}'s")


@check("Clock of the database")
def database_clock() -> Iterator[Remark]:
    """Compare our clock with the database's, which may be another machine's."""
    statement = _DATABASE_CLOCKS.get(connection.vendor)
    if not statement:
        yield ok("The database is a file: it has our clock.")
        return
    with connection.cursor() as cursor:
        before = now().timestamp()
        cursor.execute(statement)
        theirs = float(cursor.fetchone()[0])
        after = now().timestamp()
    yield _judge(theirs - (before + after) / 2, "the database's")


def _judge(ahead: float, whose: str) -> Remark:
    """Say how far another clock is ahead of ours."""
    seconds, way = abs(ahead), "behind" if ahead > 0 else "ahead of"
    if seconds < _LITTLE:
        return ok(f"Our clock and {whose} are {seconds:.3f} s apart.")
    says = f"Our clock is {seconds:.0f} s {way} {whose}."
    if seconds < _MUCH:
        return warning(says, _SYNCHRONISE)
    return error(f"{says} Codes of authenticator apps are refused, and links end at the wrong time.", _SYNCHRONISE)
