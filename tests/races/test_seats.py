"""Seats, when many want them in the same moment: invariants 1 to 3a of the design, against a running server."""

import random
from collections import Counter
from functools import partial
from itertools import pairwise

import pytest
from django.db import transaction

from tests.races.processes import Place
from tests.races.visitors import Answer, Call, Site, at_once, broken, dice, inside, late, outcomes, owed, pools
from tests.support import make
from turnout.core.errors import ConflictError
from turnout.events.models import Event, SeatPool
from turnout.registrations.actions import change_capacity
from turnout.registrations.models import Registration

pytestmark = pytest.mark.servers

# What people may have been told by the end, by how they stand then.
HISTORIES = {
    "pending": [["confirm"]],
    "confirmed": [["confirm", "confirmed"], ["confirm", "waitlisted", "promoted"]],
    "waitlisted": [["confirm", "waitlisted"]],
    "cancelled": [
        ["confirm"],
        ["confirm", "confirmed", "cancelled"],
        ["confirm", "waitlisted", "cancelled"],
        ["confirm", "waitlisted", "promoted", "cancelled"],
    ],
}


def test_of_200_who_confirm_at_once_for_20_seats_20_are_seated_and_180_wait_in_order(site: Site) -> None:
    with transaction.atomic():
        event = make.event(capacity=20)
        people = [make.pending(event) for _ in range(200)]

    answers = at_once([partial(site.confirm, person) for person in people])

    assert outcomes(answers) == {(200, "confirmed"): 20, (200, "waitlisted"): 180}
    assert pools(event) == {"": (20, 180, 180)}
    assert broken(event) == set()
    line = Registration.objects.filter(event=event, status="waitlisted").order_by("place")
    assert [person.place for person in line] == list(range(1, 181))
    assert [site.show(person).body["position"] for person in line] == list(range(1, 181))
    told = {answer.body["id"]: answer.body["position"] for answer in answers if answer.outcome == "waitlisted"}
    assert told == {str(person.id): person.place for person in line}
    assert Counter(tuple(owed(person)) for person in people) == {
        ("confirm", "confirmed"): 20,
        ("confirm", "waitlisted"): 180,
    }


def test_in_100_rounds_of_cancel_against_confirm_the_last_seat_is_never_lost(site: Site) -> None:
    with transaction.atomic():
        event = make.event(capacity=1)
        people = [make.confirmed(event), *(make.pending(event) for _ in range(100))]
    rolls = dice(1)
    ends = set()

    for leaver, comer in pairwise(people):
        joined = pools(event)[""][2]
        cancelled, confirmed = at_once(
            [late(rolls, partial(site.cancel, leaver)), late(rolls, partial(site.confirm, comer))]
        )

        assert cancelled.brief == (200, "cancelled")
        assert owed(leaver)[-1] == "cancelled"
        taken, waiting, seq = pools(event)[""]
        counters = (taken, waiting, seq - joined)
        ends.add((*confirmed.brief, confirmed.body.get("position"), *owed(comer), counters, *broken(event)))

    assert ends == {
        (200, "confirmed", None, "confirm", "confirmed", (1, 0, 0)),
        (200, "waitlisted", 1, "confirm", "waitlisted", "promoted", (1, 0, 1)),
    }
    assert _statuses(event) == {"cancelled": 100, "confirmed": 1}


def test_who_confirms_two_registrations_at_once_has_one_seat(site: Site) -> None:
    with transaction.atomic():
        event = make.event(capacity=40)
        pairs = [[make.pending(event, f"twin{number}") for _ in range(2)] for number in range(20)]

    for number, twins in enumerate(pairs, 1):
        answers = at_once([partial(site.confirm, twin) for twin in twins])

        assert outcomes(answers) == {(200, "confirmed"): 2}
        assert answers[0].body == answers[1].body
        assert pools(event) == {"": (number, 0, 0)}
        assert sorted(owed(twins[0]) + owed(twins[1])) == ["confirm", "confirm", "confirmed"]
    assert _statuses(event) == {"confirmed": 20, "pending": 20}
    assert broken(event) == set()


def test_in_50_rounds_of_confirm_against_another_attendance_type_the_seat_is_taken_where_the_person_sits(
    site: Site,
) -> None:
    with transaction.atomic():
        event = make.event(by_type={"on_site": 50, "online": 50})
        people = [make.pending(event) for _ in range(50)]
    rolls = dice(3)

    for person in people:
        move = partial(site.change, person, attendance_type="online")
        confirmed, moved = at_once([late(rolls, partial(site.confirm, person)), late(rolls, move)])

        assert (confirmed.brief, moved.status) == ((200, "confirmed"), 200)

    assert pools(event) == {"on_site": (0, 0, 0), "online": (50, 0, 0)}
    assert broken(event) == set()


def test_in_50_rounds_of_cancel_against_another_attendance_type_both_are_answered_and_no_seat_is_lost(
    site: Site,
) -> None:
    with transaction.atomic():
        event = make.event(by_type={"on_site": 50, "online": 50})
        people = [make.confirmed(event) for _ in range(50)]
    rolls = dice(4)
    ends = set()

    for person in people:
        move = partial(site.change, person, attendance_type="online")
        cancelled, moved = at_once([late(rolls, partial(site.cancel, person)), late(rolls, move)])

        ends.add((cancelled.brief, moved.brief))

    assert pools(event) == {"on_site": (0, 0, 0), "online": (0, 0, 0)}
    assert broken(event) == set()
    assert ends == {
        ((200, "cancelled"), (200, "confirmed")),
        ((200, "cancelled"), (409, "registration_closed")),
    }


def test_after_a_storm_of_every_change_every_count_is_right_and_nobody_waits_beside_a_free_seat(
    site: Site, rows: Place
) -> None:
    with transaction.atomic():
        event = make.event(by_type={"on_site": 6, "online": 4})
        people = [make.pending(event, attendance_type=kind) for kind in ("on_site", "online") * 20]
    rolls = dice(2)
    answers: list[Answer] = []

    for _ in range(4):
        deeds = [_deed(rolls, site, person) for person in people * 2]
        deeds += [_organise(rows, pool, rolls.randint(3, 7)) for pool in SeatPool.objects.filter(event=event)]
        rolls.shuffle(deeds)
        answers += at_once(deeds)

    assert {answer.status for answer in answers} == {200, 409}
    assert broken(event) == set()
    for person in Registration.objects.filter(event=event):
        assert owed(person) in HISTORIES[person.status]


def _deed(rolls: random.Random, site: Site, person: Registration) -> Call[Answer]:
    """Return what this person does next."""
    change = partial(site.change, person, attendance_type=rolls.choice(["on_site", "online"]))
    return rolls.choices([partial(site.confirm, person), partial(site.cancel, person), change], [6, 1, 3])[0]


def _organise(place: Place, pool: SeatPool, capacity: int) -> Call[Answer]:
    """Return an organiser who changes how many may come."""

    def run() -> Answer:
        try:
            change_capacity(pool, capacity)
        except ConflictError as error:
            return Answer(409, {"code": error.code})
        return Answer(200, {"status": "changed"})

    return inside(place, run)


def _statuses(event: Event) -> Counter[str]:
    return Counter(Registration.objects.filter(event=event).values_list("status", flat=True))
