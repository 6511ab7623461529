"""Attack mode: what begins it, what it does, and how a burst is rolled back. Very many at once: tests/faults."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.support import make
from turnout.core.clock import now
from turnout.core.errors import ConflictError, GoneError, ThrottledError
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry
from turnout.events.models import Event
from turnout.guard.notation import windows
from turnout.notifications.actions import deliver_due
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, confirm, expire_unconfirmed, register
from turnout.registrations.attacks import actions
from turnout.registrations.attacks.actions import (
    forget_blocks,
    roll_back,
    sweep_attacks,
    switch_event,
    switch_platform,
    undo,
)
from turnout.registrations.attacks.models import Rollback
from turnout.registrations.attacks.queries import burst, quarantined, under_attack
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

STAFF = "user:staff"
Counters = Callable[[Event], dict[str, tuple[int, int]]]


@pytest.fixture(autouse=True)
def _every_registration_looks(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(actions, "LOOKS", 1.1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def come(event: Event, people: int, *, confirming: float, minutes: float, ago: float = 0) -> None:
    """Let so many register over so many minutes until `ago`, unseen, get their mail, and that share of them confirm."""
    begin = now() - timedelta(minutes=minutes + ago)
    for number in range(people):
        moment = begin + timedelta(minutes=minutes * number / people)
        with time_machine.travel(moment, tick=False), mock.patch.object(actions, "LOOKS", 0):
            registration = make.pending(event)
            Message.objects.filter(subject=registration.pk).update(state="sent", sent_at=now())
            if number % 100 < confirming * 100:
                confirm(registration.confirmation_token)


def trail(event: Event) -> list[tuple[str, str, dict[str, Any]]]:
    return list(AuditEntry.objects.filter(subject=event.id).order_by("id").values_list("actor", "verb", "data"))[1:]


def statuses(event: Event) -> dict[str, int]:
    counts: dict[str, int] = {}
    for status in Registration.objects.filter(event=event).values_list("status", flat=True):
        counts[status] = counts.get(status, 0) + 1
    return counts


def test_a_popular_opening_is_no_attack() -> None:
    event = make.event()
    come(event, 300, confirming=0.7, minutes=5)
    assert sweep_attacks() == 0
    assert not under_attack(event.id)
    assert not Registration.objects.filter(quarantined_at__isnull=False).exists()


def test_three_hundred_in_a_minute_whom_the_mail_has_not_reached_are_no_attack() -> None:
    event = make.event()
    come(event, 300, confirming=0, minutes=1, ago=1)
    Message.objects.update(state="due", sent_at=None)
    assert sweep_attacks() == 0
    Message.objects.update(state="sent", sent_at=now() - timedelta(seconds=5))
    assert sweep_attacks() == 0


def test_a_flood_that_nobody_confirms_is_an_attack_within_two_minutes() -> None:
    event = make.event()
    come(event, 250, confirming=0.05, minutes=1, ago=0.5)
    make.pending(event)
    assert under_attack(event.id)
    assert burst(event).total == {"registered": 251, "confirmed": 15, "quarantined": 236, "rolled_back": 0}


def test_a_slow_attack_is_seen_and_what_came_before_it_was_seen_is_marked_too() -> None:
    event, other = make.event(), make.event()
    come(event, 80, confirming=0.1, minutes=27)
    come(other, 20, confirming=0, minutes=27)
    make.pending(event)
    assert (under_attack(event.id), under_attack(other.id)) == (True, False)
    assert quarantined(event).count() == statuses(event)["pending"]
    assert quarantined(other).count() == 0
    assert trail(event) == [("system", "event.attack_began", {"marked": 70})]  # the last one came marked


def test_a_burst_after_which_nobody_comes_is_seen_by_the_sweep() -> None:
    event = make.event()
    come(event, 70, confirming=0, minutes=1, ago=3)
    assert [sweep_attacks(), sweep_attacks()] == [1, 0]
    assert (under_attack(event.id), quarantined(event).count()) == (True, 70)


def test_it_ends_by_itself_after_half_an_hour_of_calm_and_marks_stay() -> None:
    event = make.event()
    come(event, 70, confirming=0, minutes=1, ago=3)
    sweep_attacks()
    with time_machine.travel(now() + timedelta(minutes=25)):
        assert (sweep_attacks(), under_attack(event.id)) == (0, True)
    with time_machine.travel(now() + timedelta(minutes=31)):
        assert (sweep_attacks(), under_attack(event.id)) == (1, False)
    assert quarantined(event).count() == 70
    assert [verb for _, verb, _ in trail(event)] == ["event.attack_began", "event.attack_ended"]


def test_it_goes_on_while_they_go_on() -> None:
    event = make.event()
    come(event, 70, confirming=0, minutes=10, ago=3)
    sweep_attacks()
    with time_machine.travel(now() + timedelta(minutes=35)):
        come(event, 40, confirming=0, minutes=20, ago=3)
        assert (sweep_attacks(), under_attack(event.id)) == (0, True)


def test_only_one_of_sixteen_registrations_looks_and_in_a_few_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    event = make.event()
    monkeypatch.setattr(actions, "LOOKS", 0)
    with CaptureQueriesContext(connection) as unseeing:
        make.pending(event)
    monkeypatch.setattr(actions, "LOOKS", 1.1)
    with CaptureQueriesContext(connection) as looking:
        make.pending(event)
    come(event, 50, confirming=0, minutes=10, ago=3)
    with CaptureQueriesContext(connection) as among_many:
        make.pending(event)
    assert len(looking) == len(among_many) == len(unseeing) + 2


def test_staff_switch_it_on_everywhere_and_off_again() -> None:
    event = make.event()
    for _ in range(2):
        switch_platform(on=True, actor=STAFF)
    assert (under_attack(event.id), make.pending(event).quarantined_at is not None) == (True, True)
    for _ in range(2):
        switch_platform(on=False, actor=STAFF)
    assert (under_attack(event.id), make.pending(event).quarantined_at) == (False, None)
    audited = AuditEntry.objects.filter(verb__startswith="platform").order_by("id").values_list("actor", "verb")
    assert list(audited) == [(STAFF, "platform.attack_mode_on"), (STAFF, "platform.attack_mode_off")]


def test_staff_switch_it_for_one_event_and_what_came_lately_is_marked() -> None:
    event, other = make.event(), make.event()
    make.pending(event)
    make.pending(other)
    switch_event(event, "on", actor=STAFF)
    switch_event(event, "on", actor=STAFF)
    assert [(under_attack(each.id), quarantined(each).count()) for each in (event, other)] == [(True, 1), (False, 0)]
    switch_event(event, "automatic", actor=STAFF)
    assert not under_attack(event.id)
    assert trail(event) == [
        (STAFF, "event.attack_mode", {"was": "automatic", "is": "on", "marked": 1}),
        (STAFF, "event.attack_mode", {"was": "on", "is": "automatic", "marked": 0}),
    ]


def test_where_staff_say_it_is_none_it_does_not_begin_by_itself_but_the_platforms_switch_counts() -> None:
    event = make.event()
    switch_event(event, "off", actor=STAFF)
    come(event, 70, confirming=0, minutes=1, ago=3)
    assert sweep_attacks() == 0
    make.pending(event)
    assert (under_attack(event.id), quarantined(event).count()) == (False, 0)
    switch_platform(on=True, actor=STAFF)
    assert under_attack(event.id)


def test_under_attack_each_network_registers_less_often_there_and_as_before_elsewhere(settings: Settings) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "attack": windows("2/hour")}
    event, other = make.event(), make.event()
    switch_event(event, "on", actor=STAFF)
    for client in ["203.0.113.7"] * 2 + ["203.0.113.8"]:
        register(event, make.guest(), client=client)
    with pytest.raises(ThrottledError) as refused:
        register(event, make.guest(), client="203.0.113.7")
    assert (refused.value.code, refused.value.data["window"]) == ("throttled", "2 in 3600 seconds")
    register(other, make.guest(), client="203.0.113.7")
    assert Registration.objects.count() == 4


def test_who_is_quarantined_gets_the_mail_and_who_confirms_is_through(counters: Counters) -> None:
    event = make.event(capacity=1)
    switch_event(event, "on", actor=STAFF)
    guest, waiting = make.pending(event), make.pending(event)
    assert deliver_due() == 2
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    for each, status in ((guest, "confirmed"), (waiting, "waitlisted")):
        confirmed = confirm(each.confirmation_token)
        assert (confirmed.status, confirmed.quarantined_at) == (status, None)
    assert counters(event) == {"": (1, 1)}


def attacked(*, forged: int = 4) -> tuple[Event, list[Registration]]:
    """Return an event of two seats with a guest seated, one pending since before, and forged registrations."""
    event = make.event(capacity=2)
    make.confirmed(event, "amina")
    with time_machine.travel(now() - timedelta(hours=1)):
        make.pending(event, "bilal")
    switch_event(event, "on", actor=STAFF)
    made = [
        register(event, make.guest(email=f"x{n}@domain{n % 2}.example"), client=f"203.0.{n}.1") for n in range(forged)
    ]
    AuditEntry.objects.all().delete()
    return event, made


def rows() -> list[dict[str, Any]]:
    """Return all registrations, but for when they expire."""
    found: list[dict[str, Any]] = [dict(row) for row in Registration.objects.order_by("pk").values()]
    return [{name: value for name, value in row.items() if name != "expires_at"} for row in found]


def test_rollback_cancels_what_is_quarantined_and_nothing_else_and_undo_returns_exactly_that(
    counters: Counters,
) -> None:
    event, forged = attacked()
    before = rows()

    rollback = roll_back(event, actor=STAFF)
    assert (rollback.count, statuses(event), counters(event)) == (
        4,
        {"confirmed": 1, "pending": 1, "cancelled": 4},
        {"": (1, 0)},
    )
    with pytest.raises(ConflictError) as again:
        roll_back(event, actor=STAFF)
    assert again.value.code == "nothing_quarantined"

    for _ in range(2):
        assert undo(rollback, actor=STAFF).undone_at is not None
    assert rows() == before
    assert quarantined(event).count() == len(forged)
    assert roll_back(event, actor=STAFF).count == 4

    assert list(AuditEntry.objects.order_by("id").values_list("actor", "verb", "subject")) == [
        (STAFF, "event.rolled_back", event.id),
        (STAFF, "event.rollback_undone", event.id),
        (STAFF, "event.rolled_back", event.id),
    ]
    assert Rollback.objects.count() == 2


def test_rollback_takes_only_the_blocks_and_domains_it_is_given() -> None:
    event, _ = attacked()
    assert roll_back(event, blocks=["203.0.0.0/24", "198.51.100.0/24"]).count == 1
    assert roll_back(event, domains=["domain0.example"]).count == 1
    assert roll_back(event).count == 2


def test_mails_still_due_to_who_was_rolled_back_are_not_sent_and_after_an_undo_they_are() -> None:
    event, forged = attacked()
    Message.objects.exclude(subject__in=[each.pk for each in forged]).delete()
    rollback = roll_back(event)
    assert (deliver_due(), set(Message.objects.values_list("state", flat=True))) == (4, {"void"})
    undo(rollback)
    assert (deliver_due(), set(Message.objects.values_list("state", flat=True))) == (4, {"sent"})


def test_a_guest_who_was_rolled_back_and_clicks_the_link_is_through_and_no_undo_touches_them(
    counters: Counters,
) -> None:
    event, (guest, *_) = attacked()
    rollback = roll_back(event)
    confirmed = confirm(guest.confirmation_token)
    assert (confirmed.status, confirmed.quarantined_at, confirmed.cancelled_at) == ("confirmed", None, None)
    undo(rollback)
    assert (statuses(event), counters(event)) == ({"confirmed": 2, "pending": 4}, {"": (2, 0)})


def test_who_cancelled_for_themselves_is_not_through_by_the_link() -> None:
    event, (guest, *_) = attacked()
    cancel(guest)
    roll_back(event)
    with pytest.raises(ConflictError) as refused:
        confirm(guest.confirmation_token)
    assert refused.value.code == "registration_cancelled"


def test_the_time_that_a_rollback_took_is_given_back() -> None:
    event, (guest, *_) = attacked()
    rollback = roll_back(event)
    with time_machine.travel(guest.expires_at + timedelta(hours=1)):
        expire_unconfirmed()
        with pytest.raises(GoneError):
            confirm(guest.confirmation_token)
        undo(rollback)
        assert expire_unconfirmed() == 0
        assert quarantined(event).count() == 4


def test_where_they_came_from_is_forgotten_after_thirty_days() -> None:
    attacked()
    with time_machine.travel(now() + timedelta(days=29)):
        assert forget_blocks() == 0
    with time_machine.travel(now() + timedelta(days=31)):
        assert [forget_blocks(), forget_blocks()] == [4, 0]
    assert set(Registration.objects.values_list("block", flat=True)) == {""}


def test_staff_see_a_burst_by_block_and_domain_in_as_many_queries_whoever_came() -> None:
    event, _ = attacked(forged=1)
    with CaptureQueriesContext(connection) as few:
        burst(event)
    for n in range(5):
        register(event, make.guest(email=f"y{n}@domain0.example"), client=f"203.0.113.{n}")
    roll_back(event, domains=["domain0.example"])
    with CaptureQueriesContext(connection) as many:
        seen = burst(event)
    assert len(few) == len(many) == 5
    assert seen.total == {"registered": 8, "confirmed": 1, "quarantined": 0, "rolled_back": 6}
    assert seen.blocks == [
        {"block": "203.0.113.0/24", "registered": 5, "confirmed": 0, "quarantined": 0, "rolled_back": 5},
        {"block": "", "registered": 2, "confirmed": 1, "quarantined": 0, "rolled_back": 0},
        {"block": "203.0.0.0/24", "registered": 1, "confirmed": 0, "quarantined": 0, "rolled_back": 1},
    ]
    assert [(row["mail_domain"], row["registered"]) for row in seen.domains] == [
        ("domain0.example", 6),
        ("example.org", 2),
    ]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"status": "confirmed", "quarantined_at": now()}, "registration_confirmed_is_through"),
        ({"rolled_back_by": new_id()}, "registration_rolled_back_is_cancelled"),
        ({"block": "203.0.113.0/24"}, "registration_block_is_forgotten"),
    ],
)
def test_the_database_holds_the_rules(fields: dict[str, Any], name: str) -> None:
    registration = make.pending(make.event())
    if "status" in fields:
        registration = confirm(registration.confirmation_token)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Registration.objects.filter(pk=registration.pk).update(**fields)
