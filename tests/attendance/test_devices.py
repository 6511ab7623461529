"""Devices at the doors of an event: paired by a code that works once, known by a token, seen, revoked."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient
from time_machine import travel

from tests.support import make
from tests.support.matrix import World, routes, table
from turnout.accounts.actions import sessions
from turnout.accounts.models import Role, User
from turnout.api.auth import DeviceAuthentication
from turnout.api.tokens import tokens_of
from turnout.attendance.actions import devices
from turnout.attendance.actions.devices import add_device, note_seen, pair, revoke
from turnout.attendance.actions.stays import set_door_rules
from turnout.attendance.doorkeepers import Doorkeeper, device_of, names_of
from turnout.attendance.models import Device
from turnout.core.audit import SYSTEM
from turnout.core.clock import now
from turnout.core.errors import ForbiddenError, NotFoundError
from turnout.core.models import AuditEntry, IdempotentRequest
from turnout.core.redaction import REDACTED, redact, redact_text
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.guard.notation import windows

pytestmark = pytest.mark.django_db

DOOR = {  # what a device's token opens, at its own event
    "/api/attendance/<str:scan_id>/undo/",
    "/api/attendance/check-in/",
    "/api/attendance/sync/",
    "/api/devices/me/",
    "/api/events/<uuid:event_id>/check-in/bundle/",
    "/api/events/<uuid:event_id>/check-in/people/",
    "/api/events/<uuid:event_id>/room-code/",
}


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go")


def of(event: Event) -> str:
    return f"/api/events/{event.pk}/devices/"


def member(event: Event, role: TeamMember.Role) -> User:
    user = make.user(role=Role.SEEKER)
    add_member(event, user.email, role)
    return user


def paired(event: Event, name: str = "Tablet 1", door: str = "North") -> tuple[Device, str]:
    return pair(add_device(event, name, door, actor="user:1")[1])


def bearer(token: str) -> APIClient:
    client = make.client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def show(code: str) -> tuple[int, str]:
    answer = make.client().post("/api/devices/pair/", {"code": code})
    return answer.status_code, answer.json().get("code", "")


def code_in(answer: Any) -> str:
    assert answer.status_code in {200, 201}, answer.json()
    code: str = answer.json()["code"]
    return code


def test_a_device_is_added_paired_and_says_what_it_is(owner: User, event: Event, settings: Settings) -> None:
    added = make.client(owner).post(of(event), {"name": "Tablet 1", "door": "North"})
    device = Device.objects.get()
    code = code_in(added)
    assert re.fullmatch("([2-9A-HJKMNP-Z]{4}-){2}[2-9A-HJKMNP-Z]{4}", code)
    assert added.status_code == 201
    assert added["Cache-Control"] == "no-store"
    assert added.json() == {
        "id": str(device.pk),
        "name": "Tablet 1",
        "door": "North",
        "code": code,
        "link": f"{settings.PUBLIC_BASE_URL}/scan/#pair={code}",
        "expires_at": added.json()["expires_at"],
    }
    assert device.code_expires_at - device.created_at == timedelta(hours=1)

    answer = make.client().post("/api/devices/pair/", {"code": code})
    token = answer.json()["token"]
    assert re.fullmatch(r"td_[\w-]{43}", token)
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    shown = {
        "event": {
            "id": str(event.pk),
            "title": "Go",
            "starts_at": event.starts_at.isoformat().replace("+00:00", "Z"),
            "ends_at": event.ends_at.isoformat().replace("+00:00", "Z"),
            "timezone": "Africa/Algiers",
        },
        "device": {"id": str(device.pk), "name": "Tablet 1", "door": "North"},
    }
    assert answer.json() == {"token": token, **shown}
    own = bearer(token).get("/api/devices/me/").json()
    assert own.pop("server_time")
    assert own == shown


def test_neither_code_nor_token_is_at_rest_in_the_database_or_in_a_log(owner: User, event: Event) -> None:
    client = make.client(owner)
    code = code_in(client.post(of(event), {"name": "Tablet 1"}, HTTP_IDEMPOTENCY_KEY="key"))
    token = pair(code)[1]
    kept = f"{Device.objects.values().get()} {list(AuditEntry.objects.values())}"
    for secret in (code, code.replace("-", ""), token, token.removeprefix("td_")):
        assert secret not in kept
    assert IdempotentRequest.objects.count() == 0
    assert redact({"code": code, "token": token}) == {"code": REDACTED, "token": REDACTED}
    assert redact_text(f"with {token}, and Authorization: Bearer {token}") == (
        f"with {REDACTED}, and Authorization: {REDACTED}"
    )


@pytest.mark.parametrize("written", ["{}", " {} ", "{dense}", "{lower}", "{spaced}", "{dashed}"])
def test_a_code_is_read_as_people_type_it(event: Event, written: str) -> None:
    _device, code = add_device(event, "Tablet", "", actor="user:1")
    shown = written.format(
        code,
        dense=code.replace("-", ""),
        lower=code.lower(),
        spaced=code.replace("-", " \u00a0"),
        dashed=code.replace("-", "\u2013"),
    )
    assert show(shown) == (201, "")


def test_a_code_works_once_for_an_hour_and_tells_why_not(owner: User, event: Event) -> None:
    device, code = add_device(event, "Tablet", "", actor="user:1")
    assert show("AAAA-AAAA-AAAA") == (400, "code_invalid")
    assert show(code) == (201, "")
    assert show(code) == (410, "code_spent")
    _late, other = add_device(event, "Phone", "", actor="user:1")
    with travel(now() + timedelta(minutes=59)):
        assert make.client(owner).get(of(event)).status_code == 200
    with travel(now() + timedelta(minutes=61)):
        assert show(other) == (410, "code_expired")
        assert show(code) == (410, "code_spent")
    revoke(device, actor="user:1")
    assert show(code) == (410, "code_spent")


def test_the_code_of_a_device_that_was_revoked_before_it_was_paired_does_not_pair_it(event: Event) -> None:
    device, code = add_device(event, "Tablet", "", actor="user:1")
    revoke(device, actor="user:1")
    assert show(code) == (410, "code_expired")


def test_whoever_guesses_codes_is_stopped_by_their_network(settings: Settings) -> None:
    settings.THROTTLES |= {"pair": windows("3/hour")}
    assert [show("AAAA-AAAA-AAAA")[0] for _ in range(4)] == [400, 400, 400, 429]


def test_a_new_code_stops_the_old_one_and_the_old_token(owner: User, event: Event) -> None:
    client = make.client(owner)
    added = client.post(of(event), {"name": "Tablet"})
    first, path = code_in(added), f"{of(event)}{added.json()['id']}/code/"
    second = code_in(client.post(path))
    assert show(first) == (400, "code_invalid")
    device, token = pair(second)
    note_seen(device, battery=40, queued=12)
    third = code_in(client.post(path))
    assert bearer(token).get("/api/devices/me/").json()["code"] == "token_invalid"
    row = client.get(of(event)).json()["results"][0]
    assert [row[name] for name in ("paired_at", "seen_at", "battery", "queued")] == [None] * 4
    assert show(third) == (201, "")
    revoke(device, actor="user:1")
    refused = client.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "device_revoked")


def test_a_revoked_device_is_told_so_at_its_next_request(owner: User, event: Event) -> None:
    device, token = paired(event)
    client, path = make.client(owner), f"{of(event)}{device.pk}/"
    assert bearer(token).post("/api/devices/me/", {}).status_code == 200
    assert client.delete(path).status_code == 204
    for method in ("get", "post"):
        refused = getattr(bearer(token), method)("/api/devices/me/")
        assert (refused.status_code, refused.json()["code"]) == (401, "device_revoked")
    assert client.delete(path).status_code == 204  # once more changes nothing
    verbs = [(entry.verb, entry.actor) for entry in AuditEntry.objects.filter(subject=device.pk).order_by("id")]
    assert verbs == [
        ("device.added", "user:1"),
        ("device.paired", f"device:{device.pk}"),
        ("device.revoked", f"user:{owner.pk}"),
    ]


@pytest.mark.parametrize("token", ["td_", "td_x", "td_" + "A" * 43, "td_é", "TD_" + "A" * 43])
def test_a_token_that_is_none_is_401_on_views_of_the_door_and_everywhere(owner: User, token: str) -> None:
    for path in ("/api/devices/me/", "/api/me/"):
        refused = bearer(token).get(path)
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"].startswith("Bearer")
    client = make.client(owner)  # nor does a session beside it help
    assert client.get("/api/me/", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401


def test_a_device_is_known_with_whose_event_it_is_in_one_query_and_the_whole_event_in_another(
    event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = paired(event)[1]
    with django_assert_num_queries(1):
        keeper = Doorkeeper.of_device(device_of(token))
        assert keeper.doors([event.pk]) == {event.pk: event.owner_id}
    with django_assert_num_queries(1):
        assert keeper.event_for(event.pk) == event


def test_who_stands_at_which_doors(owner: User, event: Event) -> None:
    other = make.event()
    keeper = Doorkeeper.of_device(paired(event)[0])
    with pytest.raises(NotFoundError):
        keeper.event_for(other.pk)
    assert (keeper.label, keeper.user) == ("Tablet 1", None)
    scanner = Doorkeeper.of_person(member(event, TeamMember.Role.SCANNER))
    assert scanner.event_for(event.pk) == event
    with pytest.raises(ForbiddenError):
        scanner.event_for(other.pk)
    with pytest.raises(NotFoundError):
        scanner.event_for(uuid4())
    assert scanner.label == scanner.user.name if scanner.user else False
    nameless = Doorkeeper.of_person(make.user(name="", role=Role.SEEKER))
    assert "@" not in nameless.label
    assert names_of({keeper.actor, f"user:{owner.pk}", "guest"}) == {
        keeper.actor: "Tablet 1",
        f"user:{owner.pk}": "Owner",
    }


def test_owners_and_managers_have_the_devices_in_hand_and_scanners_and_strangers_do_not(
    owner: User, event: Event
) -> None:
    device, _token = paired(event)
    manager, scanner = member(event, TeamMember.Role.MANAGER), member(event, TeamMember.Role.SCANNER)
    statuses = {}
    for name, user in {"owner": owner, "manager": manager, "scanner": scanner, "foreign": make.user()}.items():
        client = make.client(user)
        statuses[name] = [
            client.get(of(event)).status_code,
            client.post(of(event), {"name": "Phone"}).status_code,
            client.post(f"{of(event)}{device.pk}/code/").status_code,
            client.delete(f"{of(event)}{device.pk}/").status_code,
        ]
        Device.objects.update(revoked_at=None)
    assert statuses == {
        "owner": [200, 201, 200, 204],
        "manager": [200, 201, 200, 204],
        "scanner": [403] * 4,
        "foreign": [403] * 4,
    }


def test_a_device_of_another_event_and_all_of_a_draft_are_not_there(owner: User, event: Event) -> None:
    device, _token = paired(make.event(owner=owner))
    for path in (f"{of(event)}{device.pk}/", f"{of(event)}{uuid4()}/"):
        assert make.client(owner).delete(path).status_code == 404
        assert make.client(owner).post(f"{path}code/").status_code == 404
    draft = make.event(owner=owner, status=Event.Status.DRAFT)
    assert make.client(make.user()).get(of(draft)).status_code == 404
    assert Device.objects.get(pk=device.pk).revoked_at is None


def test_a_token_goes_with_its_event(owner: User) -> None:
    event = make.event(owner=owner)
    token = paired(event)[1]
    event.delete()
    assert bearer(token).get("/api/devices/me/").json()["code"] == "token_invalid"


def test_what_a_device_tells_of_itself_is_shown_to_its_team(owner: User, event: Event) -> None:
    device, token = paired(event)
    with travel(now(), tick=False):
        sent = {"battery": 40, "queued": 12, "sent_at": now() + timedelta(minutes=4), "clock_offset_ms": -60_000}
        assert bearer(token).post("/api/devices/me/", sent).status_code == 200
        at = now()
    (row,) = make.client(owner).get(of(event)).json()["results"]
    device.refresh_from_db()
    assert device.seen_at == at
    assert row == {
        "id": str(device.pk),
        "name": "Tablet 1",
        "door": "North",
        "created_at": row["created_at"],
        "code_expires_at": row["code_expires_at"],
        "paired_at": row["paired_at"],
        "revoked_at": None,
        "seen_at": at.isoformat().replace("+00:00", "Z"),
        "battery": 40,
        "queued": 12,
        "clock_error_ms": 180_000,
        "clock_is_off": True,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"battery": 101},
        {"battery": -1},
        {"queued": -1},
        {"queued": 10**12},
        {"clock_offset_ms": 10**16},
        {"sent_at": "yesterday"},
    ],
)
def test_what_no_device_can_tell_is_refused(event: Event, fields: dict[str, Any]) -> None:
    refused = bearer(paired(event)[1]).post("/api/devices/me/", fields)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def test_a_device_that_writes_no_offset_shows_the_clock_at_its_event(owner: User) -> None:
    event = make.event(owner=owner, timezone="Asia/Tokyo")
    device, token = paired(event)
    with travel(now(), tick=False):
        shown = (now() + timedelta(seconds=90)).astimezone(event.zone).replace(tzinfo=None)
        assert bearer(token).post("/api/devices/me/", {"sent_at": shown.isoformat()}).status_code == 200
    device.refresh_from_db()
    assert device.clock_error_ms == 90_000


def test_a_clock_of_another_age_is_off_by_ten_years(event: Event) -> None:
    device, token = paired(event)
    sent = {"sent_at": "0001-01-01T00:00:00+23:59"}
    assert bearer(token).post("/api/devices/me/", sent).status_code == 200
    device.refresh_from_db()
    assert device.clock_error_ms == -3650 * 24 * 60 * 60 * 1000


def test_a_clock_is_off_from_half_a_minute_ahead_or_behind() -> None:
    errors = (None, 0, 30_000, -30_000, 30_001, -30_001)
    assert [Device(clock_error_ms=error).clock_is_off for error in errors] == [False, False, False, False, True, True]


def test_a_device_that_tells_nothing_new_is_written_down_every_ten_seconds_and_what_is_new_at_once(
    event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    device, token = paired(event)

    def report(after: float, **told: int) -> int:
        """Tell whether it was written down."""
        fresh = device_of(token)
        with travel(start + timedelta(seconds=after), tick=False):
            before = Device.objects.values().get()
            note_seen(fresh, **told)
            return Device.objects.values().get() != before

    start = now()
    assert report(0, battery=50, queued=0, clock_error_ms=100)
    assert not report(9, battery=50, queued=0, clock_error_ms=900)  # the network's doing, not the clock's
    assert report(9.1, battery=49)
    assert not report(9.2)
    assert report(9.3, clock_error_ms=6_200)
    assert not report(19.2)
    assert report(19.4)
    assert (device_of(token).battery, device_of(token).queued) == (49, 0)  # what is not told stays as it was
    fresh = device_of(token)
    with django_assert_num_queries(3):  # one, and the transaction around it
        note_seen(fresh, queued=7)
    with django_assert_num_queries(0):
        note_seen(fresh, queued=7)
    stale = device_of(token)
    Device.objects.update(seen_at=now() + timedelta(seconds=5))
    stale.seen_at = None  # read before another request of its wrote
    note_seen(stale)
    device.refresh_from_db()
    assert device.seen_at is not None
    assert device.seen_at > now()


def test_there_are_a_hundred_devices_at_most_and_the_revoked_do_not_count(
    owner: User, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert devices.MOST == 100
    monkeypatch.setattr(devices, "MOST", 2)
    client = make.client(owner)
    ids = [client.post(of(event), {"name": "Tablet"}).json()["id"] for _ in range(2)]
    refused = client.post(of(event), {"name": "Tablet"})
    assert (refused.status_code, refused.json()["code"], refused.json()["most"]) == (409, "too_many_devices", 2)
    client.delete(f"{of(event)}{ids[0]}/")
    assert client.post(of(event), {"name": "Tablet"}).status_code == 201


def test_the_list_asks_as_much_for_many_as_for_one(
    owner: User, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = make.client(owner)
    for count in (1, 3):
        while Device.objects.count() < count:
            paired(event)
        with django_assert_num_queries(4):
            assert len(client.get(of(event)).json()["results"]) == count


def test_the_token_opens_nothing_but_the_door() -> None:
    """Everywhere else it is refused, or, where nobody is asked who they are, answered as a stranger's request."""
    world = World()
    _device, token = paired(world.event)
    device, stranger = bearer(token), make.client()
    door = {
        route for route, view in routes() if DeviceAuthentication in getattr(_class(view), "authentication_classes", ())
    }
    assert door == DOOR
    open_to_all = {route for route, view in routes() if getattr(_class(view), "authentication_classes", None) == ()}
    differing = {}
    for row in table():
        if row.route in door:
            continue
        answer = world.answer(device, row.route, row.method)
        asks = row.route.startswith("/api/") and row.route not in open_to_all and hasattr(_view(row.route), "cls")
        expected = 401 if asks else world.answer(stranger, row.route, row.method)
        if answer != expected:
            differing[str(row)] = (expected, answer)
    assert differing == {}


def test_at_the_doors_of_another_event_a_device_finds_nothing(event: Event) -> None:
    set_door_rules(event, {"self_check_in": True}, actor=SYSTEM)
    device, other = bearer(paired(make.event())[1]), bearer(paired(event)[1])
    found = {}
    for route in sorted(route for route in DOOR if "event_id" in route):
        path = route.replace("<uuid:event_id>", str(event.pk))
        found[route] = (device.get(path).status_code, other.get(path).status_code)
    assert set(found.values()) == {(404, 200)}


def test_a_device_is_no_user_and_a_user_no_device(owner: User, event: Event) -> None:
    _device, token = paired(event)
    client = make.client(owner)  # signed in, with the device's token beside: the token counts, and is no user's
    assert client.get("/api/devices/me/").status_code == 401
    assert client.get(of(event), HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401
    access = tokens_of(sessions._begin(owner, second_factor=False))["access"]
    assert bearer(access).get("/api/devices/me/").status_code == 401
    assert bearer(access).get(of(event)).status_code == 200


def test_the_database_holds_that_who_has_a_token_is_paired(event: Event) -> None:
    device, _code = add_device(event, "Tablet", "", actor="user:1")
    for fields in ({"token_hash": "a" * 64}, {"paired_at": now()}, {"name": ""}, {"battery": 101}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Device.objects.filter(pk=device.pk).update(**fields)


def _class(view: Any) -> Any:
    return getattr(view, "cls", None)


def _view(route: str) -> Any:
    return dict(routes())[route]
