"""Both doors to an event's seats at once: guests who confirm, and people with accounts who enroll."""

import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from tests.races.visitors import (
    Answer,
    Call,
    Member,
    Site,
    after,
    at_once,
    broken,
    dice,
    late,
    members,
    outcomes,
    owed,
    pools,
)
from tests.support import make
from tests.support.scale import FULL
from turnout.accounts.models import Role
from turnout.core.clock import now
from turnout.events.models import Event, Series
from turnout.registrations.models import Registration, active_key

pytestmark = pytest.mark.servers

SEEDS, PEOPLE = (20, 1000) if FULL else (2, 200)
SEATS = PEOPLE // 10

# What somebody who enrolled may have been told by the end, by how they stand then.
_SEATED = [["confirmed"], ["waitlisted", "promoted"], ["waitlisted", "offered", "confirmed"]]
_WITHOUT = [["waitlisted"], ["waitlisted", "offered"]]
HISTORIES = {
    "confirmed": _SEATED,
    "waitlisted": [["waitlisted"]],
    "offered": [["waitlisted", "offered"]],
    "cancelled": [[*told, "cancelled"] for told in _SEATED + _WITHOUT],
}


@dataclass(frozen=True)
class Heard:
    """An answer, and between which moments it was decided."""

    answer: Answer
    asked: float
    answered: float


@pytest.mark.parametrize("seed", range(SEEDS))
def test_of_a_crowd_through_both_doors_at_once_a_tenth_is_seated_and_the_others_wait_in_order(
    site: Site, seed: int
) -> None:
    rolls = dice(seed)
    with transaction.atomic():
        event = make.event(capacity=SEATS)
        seekers = members(PEOPLE // 2)
        twins = [member.user.email for member in seekers[: PEOPLE // 20]]  # they come through the other door, too
        guests = _pending(event, [f"guest{number}@example.com" for number in range(PEOPLE - len(seekers))] + twins)
    doors = [(guest.email, partial(site.confirm, guest)) for guest in guests]
    doors += [(member.user.email, partial(site.enroll, member, event)) for member in seekers]
    rolls.shuffle(doors)

    # Half of them in one moment, half while those are served.
    heard = at_once([_heard(after(rolls.choice([0, rolls.uniform(0, PEOPLE / 200)]), door)) for _, door in doors])

    assert broken(event) == set()
    assert pools(event) == {"": (SEATS, PEOPLE - SEATS, PEOPLE - SEATS)}
    line = Registration.objects.filter(event=event).in_line()
    assert [person.place for person in line] == list(range(1, PEOPLE - SEATS + 1))
    said = [each.answer for each in heard]
    told = {answer.body["id"]: answer.body["position"] for answer in said if answer.outcome == "waitlisted"}
    assert told == {str(person.id): person.place for person in line}
    assert set(outcomes(said)) <= {
        (200, "confirmed"),
        (200, "waitlisted"),
        (201, "confirmed"),
        (201, "waitlisted"),
        (409, "already_enrolled"),
    }
    assert _overtaken(heard) == []
    for twin in twins:
        _check_one_of_two([answer for (email, _), answer in zip(doors, said, strict=True) if email == twin])


@pytest.mark.parametrize("offer_hours", [None, 2])
def test_in_50_rounds_of_cancel_and_enroll_again_against_promotion_and_capacity_changes_every_count_is_right(
    site: Site, offer_hours: int | None
) -> None:
    rolls = dice(offer_hours or 1)
    (owner,) = members(1, role=Role.FACILITATOR)
    event = make.event(capacity=3, offer_hours=offer_hours, owner=owner.user)
    people = members(8)
    seen: Counter[tuple[int, str]] = Counter()

    for _ in range(50):
        deeds = [deed for person in rolls.sample(people, 3) for deed in _deeds(rolls, site, person, event)]
        deeds.append(partial(site.change_event, owner, event, capacity=rolls.randint(1, 5)))
        answers = at_once([late(rolls, deed) for deed in deeds])

        assert broken(event) == set()
        seen += outcomes(answers)

    offers = {(200, "confirmed"), (409, "not_offered"), (410, "offer_expired")} if offer_hours else set()
    assert set(seen) <= offers | {
        (201, "confirmed"),
        (201, "waitlisted"),
        (200, "cancelled"),
        (200, "published"),
        (404, "not_found"),
        (409, "already_enrolled"),
        (409, "capacity_below_taken"),
    }
    assert min(seen[201, "confirmed"], seen[201, "waitlisted"], seen[200, "cancelled"], seen[200, "published"]) > 5
    for registration in Registration.objects.filter(event=event):
        assert owed(registration) in HISTORIES[registration.status]


@pytest.mark.parametrize("limit", [1, 2])
def test_who_enrolls_in_three_events_of_a_series_at_once_is_in_as_many_as_its_limit(site: Site, limit: int) -> None:
    with transaction.atomic():
        series = Series.objects.create(limit_per_person=limit)
        events = [make.event(capacity=100, series=series) for _ in range(3)]
        people = members(10)

    for number, person in enumerate(people, 1):
        answers = at_once([partial(site.enroll, person, event) for event in events])

        assert outcomes(answers) == {(201, "confirmed"): limit, (409, "series_limit_reached"): 3 - limit}
        assert sum(pools(event)[""][0] for event in events) == number * limit
    assert [broken(event) for event in events] == [set()] * 3


def _pending(event: Event, addresses: list[str]) -> list[Registration]:
    """Return registrations to be confirmed, written at once."""
    start = now()
    more = {"created_at": start, "expires_at": start + timedelta(days=1), "attendance_type": "on_site"}
    rows = [Registration(event=event, full_name="Amina", email=address, **more) for address in addresses]
    return Registration.objects.bulk_create(rows)


def _heard(call: Call[Answer]) -> Call[Heard]:
    def run() -> Heard:
        asked = time.monotonic()
        return Heard(call(), asked, time.monotonic())

    return run


def _overtaken(heard: list[Heard]) -> list[Answer]:
    """Return who waits behind somebody who had not even asked yet when they were answered."""
    decided: dict[str, Heard] = {}  # of two answers about one registration, the second only repeats the first
    for each in heard:
        if each.answer.status < 300:
            other = decided.setdefault(each.answer.body["id"], each)
            moments = min(each.asked, other.asked), min(each.answered, other.answered)
            decided[each.answer.body["id"]] = Heard(each.answer, *moments)
    overtaken = []
    latest = 0.0  # those ahead had asked by this moment
    for each in sorted(decided.values(), key=_position):
        if _position(each) and each.answered < latest:
            overtaken.append(each.answer)
        latest = max(latest, each.asked)
    return overtaken


def _position(each: Heard) -> int:
    """Return the position in line, 0 for who has a seat."""
    return each.answer.body.get("position") or 0


def _check_one_of_two(answers: list[Answer]) -> None:
    """Fail unless both doors know of one and the same registration of somebody who came through both."""
    confirmed, enrolled = sorted(answers, key=lambda answer: answer.status)
    assert confirmed.status == 200
    assert enrolled.brief == (409, "already_enrolled") or enrolled.body["id"] == confirmed.body["id"]


def _deeds(rolls: random.Random, site: Site, person: Member, event: Event) -> list[Call[Answer]]:
    """Return what this person does next: one thing, or two at once."""
    enroll, leave = partial(site.enroll, person, event), partial(site.leave, person, event)
    standing = Registration.objects.filter(active_key=active_key(event.id, person.user.email)).first()
    if standing is None:
        return rolls.choice([[enroll], [enroll], [enroll, enroll], [enroll, leave]])
    if standing.status == "offered":
        accept = partial(site.accept, standing)
        return rolls.choice([[accept], [accept, accept], [accept, leave]])
    return rolls.choice([[leave], [leave, leave], [leave, enroll]])
