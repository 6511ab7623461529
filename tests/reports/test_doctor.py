"""What the doctor says of clocks, queue, storage, Redis and configuration, and that no check does harm."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.support import make
from tests.support.databases import redis_address
from tests.support.played import ntp_server, silent_server
from turnout.core.clock import now
from turnout.media.vault import PRIVATE
from turnout.notifications.models import Message
from turnout.reports import doctor
from turnout.reports.doctor import cache, clock, configuration, queue, storage
from turnout.reports.doctor.findings import Check, Finding, Level, Remark, check, ok

SOUND = {
    "LOCAL": False,
    "SECRET_KEY": "a-long-secret-0123456789-of-more-than-fifty-characters",
    "KEYS_SECRET": ["another-secret-0123456789-of-more-than-fifty-characters"],
    "ALLOWED_HOSTS": ["events.club.dz"],
    "PUBLIC_BASE_URL": "https://events.club.dz",
}


def levels(looked: Check) -> list[str]:
    return [finding.level for finding in looked()]


def set_all(settings: Settings, **fields: object) -> None:
    for name, value in fields.items():
        setattr(settings, name, value)


# --- No check does harm --------------------------------------------------------------------------------------------


def test_a_check_that_raises_is_unknown_and_keeps_what_it_had_found() -> None:
    @check("Oracle")
    def oracle() -> Iterator[Remark]:
        yield ok("It is there.")
        raise RuntimeError("the vapours\nhave gone")

    assert oracle() == [
        Finding("Oracle", Level.OK, "It is there."),
        Finding("Oracle", Level.UNKNOWN, "This could not be found out: RuntimeError: the vapours have gone"),
    ]


@pytest.mark.django_db
def test_a_check_that_hangs_is_unknown_in_the_end_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    @check("Oracle")
    def hanging() -> Iterator[Remark]:
        time.sleep(5)
        yield ok("At last.")

    monkeypatch.setattr(doctor, "_ABROAD", (hanging, storage.disk))
    monkeypatch.setattr(doctor, "_PATIENCE", 0.2)
    began = time.monotonic()
    found = {finding.check: finding for finding in doctor.examine()}
    assert time.monotonic() - began < 4
    assert found["Oracle"].level == "unknown"
    assert found["Disk"].level != "unknown"


@pytest.mark.django_db
def test_a_database_that_is_away_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr("turnout.reports.doctor.database._rows", away)
    found = {finding.check: finding for finding in doctor.examine()}
    assert found["Database"].says == "The database does not answer: OSError: connection refused"
    assert found["Database"].level == "error"
    assert {"Queue", "Migrations", "Database settings"}.isdisjoint(found)


@pytest.mark.django_db
def test_however_much_waits_as_many_queries_are_asked() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            doctor.examine()
        return len(asked)

    make.pending(make.event())
    few = queries()
    for _ in range(3):
        make.pending(make.event())
    assert queries() == few < 15


@pytest.mark.django_db
def test_everything_is_looked_at() -> None:
    assert {finding.check for finding in doctor.examine()} == {
        *("Configuration", "Secrets", "Languages", "Database", "Database settings", "Migrations"),
        *("Clock of the database", "Queue", "Mail server", "Sender", "Clock", "Redis"),
        *("Storage", "Disk", "Permissions"),
    }


# --- Clocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "level", "way"),
    [(0.5, "ok", "apart"), (10, "warning", "behind"), (-10, "warning", "ahead of"), (-90, "error", "ahead of")],
)
def test_our_clock_is_compared_with_a_time_servers(settings: Settings, ahead: float, level: str, way: str) -> None:
    with ntp_server(ahead) as settings.NTP_SERVER:
        (finding,) = clock.ntp()
    assert (finding.level, way in finding.says) == (level, True)


def test_a_time_server_that_does_not_answer_is_unknown_within_two_seconds(settings: Settings) -> None:
    began = time.monotonic()
    with silent_server() as settings.NTP_SERVER:
        assert levels(clock.ntp) == ["unknown"]
    assert time.monotonic() - began < 3


def test_with_no_time_server_nobody_is_asked(settings: Settings) -> None:
    settings.NTP_SERVER = ""
    assert clock.ntp() == [Finding("Clock", Level.UNKNOWN, "NTP_SERVER is empty: nobody was asked what time it is.")]


# --- The queue -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ["ok"]),
        ({"due_at": now() - timedelta(minutes=6)}, ["error"]),
        ({"last_error": "OSError: away", "due_at": now() + timedelta(minutes=5)}, ["ok", "warning"]),
        ({"state": "dead"}, ["ok", "warning"]),
    ],
)
def test_the_queue_is_looked_at(fields: dict[str, Any], found: list[str]) -> None:
    make.pending(make.event())
    Message.objects.update(**fields)
    assert levels(queue.queue) == found


@pytest.mark.django_db
def test_a_queue_without_a_mail_server_only_waits(settings: Settings) -> None:
    settings.MAIL_DELIVERED = False
    make.pending(make.event())
    Message.objects.update(due_at=now() - timedelta(days=1))
    assert queue.queue() == [Finding("Queue", Level.OK, "1 due: they wait for a mail server.")]


# --- Storage -------------------------------------------------------------------------------------------------------


def test_a_storage_is_written_read_and_left_clean(settings: Settings, tmp_path: Path) -> None:
    kind = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {PRIVATE: {"BACKEND": kind, "OPTIONS": {"location": tmp_path / "kept"}}}
    assert levels(storage.files) == ["ok"]
    assert list((tmp_path / "kept").iterdir()) == []
    (tmp_path / "file").touch()  # nothing can lie below it, whoever runs this
    settings.STORAGES = settings.STORAGES | {PRIVATE: {"BACKEND": kind, "OPTIONS": {"location": tmp_path / "file"}}}
    (finding,) = storage.files()
    assert (finding.level, str(tmp_path / "file") in finding.advice) == ("error", True)


def test_a_storage_that_gives_back_something_else_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"something else")
    monkeypatch.setattr(storages[PRIVATE], "open", lambda _path: (tmp_path / "other").open("rb"))
    assert levels(storage.files) == ["error"]


@pytest.mark.parametrize(("free", "level"), [(50, "error"), (500, "warning"), (5000, "ok")])
def test_a_disk_that_fills_is_said(monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    usage = type("Usage", (), {"free": free * 1024**2})
    monkeypatch.setattr("turnout.reports.doctor.storage.shutil.disk_usage", lambda _path: usage)
    assert levels(storage.disk) == [level]


@pytest.mark.parametrize(
    ("modes", "found"),
    [((0o700, 0o644), ["ok"]), ((0o755, 0o600), ["warning"]), ((0o750, 0o640), ["warning", "warning"])],
)
def test_data_that_others_on_the_machine_can_read_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modes: tuple[int, int], found: list[str]
) -> None:
    settings.DATA_DIR = tmp_path
    database = tmp_path / "turnout.sqlite3"
    database.touch()
    tmp_path.chmod(modes[0])
    database.chmod(modes[1])
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", database)
    assert levels(storage.permissions) == found


# --- Redis ---------------------------------------------------------------------------------------------------------


def test_redis_that_answers_is_well_and_one_that_evicts_is_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert levels(cache.cache) == ["ok"]  # not used
    settings.REDIS_URL = redis_address()
    assert levels(cache.cache) == ["ok"]
    # Not set in earnest: other tests count there.
    ask = redis.Redis.info
    for policy, level in (("allkeys-lru", "warning"), ("volatile-ttl", "warning"), ("noeviction", "ok")):
        full = {"maxmemory": 1024, "maxmemory_policy": policy}
        monkeypatch.setattr(redis.Redis, "info", lambda client, section, full=full: ask(client, section) | full)
        assert levels(cache.cache) == [level]


def test_redis_that_is_away_is_an_error(settings: Settings) -> None:
    settings.REDIS_URL = "redis://:hidden@127.0.0.1:1/0"
    (finding,) = cache.cache()
    assert (finding.level, "hidden" in str(finding)) == ("error", False)


# --- Configuration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looked", "fields", "level"),
    [
        (configuration.production, {}, "ok"),
        (configuration.production, {"PUBLIC_BASE_URL": "http://events.club.dz"}, "warning"),
        (configuration.production, {"ALLOWED_HOSTS": ["*", "events.club.dz"]}, "error"),
        (configuration.production, {"LOCAL": True}, "warning"),
        (configuration.secrets, {}, "ok"),
        (configuration.secrets, {"KEYS_SECRET": [SOUND["SECRET_KEY"]]}, "warning"),
        (configuration.secrets, {"KEYS_SECRET": [SOUND["SECRET_KEY"]], "LOCAL": True}, "ok"),
        (configuration.languages, {}, "ok"),
        (configuration.languages, {"LOCALE_PATHS": [Path("/nowhere")]}, "error"),
    ],
)
def test_the_configuration_is_looked_at(
    settings: Settings, looked: Callable[[], list[Finding]], fields: dict[str, object], level: str
) -> None:
    set_all(settings, **SOUND | fields)
    assert [finding.level for finding in looked()] == [level]
