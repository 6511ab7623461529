import base64
import json
import socket
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from turnout.accounts.actions.passwords import set_password
from turnout.accounts.models import User
from turnout.attendance.models import Scan
from turnout.certificates.models import Certificate
from turnout.certificates.queries import find_version
from turnout.core.clock import now
from turnout.events.models import Event, SeatPool
from turnout.jobs.demo import load_demo, page
from turnout.notifications.models import Message
from turnout.registrations.models import Registration
from turnout.reports.presence import Turnout, turnout_of

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
WEEK = timedelta(days=7)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table of the product and of the second factor."""
    models = [
        model for app in ("core", "accounts", "events", "otp_totp") for model in apps.get_app_config(app).get_models()
    ]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def workshops() -> list[Event]:
    return list(Event.objects.filter(kind=Event.Kind.WORKSHOP).order_by("starts_at", "id"))


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_loaded_twice_is_loaded_once() -> None:
    first, before = load_demo(), everything()
    assert load_demo() == first
    assert everything() == before


def test_the_demo_has_workshops_and_conferences() -> None:
    with time_machine.travel(MONDAY, tick=False):
        load_demo()
    listed = workshops()
    assert len(listed) == 8
    assert Event.objects.filter(kind=Event.Kind.CONFERENCE).count() == 38
    languages = [{language.code for language in event.languages.all()} for event in listed]
    assert [sum(code in spoken for spoken in languages) for code in ("en", "fr", "ar")] == [3, 5, 2]
    seats = [{pool.attendance_type: pool.capacity for pool in event.pools.all()} for event in listed]
    typed = {"on_site": 15, "online": 40}
    assert seats == [{"": 20}, {"": 3}, {"": 12}, typed, {"": 2}, {"": None}, {"": 25}, {"": 3}]
    assert {event.owner and event.owner.email for event in listed} == {"facilitator@example.org"}
    for event in listed:
        event.full_clean()
        assert event.sessions.count() > 0
        assert event.speakers.count() > 0
        assert event.ends_at == max(session.ends_at for session in event.sessions.all())


@pytest.mark.parametrize("day", range(7))
def test_one_event_is_over_and_who_was_there_has_a_certificate(day: int) -> None:
    with time_machine.travel(MONDAY + timedelta(days=day, hours=5), tick=False):
        load_demo()
        event = Event.objects.get(kind=Event.Kind.MEETUP)
        assert event.ends_at < now()
        assert [event.ends_at, event.starts_at] == [
            max(session.ends_at for session in event.sessions.all()),
            min(session.starts_at for session in event.sessions.all()),
        ]
    told = {each.full_name: find_version(each.pk) for each in Certificate.objects.filter(event=event)}
    assert {name: (version.says.role, len(version.says.sessions)) for name, version in told.items()} == {
        "Demo seeker": ("participant", 2),
        "Amina Bouzid": ("participant", 2),
        "ياسين بن علي": ("participant", 2),
        "Claire Lefèvre-Benhamou": ("participant", 1),
        "Karim Saadi": ("volunteer", 0),
    }
    assert turnout_of([event])[event.pk] == Turnout(attended=4, certified=4)
    assert Message.objects.filter(kind="certificate.issued").count() == 4


def test_what_a_person_changed_stays_changed() -> None:
    load_demo()
    conference, workshop = Event.objects.filter(kind="conference")[0], workshops()[0]
    Event.objects.filter(pk__in=[conference.pk, workshop.pk]).update(title="Mine", status=Event.Status.CANCELLED)
    SeatPool.objects.filter(event=workshop).update(capacity=99)
    before = everything()
    load_demo()
    assert everything() == before


def test_the_administrator_gets_in_with_what_is_printed() -> None:
    account, *_ = load_demo()
    user = User.objects.get(is_staff=True)
    assert (account.role, account.email, user.email) == ("staff", "admin@example.org", "admin@example.org")
    assert (user.is_staff, user.is_superuser, user.address_verified) == (True, True, True)
    assert user.check_password(account.password)
    code = totp(base64.b32decode(account.secret))
    assert TOTPDevice.objects.get(user=user).verify_token(f"{code:06}")
    assert f"secret={account.secret}" in account.link


def test_the_credentials_are_kept_where_nobody_else_reads(settings: Settings) -> None:
    account, *_ = load_demo()
    path = Path(settings.DATA_DIR) / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {"password": account.password, "secret": account.secret}
    assert [file.name for file in path.parent.iterdir()] == ["demo.json"]


def test_a_database_made_anew_has_the_same_account() -> None:
    first = load_demo()
    TOTPDevice.objects.all().delete()
    Scan.objects.all().delete()
    Registration.objects.all().delete()
    Event.objects.all().delete()
    User.objects.all().delete()
    assert load_demo() == first


@pytest.mark.parametrize("damage", [None, "", "[]", '{"password": "half'])
def test_lost_credentials_are_made_anew_and_work(settings: Settings, damage: str | None) -> None:
    first, *_ = load_demo()
    path = Path(settings.DATA_DIR) / "demo.json"
    path.unlink() if damage is None else path.write_text(damage)
    second, *_ = load_demo()
    assert second.password != first.password
    assert User.objects.get(is_staff=True).check_password(second.password)
    assert (second.secret, TOTPDevice.objects.count()) == (first.secret, 1)


def test_the_printed_password_always_works() -> None:
    account, *_ = load_demo()
    set_password(User.objects.get(is_staff=True), "something else entirely")
    assert load_demo()[0] == account
    assert User.objects.get(is_staff=True).check_password(account.password)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@pytest.mark.parametrize("day", [0, 5, 6])
@pytest.mark.parametrize("hour", [0.0, 15.0, 23.99])
@pytest.mark.long
def test_whenever_the_set_is_made_all_of_it_is_still_to_come_this_week(
    settings: Settings, zone: str, day: int, hour: float
) -> None:
    settings.TIME_ZONE = zone
    with time_machine.travel(MONDAY + timedelta(days=day, hours=hour), tick=False):
        load_demo()
        this_week = Event.objects.filter(kind="workshop").in_week_of(now())
        assert (this_week.count(), this_week.filter(starts_at__gt=now()).count()) == (8, 8)


def test_a_set_made_on_monday_reaches_into_sunday_evening() -> None:
    with time_machine.travel(MONDAY, tick=False):
        load_demo()
    with time_machine.travel(MONDAY + timedelta(days=6, hours=15), tick=False):
        load_demo()
        assert [event.starts_at > now() for event in workshops()] == [False] * 5 + [True] * 3


def test_another_week_has_a_set_of_its_own() -> None:
    with time_machine.travel(MONDAY, tick=False):
        load_demo()
        first = everything()
    with time_machine.travel(MONDAY + WEEK, tick=False):
        load_demo()
        second = everything()
    listed = workshops()
    assert len(listed) == 16
    assert [event.starts_at + WEEK for event in listed[:8]] == [event.starts_at for event in listed[8:]]
    assert (second["Speaker"], second["Partner"], second["User"]) == (first["Speaker"], first["Partner"], first["User"])
    assert [row for row in second["Event"] if row in first["Event"]] == first["Event"]


def test_the_page_names_every_address_and_account(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:8000"
    accounts = load_demo()
    account = accounts[0]
    lines = page("http://127.0.0.1:8000", accounts).splitlines()
    assert lines == [
        "",
        f"Turnout, with demo data under {settings.DATA_DIR}. Ctrl+C ends it.",
        "",
        "  Home      http://127.0.0.1:8000/",
        "  API docs  http://127.0.0.1:8000/api/docs/",
        "  Mail      http://127.0.0.1:8000/mail/",
        "  Admin     http://127.0.0.1:8000/admin/",
        "",
        "Accounts: role, address, password",
        "",
        f"staff  admin@example.org  {account.password}",
        f"facilitator  facilitator@example.org  {account.password}",
        f"seeker  seeker@example.org  {account.password}",
        "",
        f"Second factor of admin@example.org, for an authenticator app: {account.secret}",
        account.link,
    ]


def test_the_page_says_where_mails_lead_when_that_is_elsewhere(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:8000"
    said = "Links in mails lead to http://127.0.0.1:8000 (PUBLIC_BASE_URL or PORT changes that)."
    assert page("http://127.0.0.1:8001", load_demo()).splitlines()[-1] == said


def test_production_gets_no_demo(settings: Settings) -> None:
    settings.LOCAL = False
    with pytest.raises(CommandError, match="This is a production configuration"):
        call_command("demo", port=8000)
    assert (User.objects.count(), Event.objects.count()) == (0, 0)


def test_a_port_in_use_is_said_before_anything_is_done(port: int) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("demo", port=port)
    assert str(refusal.value) == (
        f"Can't serve on port {port}: [Errno 98] Address already in use. Try another: make run PORT={port + 1}."
    )
    assert User.objects.count() == 0


def test_the_demo_is_served_after_its_page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[object] = []

    def serve(*args: object, **options: object) -> None:
        served.append((args, options, "admin@example.org" in capsys.readouterr().out))

    monkeypatch.setattr("turnout.jobs.management.commands.demo.serve", serve)
    call_command("demo", port=0)
    assert served == [(("127.0.0.1", 0), {"demo": True}, True)]
