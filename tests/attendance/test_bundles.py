"""What a scanner takes along: all it needs, nothing that is news of anybody, and never too little."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.attendance.conftest import Door
from tests.support import make
from turnout.attendance.models import DoorRules
from turnout.core.clock import now
from turnout.core.ids import encode_id
from turnout.events.models import Question
from turnout.notifications.feed.actions import number_new
from turnout.notifications.feed.models import Entry
from turnout.registrations.actions import cancel, change
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text


def _fetch(door: Door, since: str = "") -> dict[str, Any]:
    answer = door.client.get(f"/api/events/{door.event.pk}/check-in/bundle/", {"since": since} if since else {})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    told: dict[str, Any] = answer.json()
    return told


def _id(registration: Registration) -> str:
    assert registration.ticket_id is not None
    return encode_id(registration.ticket_id)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_keys_of_a_bundle_verify_the_tickets_of_the_event(door: Door) -> None:
    payload, _, signature = ticket_text(door.amina).rpartition(".")
    told = _fetch(door)

    key = told["public_keys"][payload.split(".")[3]]
    assert (key, told["whole"]) == (told["public_key"], True)
    Ed25519PublicKey.from_public_bytes(_decode(key)).verify(_decode(signature), payload.encode())


def test_a_bundle_names_what_holds_no_more_and_who_is_in_and_nobody(door: Door) -> None:
    gone, out = make.confirmed(door.event, "gone"), make.confirmed(door.event, "out")
    make.pending(door.event, "pending")
    since = door.check_in(door.amina)["at"]
    door.check_in(out)
    door.check_in(out, direction="out")
    cancel(gone)
    told = _fetch(door)

    assert told["revoked"] == [_id(gone)]
    assert told["admitted"] == [{"ticket": _id(door.amina), "session": None, "at": since}]
    assert (told["names"], told["cleared"]) == (None, [])
    assert not any(word in json.dumps(told) for word in ("Amina", "amina@", "Gone"))


def test_from_a_cursor_on_only_what_is_new_is_sent(door: Door) -> None:
    number_new()
    before = _fetch(door)
    assert (_fetch(door, before["cursor"]) | {"server_time": 0}) == before | {
        "server_time": 0,
        "whole": False,
        "admitted": [],
    }
    karim = make.confirmed(door.event, "karim")
    door.check_in(door.amina)
    cancel(karim)
    number_new()
    new = _fetch(door, before["cursor"])

    assert (new["whole"], new["revoked"]) == (False, [_id(karim)])
    assert [each["ticket"] for each in new["admitted"]] == [_id(door.amina)]
    assert set(new["cleared"]) == {_id(door.amina), _id(karim)}
    latest = _fetch(door, new["cursor"])
    assert (latest["whole"], latest["revoked"], latest["admitted"], latest["cleared"]) == (False, [], [], [])


def test_an_entry_that_is_undone_is_taken_back_from_scanners_too(door: Door) -> None:
    door.check_in(door.amina)
    number_new()
    cursor = _fetch(door)["cursor"]
    door.client.post("/api/attendance/scan-1/undo/", {"reason": "x"}, format="json")
    number_new()
    new = _fetch(door, cursor)

    assert (new["cleared"], new["admitted"]) == ([_id(door.amina)], [])


def test_what_has_no_number_yet_is_sent_now_and_again_when_it_has_one(door: Door) -> None:
    """As what commits late: its number is given later, and is higher than the cursor."""
    number_new()
    cursor = _fetch(door)["cursor"]
    cancel(door.amina)
    early = _fetch(door, cursor)
    number_new()
    later = _fetch(door, early["cursor"])

    assert early["revoked"] == later["revoked"] == [_id(door.amina)]
    assert _fetch(door, later["cursor"])["revoked"] == []


@pytest.mark.parametrize("cursor", ["x", "-1n", "99999n", "1", "n", "1y", "1n\n", "9" * 30 + "n"])
def test_a_cursor_that_is_not_ours_gets_the_whole(door: Door, cursor: str) -> None:
    assert _fetch(door, cursor)["whole"] is True


def test_a_cursor_older_than_what_is_remembered_gets_the_whole(door: Door) -> None:
    cancel(make.confirmed(door.event))
    number_new()
    Entry.objects.filter(topic=door.event.pk, number=1).delete()

    assert (_fetch(door, "0n")["whole"], _fetch(door, "1n")["whole"]) == (True, False)


def test_a_lost_phone_gives_away_nobody_who_was_not_scanned(door: Door) -> None:
    DoorRules.objects.create(event=door.event, names_offline=True)
    karim = make.confirmed(door.event, "karim")
    told = _fetch(door)

    assert len(told["names"]) == 2
    assert not any(name in json.dumps(told) for name in ("Amina", "Karim"))
    opened = {}
    for guest in (door.amina, karim):
        secret = HKDF(SHA256(), 48, None, b"turnout door names 1").derive(_decode(ticket_text(guest).split(".")[-1]))
        sealed = _decode(told["names"][base64.urlsafe_b64encode(secret[:16]).rstrip(b"=").decode()])
        opened[guest] = (secret[16:], sealed)
        plain = json.loads(AESGCM(secret[16:]).decrypt(sealed[:12], sealed[12:], None))
        assert plain == {"name": guest.full_name, "type": "on_site", "note": "", "answers": []}
    with pytest.raises(InvalidTag):
        AESGCM(opened[karim][0]).decrypt(opened[door.amina][1][:12], opened[door.amina][1][12:], None)


def test_a_new_name_reaches_scanners_and_allowing_names_sends_them_all(door: Door) -> None:
    number_new()
    cursor = _fetch(door)["cursor"]
    DoorRules.objects.create(event=door.event, names_offline=True)
    whole = _fetch(door, cursor)
    change(door.amina, {"full_name": "Amina Haddad"})
    number_new()
    new = _fetch(door, whole["cursor"])

    assert (whole["whole"], len(whole["names"])) == (True, 1)
    assert (new["whole"], list(new["names"])) == (False, list(whole["names"]))
    assert new["names"] != whole["names"]


def test_a_question_that_is_marked_or_not_any_more_sends_all_names_anew(door: Door) -> None:
    DoorRules.objects.create(event=door.event, names_offline=True)
    question = Question.objects.create(event=door.event, label="Diet", type="text")
    number_new()
    cursor = _fetch(door)["cursor"]
    told = []
    for marked in (True, False):
        Question.objects.filter(pk=question.pk).update(at_door=marked)
        told.append(_fetch(door, cursor))
        cursor = told[-1]["cursor"]

    assert [each["whole"] for each in told] == [True, True]
    assert _fetch(door, cursor)["whole"] is False


def test_a_bundle_is_for_the_team_alone(door: Door) -> None:
    path = f"/api/events/{door.event.pk}/check-in/bundle/"
    for client, status in (
        (make.client(), 401),
        (make.client(make.user()), 403),
        (make.client(door.manager), 200),
        (make.client(door.owner), 200),
    ):
        assert client.get(path).status_code == status


def test_a_bundle_takes_as_many_queries_for_one_as_for_a_hundred(door: Door) -> None:
    DoorRules.objects.create(event=door.event, names_offline=True)
    door.event.sessions.create(title="Talk", starts_at=now(), ends_at=now() + timedelta(hours=1))
    counts = []
    for size in (1, 100):
        for guest in make.crowd(door.event, size):
            door.sync(door.scan(guest))
        with CaptureQueriesContext(connection) as captured:
            _fetch(door)
        counts.append(len(captured))
    assert counts[0] == counts[1]
