"""The same races with a guard switched off: each must fail, or it proves nothing.

Each on one database where it surely does. What needs somebody between two statements does not fail on SQLite: there one
transaction writes at a time. Nor does the line on MariaDB: where its UPDATE looks a row up by a range of an index, as
here, it keeps that row locked though it hit none.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Model

from tests.races.mails import Postbox, await_that, owe_mails, receiving
from tests.races.processes import SABOTAGED, Place, serving, working
from tests.races.test_accounts import attempt_of, show
from tests.races.test_captcha import show_at_once
from tests.races.test_doors import door, out_again, rush
from tests.races.test_offers import SOON, asked_holder, offered_seat, soon, status_of, sweep
from tests.races.visitors import (
    BESIDE_A_FREE_SEAT,
    MISCOUNTED,
    ONE_PLACE_FOR_TWO,
    OVERSOLD,
    TWICE,
    Answer,
    Site,
    after,
    at_once,
    broken,
    inside,
    meanwhile,
    members,
    outcomes,
    press,
    visiting,
)
from tests.support import make
from tests.support.databases import MARIADB, POSTGRESQL, SQLITE
from turnout.accounts.models import MOST_TRIES, Role, SignUp
from turnout.attendance.models import Scan
from turnout.core.transactions import transactional
from turnout.events.models import SeatPool, Series
from turnout.registrations.actions import cancel, coming, offers, seats
from turnout.registrations.models import Registration

pytestmark = pytest.mark.servers

PAUSE = 0.4  # seconds: half of it is the way that a request may take on a busy machine
ROUNDS = 20
_release = coming._release


def test_without_the_condition_on_seats_many_get_an_error_and_without_the_constraint_a_seat_that_is_not_there(
    rows: Place,
) -> None:
    with sabotaged(rows, "take-unasked") as site:
        guarded, _ = _rush(site, people=12, seats=4)
        with without(SeatPool, "seats_never_oversold"):
            unguarded, found = _rush(site, people=12, seats=4)

    assert guarded == {(200, "confirmed"): 4, (500, "internal"): 8}
    assert unguarded == {(200, "confirmed"): 12}
    assert found == {OVERSOLD}


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_seats_asked_for_in_one_statement_and_taken_in_another_too_many_are_seated(rows: Place) -> None:
    with sabotaged(rows, "take-in-two-steps") as site, without(SeatPool, "seats_never_oversold"):
        found = _first_seen(lambda: _rush(site, people=40, seats=10)[1])

    assert found == {OVERSOLD}


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_condition_on_the_line_somebody_waits_beside_a_free_seat(rows: Place) -> None:
    with sabotaged(rows, "pause-before-line", "join-unasked") as site:
        found = _first_seen(lambda: _cancel_between_the_statements(site)[1])

    assert found == {BESIDE_A_FREE_SEAT}


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_the_condition_on_the_line_nobody_does_however_long_it_takes_between_the_statements(rows: Place) -> None:
    with sabotaged(rows, "pause-before-line") as site:
        ends = [_cancel_between_the_statements(site) for _ in range(5)]

    assert [found for _, found in ends] == [set()] * 5
    assert "confirmed" in [outcome for outcome, _ in ends]  # the seat did come free in between


@pytest.mark.parametrize("place", [MARIADB], indirect=True)
def test_without_the_unique_key_a_person_is_seated_twice_and_with_it_once_however_long_it_takes_to_decide(
    rows: Place,
) -> None:
    with sabotaged(rows, "pause-before-seat") as site:
        guarded = [_confirm_twice(site) for _ in range(3)]
        with without(Registration, "registration_active_once"):
            found = _first_seen(lambda: _confirm_twice(site))

    assert guarded == [set()] * 3
    assert found == {TWICE}


@pytest.mark.parametrize("place", [MARIADB], indirect=True)
def test_without_the_unique_key_who_comes_through_both_doors_is_in_twice(rows: Place) -> None:
    with sabotaged(rows, "pause-before-seat") as site:
        guarded = [_come_through_both_doors(site) for _ in range(3)]
        with without(Registration, "registration_active_once"):
            found = _first_seen(lambda: _come_through_both_doors(site))

    assert guarded == [set()] * 3
    assert found == {TWICE}


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_keys_of_a_series_a_person_is_in_more_of_its_events_than_the_limit(rows: Place) -> None:
    with sabotaged(rows, "pause-after-counting") as site:
        guarded = _enroll_in_three(site)
        with without(Registration, "registration_series_limit"):
            unguarded = _enroll_in_three(site)

    assert guarded == {(201, "confirmed"): 1, (409, "series_limit_reached"): 2}
    assert unguarded[201, "confirmed"] > 1


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_an_offer_looked_at_before_the_lock_its_seat_has_two_holders_unless_the_status_is_asked_again(
    rows: Place,
) -> None:
    with sabotaged(rows, "accept-as-read") as site:
        guarded = _accept_while_it_lapses(site, rows)
    with sabotaged(rows, "accept-as-read", "move-unasked") as site:
        unguarded = _accept_while_it_lapses(site, rows)

    assert guarded == ((410, "offer_expired"), set())
    assert unguarded == ((200, "confirmed"), {MISCOUNTED, OVERSOLD})


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_a_lapse_that_does_not_ask_again_who_has_accepted_loses_the_seat(rows: Place) -> None:
    with sabotaged(rows, "pause-in-accept") as site:
        guarded = _lapse_while_it_is_accepted(site, rows)
        with patch.object(offers, "_lapse", _lapse_unasked):
            unguarded = _lapse_while_it_is_accepted(site, rows)

    assert guarded == ((200, "confirmed"), "confirmed", set())
    assert unguarded == ((200, "confirmed"), "waitlisted", {MISCOUNTED})


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_a_release_that_does_not_ask_again_who_said_they_still_come_loses_the_seat(
    rows: Place, site: Site
) -> None:
    with patch.object(coming, "_release", _release_later):
        guarded = _answer_while_it_is_released(site, rows)
    with patch.object(coming, "_release", _release_unasked):
        unguarded = _answer_while_it_is_released(site, rows)

    assert guarded == ((200, "confirmed"), "confirmed")
    assert unguarded == ((200, "confirmed"), "cancelled")


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_lock_and_the_status_asked_again_who_is_declined_keeps_a_seat(rows: Place) -> None:
    with sabotaged(rows, "no-locks", "pause-before-deciding") as site:
        guarded = [_decide_twice(site) for _ in range(3)]
    with sabotaged(rows, "no-locks", "pause-before-deciding", "move-unasked") as site:
        found = _first_seen(lambda: _decide_twice(site))

    assert guarded == [set()] * 3
    assert found == {MISCOUNTED}


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_lock_two_moves_give_two_people_one_place_in_line(rows: Place) -> None:
    with sabotaged(rows, "pause-in-line") as site:
        guarded = _move_twice(site)
    with sabotaged(rows, "pause-in-line", "no-locks") as site:
        found = _first_seen(lambda: _move_twice(site))

    assert guarded == set()
    assert found == {ONE_PLACE_FOR_TWO}


@pytest.mark.parametrize("place", [SQLITE], indirect=True)
def test_without_the_hold_on_an_idempotency_key_every_post_is_a_deed(rows: Place) -> None:
    with sabotaged(rows, "no-hold") as site:
        event = make.event(capacity=5)
        fields = {"full_name": "Amina", "email": "amina@example.org", "attendance_type": "on_site"}
        answers = at_once([partial(site.register, "key", event=str(event.id), **fields)] * 20)

    assert outcomes(answers) == {(201, "pending"): 20}
    assert Registration.objects.filter(event=event).count() == 20


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_lease_two_workers_deliver_some_mails_twice(rows: Place) -> None:
    owe_mails(60)
    postbox = Postbox(seconds=0.02)
    worker = partial(working, rows, entrance=SABOTAGED, SABOTAGE="no-lease")

    with receiving(postbox) as port, worker(port), worker(port):
        await_that(lambda: len(postbox.arrived) > len(postbox.copies()))


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_a_limit_asked_about_in_one_statement_and_counted_in_another_more_are_admitted(rows: Place) -> None:
    with sabotaged(rows, "look-then-count", THROTTLE_REGISTRATION="5/hour") as site:
        statuses = press(site, make.event(), people=40)

    assert statuses.count(201) > 5


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_tries_looked_at_in_one_statement_and_counted_in_another_more_codes_are_compared(rows: Place) -> None:
    attempt = attempt_of("sabotaged@example.org")
    wrong = f"{(int(attempt.code) + 1) % 10**6:06}"
    with sabotaged(rows, "look-then-try") as site, without(SignUp, "sign_up_tries_are_counted"):
        answers = show(site, "verify", 30, email=attempt.email, otp=wrong)

    assert answers[400, "otp_invalid"] > MOST_TRIES


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_a_token_looked_at_in_one_statement_and_replaced_in_another_it_is_taken_more_than_once(
    rows: Place,
) -> None:
    user = make.user()
    with sabotaged(rows, "look-then-rotate") as site:
        sent = {"email": user.email, "password": make.PASSWORD}
        signed_in = site.client.post("/api/auth/login/", json=sent).json()
        answers = show(site, "refresh", 20, refresh=signed_in["refresh"])

    assert answers[200, ""] > 1


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_an_answer_asked_about_in_one_statement_and_spent_in_another_it_counts_more_than_once(rows: Place) -> None:
    with sabotaged(rows, "look-then-spend", CAPTCHA="altcha") as site:
        assert show_at_once(site)[201, "pending"] > 1


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_key_of_a_first_entry_several_go_in_by_one_ticket(rows: Place) -> None:
    with serving(rows) as url, visiting(url) as site, without(Scan, "scan_opens_once"):
        owner, event = door()
        assert _first_seen(lambda: _let_in(rush(site, owner, make.confirmed(event), seed=1))) == {TWICE}


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_lock_on_a_person_several_come_back_in_by_one_ticket(rows: Place) -> None:
    with sabotaged(rows, "no-locks") as site:
        owner, event = door()
        found = _first_seen(lambda: _let_in(rush(site, owner, out_again(site, owner, event), seed=1)))

    assert found == {TWICE}


@contextmanager
def sabotaged(place: Place, *names: str, **environment: str) -> Iterator[Site]:
    """Run a server with these guards switched off."""
    sabotage = {"SABOTAGE": " ".join(names), "PAUSE": str(PAUSE)} | environment
    with serving(place, SABOTAGED, **sabotage) as url, visiting(url) as site:
        yield site


@contextmanager
def without(model: type[Model], name: str) -> Iterator[None]:
    """Take a constraint from the database; in the end remove all rows that it may not like, and put it back."""
    constraint = next(constraint for constraint in model._meta.constraints if constraint.name == name)
    others = [other for other in model._meta.constraints if other is not constraint]
    # On SQLite the table is made anew from what the model says.
    with patch.object(model._meta, "constraints", others), connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        model._default_manager.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)


def _first_seen(race: Callable[[], set[str]]) -> set[str]:
    """Repeat a race until it breaks something, and return what."""
    return next((found for found in (race() for _ in range(ROUNDS)) if found), set())


def _let_in(answers: list[Answer]) -> set[str]:
    """Say that more than one of these scans let somebody in."""
    return {TWICE} if sum(answer.body.get("result") == "checked_in" for answer in answers) > 1 else set()


def _rush(site: Site, *, people: int, seats: int) -> tuple[dict[tuple[int, str], int], set[str]]:
    with transaction.atomic():
        event = make.event(capacity=seats)
        pending = [make.pending(event) for _ in range(people)]
    answers = at_once([partial(site.confirm, person) for person in pending])
    return outcomes(answers), broken(event)


def _cancel_between_the_statements(site: Site) -> tuple[str, set[str]]:
    """Return what one is told who finds no seat and joins the line while the seat comes free, and what that broke."""
    event = make.event(capacity=1)
    leaver, comer = make.confirmed(event), make.pending(event)
    confirmed, _ = at_once([after(0, partial(site.confirm, comer)), after(PAUSE / 2, partial(site.cancel, leaver))])
    return confirmed.outcome, broken(event)


def _come_through_both_doors(site: Site) -> set[str]:
    event, (member,) = make.event(capacity=5), members(1)
    guest = make.pending(event, email=member.user.email)
    at_once([partial(site.confirm, guest), partial(site.enroll, member, event)])
    return broken(event)


def _enroll_in_three(site: Site) -> Counter[tuple[int, str]]:
    series, (member,) = Series.objects.create(limit_per_person=1), members(1)
    return outcomes(at_once([partial(site.enroll, member, make.event(series=series)) for _ in range(3)]))


def _accept_while_it_lapses(site: Site, place: Place) -> tuple[tuple[int, str], set[str]]:
    """Return what one is told who accepts before the deadline, while the seat is passed on, and what that broke."""
    first, _ = offered_seat()
    lapse = inside(place, sweep(offers.lapse_offers, soon(first, "offer_expires_at")))
    accepted = meanwhile(partial(site.accept, first), lapse)
    return accepted.brief, broken(first.event)


def _lapse_while_it_is_accepted(site: Site, place: Place) -> tuple[tuple[int, str], str, set[str]]:
    """Return what one is told who accepts as the seat is passed on, how they stand then, and what that broke."""
    with transaction.atomic():
        event = make.event(capacity=2, offer_hours=2)
        leavers, (first, *_) = [make.confirmed(event) for _ in range(2)], [make.confirmed(event) for _ in range(3)]
        for leaver in leavers:
            cancel(leaver)
    lapse = inside(place, sweep(offers.lapse_offers, soon(first, "offer_expires_at")))
    accepted = meanwhile(partial(site.accept, first), lapse)
    return accepted.brief, status_of(first), broken(event)


def _answer_while_it_is_released(site: Site, place: Place) -> tuple[tuple[int, str], str]:
    """Return what one is told who answers as the seat is released, and how they stand then."""
    holder, _ = asked_holder()
    release = inside(place, sweep(coming.release_unanswered, soon(holder, "answer_by")))
    answered = meanwhile(after(SOON + PAUSE / 2, partial(site.still_coming, holder)), release)
    return answered.brief, status_of(holder)


def _decide_twice(site: Site) -> set[str]:
    (owner,) = members(1, role=Role.FACILITATOR)
    event = make.event(capacity=5, approval_required=True, owner=owner.user)
    person = make.confirmed(event)
    at_once([partial(site.decide, owner, person, word) for word in ("approve", "decline")])
    return broken(event)


def _move_twice(site: Site) -> set[str]:
    (owner,) = members(1, role=Role.FACILITATOR)
    event = make.event(capacity=0, owner=owner.user)
    first, second, *_ = [make.confirmed(event) for _ in range(3)]
    to_first = partial(site.decide, owner, second, "move", position=1, reason="She asked.")
    to_last = partial(site.decide, owner, first, "move", position=3, reason="She asked.")
    at_once([to_first, to_last])
    return broken(event)


@transactional
def _lapse_unasked(registration_id: UUID) -> bool:
    registration, pools = seats.locked(Registration.objects.select_related("event").get(pk=registration_id))
    offers._send_to_the_end(registration, pools[registration.attendance_type])
    return True


@transactional
def _release_unasked(registration_id: UUID) -> bool:
    time.sleep(PAUSE)
    registration, pools = seats.locked(Registration.objects.select_related("event").get(pk=registration_id))
    seats.leave(registration, Registration.Status.CANCELLED, pools)
    return True


def _release_later(registration_id: UUID) -> bool:
    time.sleep(PAUSE)
    return _release(registration_id)


def _confirm_twice(site: Site) -> set[str]:
    event = make.event(capacity=5)
    twins = [make.pending(event, f"twin{event.id.hex}") for _ in range(2)]
    at_once([partial(site.confirm, twin) for twin in twins])
    return broken(event)
