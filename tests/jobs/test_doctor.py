"""The doctor on the command line."""

import json
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from pytest_django import Settings

from turnout.reports.doctor import database, queue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_settings_of_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look away from them: a database for tests is in memory, or set for speed."""
    monkeypatch.setattr("turnout.reports.doctor._IN_DATABASE", (database.migrations, queue.queue))


def doctor(*words: str) -> str:
    out = StringIO()
    call_command("doctor", *words, stdout=out)
    return out.getvalue()


def test_each_finding_is_a_line_with_a_mark_and_what_to_do_below_it() -> None:
    said = doctor()
    assert "ok      Migrations: All migrations are applied.\n" in said
    advice = "Set SECRET_KEY, DEBUG=False and ALLOWED_HOSTS in the environment or in .env. To try it: make run."
    what = "This is the configuration of a developer's own machine."
    assert f"WARNING Configuration: {what}\n        -> {advice}\n" in said


def test_an_error_is_an_exit_status(settings: Settings) -> None:
    settings.MAIL_SHOWN = settings.MAIL_DELIVERED = False
    settings.DEFAULT_FROM_EMAIL = "turnout@localhost"
    out = StringIO()
    with pytest.raises(CommandError, match=r"^2 errors found\.$") as raised:
        call_command("doctor", stdout=out)
    assert (raised.value.returncode, "ERROR   Mail server: No mail server is named" in out.getvalue()) == (1, True)


def test_programs_read_json() -> None:
    found = json.loads(doctor("--json"))
    assert {"check": "Migrations", "level": "ok", "says": "All migrations are applied.", "advice": ""} in found


def test_a_test_mail_goes_where_it_is_told_and_only_then() -> None:
    doctor()
    assert mail.outbox == []
    assert "ok      Test mail: The mail was kept" in doctor("--mail", "amina@example.org")
    assert [sent.to for sent in mail.outbox] == [["amina@example.org"]]


def test_what_is_no_address_gets_no_mail() -> None:
    with pytest.raises(CommandError, match="amina is no mail address"):
        doctor("--mail", "amina")
    assert mail.outbox == []
