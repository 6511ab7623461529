"""Two words about one registration in the same moment: an offer, a decision, an answer, a place in line."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import transaction

from tests.races.processes import Place
from tests.races.visitors import Site, after, at_once, broken, dice, inside, late, meanwhile, members, outcomes, owed
from tests.support import make
from tests.support.scale import FULL
from turnout.accounts.models import Role
from turnout.core.clock import now
from turnout.registrations.actions import cancel
from turnout.registrations.actions.coming import release_unanswered
from turnout.registrations.actions.offers import lapse_offers
from turnout.registrations.models import Registration

pytestmark = pytest.mark.servers

ROUNDS = 100 if FULL else 15
SOON = 0.08  # seconds


def test_of_an_offer_that_is_accepted_as_it_lapses_there_is_one_holder(site: Site, rows: Place) -> None:
    rolls = dice(1)
    ends = set()

    for _ in range(ROUNDS):
        first, second = offered_seat()
        until = soon(first, "offer_expires_at")
        accept = after(rolls.uniform(0, 2 * SOON), partial(site.accept, first))
        accepted = meanwhile(accept, inside(rows, sweep(lapse_offers, until)))

        assert broken(first.event) == set()
        ends.add((accepted.brief, status_of(first), status_of(second)))

    assert ends == {
        ((200, "confirmed"), "confirmed", "waitlisted"),
        ((410, "offer_expired"), "waitlisted", "offered"),
    }


def test_of_an_offer_that_is_accepted_as_its_holder_cancels_there_is_one_holder(site: Site) -> None:
    rolls = dice(2)
    ends = set()

    for _ in range(ROUNDS):
        first, second = offered_seat()
        deeds = [partial(site.accept, first), partial(site.accept, first), partial(site.cancel, first)]
        *accepted, cancelled = at_once([late(rolls, deed) for deed in deeds])

        assert broken(first.event) == set()
        assert cancelled.brief == (200, "cancelled")
        assert set(outcomes(accepted)) <= {(200, "confirmed"), (410, "offer_expired")}
        ends.add((status_of(first), status_of(second)))
        assert owed(first)[-1] == "cancelled"

    assert ends == {("cancelled", "offered")}


def test_of_many_acceptances_at_once_all_are_answered_and_one_ticket_is_mailed(site: Site) -> None:
    first, _ = offered_seat()

    answers = at_once([partial(site.accept, first)] * 20)

    assert outcomes(answers) == {(200, "confirmed"): 20}
    assert owed(first) == ["confirm", "waitlisted", "offered", "confirmed"]
    assert broken(first.event) == set()


def test_of_two_who_approve_at_once_both_are_answered_and_one_seat_is_taken(site: Site) -> None:
    (owner,) = members(1, role=Role.FACILITATOR)
    with transaction.atomic():
        event = make.event(capacity=100, approval_required=True, owner=owner.user)
        people = [make.confirmed(event) for _ in range(20)]

    for person in people:
        answers = at_once([partial(site.decide, owner, person, "approve")] * 3)

        assert outcomes(answers) == {(200, "confirmed"): 3}
        assert owed(person) == ["confirm", "in_review", "confirmed"]
    assert broken(event) == set()


def test_of_an_approval_and_a_refusal_at_once_one_counts_and_the_other_is_told(site: Site) -> None:
    (owner,) = members(1, role=Role.FACILITATOR)
    with transaction.atomic():
        event = make.event(capacity=2, approval_required=True, owner=owner.user)
        people = [make.confirmed(event) for _ in range(ROUNDS)]
    rolls = dice(3)
    ends = set()

    for person in people:
        words = [partial(site.decide, owner, person, word) for word in ("approve", "decline")]
        approved, declined = at_once([late(rolls, word) for word in words])

        assert broken(event) == set()
        assert owed(person) == ["confirm", "in_review", status_of(person)]
        ends.add((approved.brief, declined.brief))

    assert ends == {
        ((200, "confirmed"), (409, "not_in_review")),
        ((200, "waitlisted"), (409, "not_in_review")),
        ((409, "not_in_review"), (200, "declined")),
    }


def test_of_a_seat_that_is_released_as_its_holder_answers_there_is_one_holder(site: Site, rows: Place) -> None:
    rolls = dice(4)
    ends = set()

    for _ in range(ROUNDS):
        holder, second = asked_holder()
        until = soon(holder, "answer_by")
        answer = after(rolls.uniform(0, 2 * SOON), partial(site.still_coming, holder))
        answered = meanwhile(answer, inside(rows, sweep(release_unanswered, until)))

        assert broken(holder.event) == set()
        ends.add((answered.brief, status_of(holder), status_of(second)))

    assert ends == {
        ((200, "confirmed"), "confirmed", "waitlisted"),
        ((409, "not_confirmed"), "cancelled", "confirmed"),
    }


def test_after_moves_in_line_against_joining_and_cancelling_everybody_keeps_a_place_of_their_own(
    site: Site,
) -> None:
    (owner,) = members(1, role=Role.FACILITATOR)
    rolls = dice(5)
    with transaction.atomic():
        event = make.event(capacity=1, owner=owner.user)
        people = [make.confirmed(event) for _ in range(5)]
    seen: Counter[tuple[int, str]] = Counter()

    for _ in range(ROUNDS):
        comer = make.pending(event)
        moves = [
            partial(site.decide, owner, person, "move", position=rolls.randint(1, 5), reason="She asked.")
            for person in rolls.sample(people, 3)
        ]
        leaver = people.pop(rolls.randrange(len(people)))
        people.append(comer)
        deeds = [*moves, partial(site.confirm, comer), partial(site.cancel, leaver)]
        seen += outcomes(at_once([late(rolls, deed) for deed in deeds]))

        assert broken(event) == set()

    assert set(seen) == {
        (200, "waitlisted"),
        (200, "cancelled"),
        (409, "not_waiting"),
    }


def offered_seat() -> tuple[Registration, Registration]:
    """Return who is offered an event's one seat, and who stands in line for it."""
    with transaction.atomic():
        event = make.event(capacity=1, offer_hours=2)
        leaver, first, second = (make.confirmed(event) for _ in range(3))
        cancel(leaver)
    return first, second


def asked_holder() -> tuple[Registration, Registration]:
    """Return who was asked whether they still come to an event with one seat, and who stands in line for it."""
    with transaction.atomic():
        event = make.event(capacity=1, ask_hours=20, release_hours=2)
        holder, second = make.confirmed(event), make.confirmed(event)
        Registration.objects.filter(pk=holder.pk).update(asked_at=now())
    return holder, second


def soon(registration: Registration, deadline: str) -> datetime:
    """Let a deadline of theirs be in a moment, and return it."""
    until = now() + timedelta(seconds=SOON)
    Registration.objects.filter(pk=registration.pk).update(**{deadline: until})
    return until


def sweep(action: Callable[[], int], until: datetime) -> Callable[[], int]:
    """Return what the worker does once the deadline is reached."""

    def run() -> int:
        time.sleep(max(0, (until - now()).total_seconds()))
        return action()

    return run


def status_of(registration: Registration) -> str:
    return str(Registration.objects.values_list("status", flat=True).get(pk=registration.pk))
