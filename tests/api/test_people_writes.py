"""Speakers and partners, written by those whose they are."""

from typing import Any

import pytest

from tests.support import make
from turnout.accounts.models import User
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts, save_partner, save_speaker
from turnout.events.models import Partner, Speaker

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("owner")


def test_a_speaker_is_created_replaced_changed_and_removed(owner: User) -> None:
    api, partner = make.client(owner), save_partner(Partner(name="Partner"))
    sent = {"name": "Ada", "bio": "Engines", "image": "https://example.org/ada.png", "partner": str(partner.pk)}
    created = api.post("/api/speakers/", sent)
    assert created.status_code == 201
    shown = created.json()
    assert {**shown, "partner": shown["partner"]["id"]} == {**sent, "id": shown["id"], "workshops": []}
    door = f"/api/speakers/{shown['id']}/"
    assert api.patch(door, {"bio": "Notes"}).json() == shown | {"bio": "Notes"}
    assert api.put(door, {"name": "Ada L."}).json() == shown | {
        "name": "Ada L.",
        "bio": "",
        "image": "",
        "partner": None,
    }
    assert api.delete(door).status_code == 204
    assert api.delete(door).status_code == 404
    deeds = AuditEntry.objects.filter(subject=shown["id"]).order_by("id")
    assert {entry.actor for entry in deeds} == {f"user:{owner.pk}"}
    assert [entry.verb for entry in deeds] == ["speaker.saved"] * 3 + ["speaker.removed"]


def test_a_partner_is_created_replaced_changed_and_removed(owner: User) -> None:
    api = make.client(owner)
    sent = {"name": "Forum", "website": "https://example.org/", "level": "gold", "logo": "https://example.org/l.png"}
    created = api.post("/api/partners/", sent)
    assert created.status_code == 201
    shown = created.json()
    assert shown == {**sent, "id": shown["id"], "workshops": []}
    door = f"/api/partners/{shown['id']}/"
    assert api.patch(door, {"level": "silver"}).json() == shown | {"level": "silver"}
    assert api.put(door, {"name": "F."}).json() == shown | {"name": "F.", "website": "", "level": "", "logo": ""}
    assert api.delete(door).status_code == 204
    assert not Partner.objects.exists()


@pytest.mark.parametrize("path", ["/api/speakers/", "/api/partners/"])
def test_the_same_key_creates_one(owner: User, path: str) -> None:
    answers = [make.client(owner).post(path, {"name": "One"}, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Speaker.objects.count() + Partner.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "fields", "pointer"),
    [
        ("/api/speakers/", {"name": ""}, "/name"),
        ("/api/speakers/", {"name": "two\nlines"}, "/name"),
        ("/api/speakers/", {"image": "javascript:alert(1)"}, "/image"),
        ("/api/speakers/", {"partner": str(new_id())}, "/partner"),
        ("/api/speakers/", {"partner": ["x"]}, "/partner"),
        ("/api/partners/", {"website": "ftp://example.org/"}, "/website"),
        ("/api/partners/", {"logo": "data:text/html,x"}, "/logo"),
        ("/api/partners/", {"level": "x" * 41}, "/level"),
    ],
)
def test_a_fault_is_named(owner: User, path: str, fields: dict[str, Any], pointer: str) -> None:
    answer = make.client(owner).post(path, {"name": "Fine", **fields})
    assert (answer.status_code, [fault["pointer"] for fault in answer.json()["errors"]]) == (400, [pointer])


@pytest.mark.parametrize("kind", ["speakers", "partners"])
def test_whose_it_is_and_where_it_came_from_is_not_written(owner: User, kind: str) -> None:
    other = make.user()
    smuggled = {"owner": str(other.pk), "owner_id": str(other.pk), "id": str(new_id()), "source_key": "a" * 64}
    shown = make.client(owner).post(f"/api/{kind}/", {"name": "One", **smuggled}).json()
    door = f"/api/{kind}/{shown['id']}/"
    assert make.client(owner).patch(door, smuggled).status_code == 200
    assert make.client(other).patch(door, {"name": "Mine", **smuggled}).status_code == 403
    row: Any = Speaker.objects.first() or Partner.objects.get()
    assert (str(row.pk), row.owner, row.name) == (shown["id"], owner, "One")
    assert getattr(row, "source_key", None) is None
    assert (
        make.client(owner).patch(door, "name=Form", content_type="application/x-www-form-urlencoded").status_code == 415
    )


def test_what_nobody_owns_is_written_by_staff_alone(owner: User) -> None:
    speaker = save_speaker(Speaker(name="Imported"))
    door = f"/api/speakers/{speaker.pk}/"
    staff = make.user(is_staff=True)
    refused = make.client(staff).patch(door, {"name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_required")
    assert make.client(owner).patch(door, {"name": "x"}).json()["code"] == "forbidden"
    assert make.client(staff, second_factor=True).patch(door, {"name": "Renamed"}).json()["name"] == "Renamed"


@pytest.mark.parametrize("whose", ["own", "another's", "nobody's"])
def test_who_is_named_at_anothers_event_stays(owner: User, whose: str) -> None:
    speaker, partner = save_speaker(Speaker(name="S", owner=owner)), save_partner(Partner(name="P", owner=owner))
    at = {"own": owner, "another's": make.user(), "nobody's": None}[whose]
    event = make.event(owner=at, partner=partner, parts=Parts(speakers=[speaker]))
    answers = [
        make.client(owner).delete(door) for door in (f"/api/speakers/{speaker.pk}/", f"/api/partners/{partner.pk}/")
    ]
    if whose == "own":
        assert [answer.status_code for answer in answers] == [204, 204]
        event.refresh_from_db()
        assert (event.partner, list(event.speakers.all())) == (None, [])
    else:
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "in_use")] * 2
