"""What is encrypted at rest: what the database holds, and how its secrets are changed."""

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.core import keys, rotation, sealing
from turnout.core.models import IdempotentRequest, SigningKey
from turnout.core.sealing import SealedError, Use, reseal, seal, unseal
from turnout.registrations.actions import change
from turnout.registrations.models import Registration
from turnout.registrations.tickets import TICKET, ticket_text

OLD, NEW = "the-old-secret-of-this-installation-1", "the-new-secret-of-this-installation-2"
PHONE = "+213555123456"


def held(column: str = "phone", table: str = "registrations_registration") -> list[str]:
    """Return what the database itself holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} ORDER BY 1")  # noqa: S608  # our own words
        return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def guests(db: None, settings: Settings) -> list[Registration]:  # noqa: ARG001  # rows are made in it
    settings.KEYS_SECRET = [OLD]
    event = make.event()
    return [make.confirmed(event, phone=PHONE), make.confirmed(event)]


def fresh(registration: Registration) -> Registration:
    return Registration.objects.get(pk=registration.pk)


def test_the_database_holds_no_number(guests: list[Registration]) -> None:
    empty, sealed = held()
    assert (empty, sealed[:5], len(sealed)) == ("", "gAAAA", 100)
    assert [fresh(guest).phone for guest in guests] == [PHONE, ""]


def test_a_number_is_changed_and_taken_away(guests: list[Registration]) -> None:
    change(guests[0], {"phone": "+33612345678"})
    assert fresh(guests[0]).phone == "+33612345678"
    change(guests[0], {"phone": ""})
    assert (fresh(guests[0]).phone, held()) == ("", ["", ""])


@pytest.mark.parametrize("lookup", ["phone", "phone__startswith", "phone__in", "phone__gt", "phone__length"])
def test_a_search_for_a_number_is_refused_since_it_would_find_nothing(lookup: str) -> None:
    with pytest.raises(FieldError):
        Registration.objects.filter(**{lookup: PHONE})


def test_a_number_too_long_is_refused_before_it_is_encrypted() -> None:
    with pytest.raises(ValidationError, match="at most 20 characters"):
        Registration(phone="1" * 21).clean_fields(exclude={"event"})


def test_each_use_has_a_key_of_its_own() -> None:
    sealed = seal(Use.SIGNING_KEYS, b"secret")
    with pytest.raises(SealedError):
        unseal(Use.PERSONAL_DATA, sealed)


def test_the_first_secret_seals_and_all_open(settings: Settings) -> None:
    settings.KEYS_SECRET = [OLD]
    old = seal(Use.PERSONAL_DATA, b"text")
    settings.KEYS_SECRET = [NEW, OLD]
    new = seal(Use.PERSONAL_DATA, b"text")
    assert {unseal(Use.PERSONAL_DATA, old), unseal(Use.PERSONAL_DATA, new)} == {b"text"}
    assert (reseal(Use.PERSONAL_DATA, new), reseal(Use.PERSONAL_DATA, old) == old) == (new, False)
    settings.KEYS_SECRET = [NEW]
    assert unseal(Use.PERSONAL_DATA, new) == b"text"
    with pytest.raises(SealedError):
        unseal(Use.PERSONAL_DATA, old)


class TestALostSecret:
    """What nobody can open any more."""

    @pytest.fixture(autouse=True)
    def _lost(self, guests: list[Registration], settings: Settings) -> None:
        keys.active_key_id(TICKET)  # made while its secret was there
        settings.KEYS_SECRET = [NEW]

    def test_reads_as_empty_and_is_logged(self, guests: list[Registration], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("WARNING")
        assert [guest.phone for guest in Registration.objects.order_by("id")] == ["", ""]
        assert [record.msg["column"] for record in caplog.records] == ["registrations_registration.phone"]  # type: ignore[index]  # structlog's

    def test_stays_as_it_is_when_the_row_is_saved(self, guests: list[Registration], settings: Settings) -> None:
        before = held()
        registration = fresh(guests[0])
        registration.save()
        change(registration, {"full_name": "New", "phone": ""})
        assert held() == before
        settings.KEYS_SECRET = [NEW, OLD]
        assert (fresh(registration).full_name, fresh(registration).phone) == ("New", PHONE)

    def test_is_replaced_by_a_new_number(self, guests: list[Registration]) -> None:
        change(fresh(guests[0]), {"phone": "+33612345678"})
        assert fresh(guests[0]).phone == "+33612345678"

    def test_draws_no_ticket_and_is_not_our_fault(self, guests: list[Registration], api: APIClient) -> None:
        keys._private_key.cache_clear()
        key = {"X-Registration-Token": guests[0].manage_token}
        answer = api.get(f"/api/registrations/{guests[0].id}/", headers=key)
        assert (answer.status_code, answer.json()["code"]) == (503, "key_unreadable")

    def test_is_told_by_the_rotation_which_leaves_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        before = held()
        with pytest.raises(CommandError, match="Drop none"):
            call_command("rotate_keys")
        assert "registrations_registration.phone: 0 encrypted anew, 0 were, 1 can't be read" in capsys.readouterr().out
        assert held() == before


def test_the_secret_is_changed_and_the_old_one_dropped(
    guests: list[Registration], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = ticket_text(guests[0])
    settings.KEYS_SECRET = [NEW, OLD]

    def rotated() -> list[str]:
        call_command("rotate_keys")
        return [line for line in capsys.readouterr().out.splitlines() if "signing" in line or "phone" in line]

    first, second = rotated(), rotated()  # a second time there is nothing to do
    assert first == [
        "core_signingkey.private: 1 encrypted anew, 0 were, 0 can't be read",
        "registrations_registration.phone: 1 encrypted anew, 0 were, 0 can't be read",
    ]
    assert second == [
        "core_signingkey.private: 0 encrypted anew, 1 were, 0 can't be read",
        "registrations_registration.phone: 0 encrypted anew, 1 were, 0 can't be read",
    ]
    settings.KEYS_SECRET = [NEW]
    keys._private_key.cache_clear()
    assert fresh(guests[0]).phone == PHONE
    assert ticket_text(fresh(guests[0])) == ticket  # Ed25519 signs the same alike
    payload, _, _ = ticket.rpartition(".")
    assert keys.verify(
        TICKET,
        SigningKey.objects.get().id,
        payload.encode(),
        keys.sign(TICKET, SigningKey.objects.get().id, payload.encode()),
    )


def test_what_somebody_writes_meanwhile_is_theirs(
    guests: list[Registration], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEYS_SECRET = [NEW, OLD]

    def slowly(use: Use, sealed: bytes) -> bytes:
        if use is Use.PERSONAL_DATA:
            Registration.objects.filter(pk=guests[0].pk).update(phone="+33612345678")
        return sealing.reseal(use, sealed)

    monkeypatch.setattr(rotation, "reseal", slowly)
    assert {column.column for column in rotation.rotate() if column.resealed} == {"core_signingkey.private"}
    assert fresh(guests[0]).phone == "+33612345678"


def test_many_rows_are_rotated_in_batches(settings: Settings, db: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr(rotation, "_BATCH", 2)
    event = make.event()
    settings.KEYS_SECRET = [OLD]
    for _ in range(5):
        make.pending(event, phone=PHONE)
    settings.KEYS_SECRET = [NEW, OLD]
    assert {column.column: column.resealed for column in rotation.rotate()}["registrations_registration.phone"] == 5


@pytest.mark.django_db
def test_a_kept_reply_tells_the_database_nothing_of_a_person(api: APIClient, settings: Settings) -> None:
    settings.KEYS_SECRET = [OLD]
    sent = {"event": make.event().id, "full_name": "Amina", "email": "a@example.org", "phone": PHONE}
    body, once = sent | {"attendance_type": "on_site"}, {"Idempotency-Key": "once"}
    first, again = (
        api.post("/api/registrations/", body, headers=once),
        api.post("/api/registrations/", body, headers=once),
    )
    assert (first.status_code, again.json()) == (201, first.json())
    assert [reply[:5] for reply in held("reply", "core_idempotentrequest")] == ["gAAAA"]
    settings.KEYS_SECRET = [NEW]
    lost = api.post("/api/registrations/", body, headers=once)
    assert (lost.status_code, lost.json()["code"]) == (409, "idempotency_in_progress")
    assert (Registration.objects.count(), IdempotentRequest.objects.count()) == (1, 1)
