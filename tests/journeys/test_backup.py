"""docs/backup.md: what is restored verifies as before, without a single file, and without the secret if it must be."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.core.management import call_command
from pytest_django import DjangoDbBlocker, Settings

from tests.support import make
from tests.support.certified import by_hand, certified
from tests.support.databases import (
    KINDS,
    MARIADB,
    POSTGRESQL,
    SQLITE,
    MissingError,
    as_default,
    fresh_database,
    give_up,
)
from turnout.certificates.actions import correct, revoke
from turnout.certificates.credentials import PURPOSE, credential_of, did_document, keys_of, verify
from turnout.certificates.documents import document_of
from turnout.certificates.models import Certificate
from turnout.certificates.queries import find_version
from turnout.core import keys
from turnout.core.audit import SYSTEM
from turnout.privacy.actions import erase

pytestmark = pytest.mark.servers  # once is enough, whatever the round's database

Restore = Callable[[], None]
OK = 200


@pytest.fixture(params=KINDS)
def restore(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[Restore]:
    """Begin in a place of its own, and return a function that moves its database, and no file, to another one."""
    kind = request.param
    with ExitStack() as stack:
        try:
            old, new = (stack.enter_context(fresh_database(kind, tmp_path)) for _ in range(2))
        except MissingError as error:
            give_up(error)
        stack.enter_context(django_db_blocker.unblock())

        def begin(url: str, folder: str) -> None:
            stack.enter_context(as_default(url))
            private = settings.STORAGES["private"]
            options = private["OPTIONS"] | {"location": tmp_path / folder}
            settings.STORAGES = settings.STORAGES | {"private": private | {"OPTIONS": options}}
            _forget()

        def run() -> None:
            _COPIES[kind](old, new, tmp_path / "backup")
            begin(new, "new")
            call_command("migrate", verbosity=0)

        begin(old, "old")
        call_command("migrate", verbosity=0)
        yield run
        _forget()


@pytest.fixture
def issued(restore: Restore) -> list[Certificate]:  # noqa: ARG001  # it begins the place
    """Return certificates of every standing."""
    event = make.event(owner=make.user("farid"), title="Soldering")
    valid, corrected, revoked, erased = (certified(event, name) for name in ("amina", "bilal", "chafia", "djamel"))
    correct(corrected, "Bilal B.", "A typing error.", actor=SYSTEM)
    revoke(revoked, "Given to the wrong person.", actor=SYSTEM)
    erase(make.user("djamel"))
    return [valid, corrected, revoked, erased, by_hand(event, "أمينة بوزيد")]


def told(certificates: list[Certificate]) -> list[Any]:
    """Return what everybody is told of these, in the API and on their pages, and of all their versions."""
    stranger = make.client()
    asked = [f"{each.pk}/{query}" for each in certificates for query in ("", "?version=1", "?version=2")]
    answers = [stranger.get(f"/{place}{path}") for path in asked for place in ("api/certificates/", "certificates/")]
    return [(each.status_code, each.content.decode() if each.status_code == OK else "") for each in answers]


def test_every_certificate_verifies_as_before_and_its_document_is_made_anew(
    restore: Restore, issued: list[Certificate]
) -> None:
    valid = find_version(issued[0].pk)
    signed, known = credential_of(valid), keys_of(did_document())
    document_of(valid)
    before = told(issued)

    restore()

    assert told(issued) == before
    assert keys_of(did_document()) == known
    found = find_version(issued[0].pk)
    assert credential_of(found) == signed
    assert verify(signed.encode(), known).valid
    assert verify(document_of(found), known).holder == "Amina"
    newest = find_version(issued[1].pk)
    assert verify(credential_of(newest).encode(), known).holder == "Bilal B."


@pytest.mark.parametrize("restore", [SQLITE], indirect=True)
def test_without_the_secret_what_was_signed_holds_and_a_new_key_signs_the_rest(
    restore: Restore, issued: list[Certificate], settings: Settings
) -> None:
    signed = credential_of(find_version(issued[0].pk))
    document_of(find_version(issued[0].pk))
    before = told(issued)
    settings.KEYS_SECRET = ["another secret than the one that was lost, and as long"]

    restore()

    stranger = make.client()
    assert told(issued) == before
    credential = f"/api/certificates/{issued[0].pk}/credential/"
    assert stranger.get(credential).content.decode() == signed
    assert stranger.get(f"/api/certificates/{issued[0].pk}/pdf/").status_code == 200
    # What was not signed yet waits for who runs the site.
    unsigned = f"/api/certificates/{issued[1].pk}/credential/"
    refused = stranger.get(unsigned)
    assert (refused.status_code, refused.json()["code"]) == (503, "key_unreadable")
    call_command("renew_key", PURPOSE)
    known = keys_of(did_document())
    for each in (credential, unsigned):
        answer = stranger.get(each)
        assert (answer.status_code, verify(answer.content, known).problem) == (200, "")
    assert told(issued) == before


# --- As docs/backup.md says ------------------------------------------------------------------------------------------


def _copy_sqlite(old: str, new: str, _backup: Path) -> None:
    with closing(sqlite3.connect(old.removeprefix("sqlite:///"))) as ours:
        ours.execute("VACUUM INTO ?", [new.removeprefix("sqlite:///")])


def _copy_postgresql(old: str, new: str, backup: Path) -> None:
    _run("pg_dump", "--format=custom", f"--file={backup}", old)
    _run("pg_restore", "--no-owner", f"--dbname={new}", backup)


def _copy_mariadb(old: str, new: str, backup: Path) -> None:
    with backup.open("wb") as file:
        _run("mariadb-dump", "--single-transaction", *_mariadb(old), stdout=file)
    with backup.open("rb") as file:
        _run("mariadb", *_mariadb(new), stdin=file)


def _mariadb(url: str) -> list[str]:
    parts = urlsplit(url)
    password = f"--password={parts.password or ''}"
    return [f"--host={parts.hostname}", f"--port={parts.port}", f"--user={parts.username}", password, parts.path[1:]]


def _run(*command: str | Path, **streams: Any) -> None:
    subprocess.run(command, check=True, timeout=120, **streams)


_COPIES = {SQLITE: _copy_sqlite, POSTGRESQL: _copy_postgresql, MARIADB: _copy_mariadb}


def _forget() -> None:
    """Know of keys and answers what a process that begins knows: nothing."""
    cache.clear()
    keys._public_key.cache_clear()
    keys._private_key.cache_clear()
