"""A registration's states: all verbs in any order, by several people; after each it is asked what must always be true.

Hypothesis chooses the event, the people and the verbs. Many at once: tests/races.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import pytest
import time_machine
from django.db import transaction
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support import make
from tests.support.scale import FULL
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import DomainError
from turnout.events.models import Event, SeatPool
from turnout.notifications.models import Message
from turnout.registrations.actions import (
    cancel,
    change,
    change_capacity,
    confirm,
    enroll,
    expire_unconfirmed,
    register,
)
from turnout.registrations.actions.coming import ask_who_comes, release_unanswered, still_coming
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.actions.offers import MOST_OFFERS, accept, lapse_offers
from turnout.registrations.actions.reviews import approve, decline, move_in_line
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.models import Registration, RevokedTicket, active_key
from turnout.registrations.queries import position as position_of

pytestmark = pytest.mark.django_db

# Ten examples each: from the eleventh on hypothesis mostly repeats, a little changed, what it has tried.
SEEDS = range(100 if FULL else 5)
SETTINGS = settings(max_examples=10, stateful_step_count=30, deadline=None, database=None, print_blob=False)
NOBODY = "nobody"  # who is not registered yet

# Who is next in line, whatever frees a seat.
NEXT = {("waitlisted", "confirmed"), ("waitlisted", "offered")}
SEATED = {"confirmed", "waitlisted"}
# Which verb may lead from where to where. The contract's table is their union.
ARROWS: dict[str, set[tuple[str, str]]] = {
    "register": {(NOBODY, "pending")},
    "confirm": {("pending", status) for status in SEATED | {"in_review"}},
    "enroll": {(NOBODY, status) for status in SEATED | {"in_review"}},
    "approve": {("in_review", status) for status in SEATED},
    "decline": {("in_review", "declined")},
    "accept": {("offered", "confirmed")},
    "cancel": {(status, "cancelled") for status in ("pending", "in_review", "confirmed", "waitlisted", "offered")}
    | NEXT,
    "change": {("offered", "confirmed")} | NEXT,
    "change_capacity": NEXT,
    "lapse_offers": {("offered", "waitlisted"), ("offered", "cancelled"), ("offered", "confirmed")} | NEXT,
    "release_unanswered": {("confirmed", "cancelled")} | NEXT,
    "expire_unconfirmed": {("pending", "expired")},
    "move_in_line": set(),
    "reissue_ticket": set(),
    "still_coming": set(),
    "ask_who_comes": set(),
    "postpone": set(),
    "remove_event": set(),
}

TYPES = st.sampled_from(["on_site", "online"])
PEOPLE = ["amina", "bilal", "chloe", "daoud", "elif"]
SOMEBODY = st.integers(0, 59)
CAPACITIES = st.sampled_from([0, 1, 1, 2, 2, 3, None])
# What kind of event it is. What is rarer leads to fewer places.
BY_TYPE = [{"on_site": 1, "online": 1}, {"on_site": 1, "online": 2}, {"on_site": 0, "online": None}]
SEATS = st.sampled_from([{"capacity": 1}, {"capacity": 2}, *({"by_type": seats} for seats in BY_TYPE)])
REVIEW, NO_LINE = {"approval_required": True}, {"waitlist_enabled": False}
DOORS = st.sampled_from([{}, {}, {}, {}, REVIEW, REVIEW, NO_LINE, REVIEW | NO_LINE])
OFFERS = st.sampled_from([{}, {"offer_hours": 2}, {"offer_hours": 2}])
ASKS = st.sampled_from([{}, {"ask_hours": 60}, {"ask_hours": 60, "release_hours": 48}])
CROWD = st.lists(TYPES, min_size=3, max_size=5)  # who is there already
ACTIVE = {"in_review", "confirmed", "waitlisted", "offered"}
ENDED = {"cancelled", "declined", "expired"}
OWNER = "owner"
VERBS: dict[str, Callable[[Registration], object]] = {
    "confirm": lambda registration: confirm(registration.confirmation_token),
    "cancel": cancel,
    "accept": accept,
    "still_coming": still_coming,
    "approve": partial(approve, actor=OWNER),
    "decline": partial(decline, actor=OWNER),
    "move_in_line": partial(move_in_line, position=1, reason="They asked.", actor=OWNER),
    "reissue_ticket": reissue_ticket,
}


def where(*statuses: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a rule's precondition: somebody stands in one of these."""
    return precondition(lambda machine: any(row.status in statuses for row in machine.rows))


@dataclass(frozen=True)
class Seen:
    """How things stood."""

    status: dict[UUID, str]
    lines: list[list[UUID]]  # who waits, a line each pool
    is_cancelled: bool


class Seats(RuleBasedStateMachine):
    """One event, and five people who may come to it."""

    walked: ClassVar[set[tuple[str, str, str]]] = set()  # verb, whence, whither

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(now(), tick=False)
        self.time = self.clock.start()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)
        self.clock.stop()

    @initialize(seats=SEATS, doors=DOORS, offers=OFFERS, asks=ASKS, crowd=CROWD)
    def begin(
        self,
        seats: dict[str, Any],
        doors: dict[str, Any],
        offers: dict[str, Any],
        asks: dict[str, Any],
        crowd: list[str],
    ) -> None:
        start = now() + timedelta(hours=61)
        self.event = make.event(starts_at=start, hours=24, **seats, **doors, **offers, **asks)
        self.ever_seated: set[UUID] = set()
        self.tickets: set[UUID] = set()
        self.known: list[UUID] = []  # in the order in which they came: ids differ each time
        self.is_postponed = False
        self.look()
        for number, kind in enumerate(crowd):
            self.enroll(number, kind)

    # --- What people do ----------------------------------------------------------------------------------------------

    @rule(number=SOMEBODY, kind=TYPES)
    def register(self, number: int, kind: str) -> None:
        with self.doing("register"):
            register(self.event, make.guest(self.name(number), attendance_type=kind))

    @precondition(lambda machine: machine.absent())
    @rule(number=SOMEBODY, kind=TYPES)
    def enroll(self, number: int, kind: str) -> None:
        with self.doing("enroll"):
            enroll(self.event, make.guest(self.name(number), attendance_type=kind), actor=audit.GUEST)

    @where("pending")
    @rule(number=SOMEBODY)
    def confirm(self, number: int) -> None:
        self.act("confirm", self.choose(number, "pending"))

    @where(*ACTIVE)
    @rule(number=SOMEBODY)
    def cancel(self, number: int) -> None:
        self.act("cancel", self.choose(number, *ACTIVE))

    @where("offered")
    @rule(number=SOMEBODY)
    def accept(self, number: int) -> None:
        offered = self.choose(number, "offered")
        in_time = offered.offer_expires_at is not None and offered.offer_expires_at > now()
        self.act("accept", offered)
        assert (offered.id in self.ever_seated) == (in_time and self.event.status == Event.Status.PUBLISHED)

    @precondition(lambda machine: any(row.asked_at for row in machine.rows if row.status == "confirmed"))
    @rule(number=SOMEBODY)
    def still_coming(self, number: int) -> None:
        self.act("still_coming", self.choose(number, "confirmed"))

    @where(*ACTIVE)
    @rule(number=SOMEBODY, kind=TYPES)
    def change(self, number: int, kind: str) -> None:
        registration = self.choose(number, *ACTIVE)
        with self.doing("change", registration):
            change(registration, {"attendance_type": kind})

    # --- What the team does ------------------------------------------------------------------------------------------

    @where("in_review")
    @rule(number=SOMEBODY, word=st.sampled_from(["approve", "approve", "decline"]))
    def decide(self, number: int, word: str) -> None:
        self.act(word, self.choose(number, "in_review"))

    @where("waitlisted")
    @rule(number=SOMEBODY, position=st.integers(1, 5))
    def move_in_line(self, number: int, position: int) -> None:
        registration = self.choose(number, "waitlisted")
        length = next(len(line) for line in self.seen().lines if registration.id in line)
        with self.doing("move_in_line", registration):
            moved = move_in_line(registration, position, reason="They asked.", actor=OWNER)
            assert position_of(moved) == min(position, length)

    @where(*Registration.Status)
    @rule(number=SOMEBODY, verb=st.sampled_from(sorted(VERBS)))
    def anybody_does_anything(self, number: int, verb: str) -> None:
        self.act(verb, self.choose(number, *Registration.Status))

    @where(*ENDED)
    @rule(number=SOMEBODY, verb=st.sampled_from(sorted(VERBS)))
    def what_has_ended_stays_as_it_is(self, number: int, verb: str) -> None:
        self.act(verb, self.choose(number, *ENDED))

    @rule(last=st.booleans(), capacity=CAPACITIES)
    def change_capacity(self, *, last: bool, capacity: int | None) -> None:
        with self.doing("change_capacity"):
            pool = self.pools[-1 if last else 0]
            pool.event = self.event
            change_capacity(pool, capacity)

    @precondition(lambda machine: not machine.is_postponed)
    @rule()
    def postpone(self) -> None:
        hour = timedelta(hours=1)
        later = EventChange({"starts_at": self.event.starts_at + hour, "ends_at": self.event.ends_at + hour})
        with self.doing("postpone"):
            self.event = change_event(self.event, later)
        self.is_postponed = True

    @precondition(lambda machine: len(machine.rows) > 5 and machine.event.status == Event.Status.PUBLISHED)
    @rule()
    def remove_event(self) -> None:
        with self.doing("remove_event"):
            remove_event(self.event)
        self.event = Event.objects.get(pk=self.event.pk)

    @where("pending")
    @rule(number=SOMEBODY)
    def forget(self, number: int) -> None:
        """Let seven days pass for one who does not confirm."""
        forgotten = self.choose(number, "pending")
        Registration.objects.filter(pk=forgotten.pk).update(expires_at=now())
        self.work()

    # --- What time does ----------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 3, 12]))
    def wait(self, hours: int) -> None:
        self.time.shift(timedelta(hours=hours))

    @precondition(lambda machine: machine.deadlines())
    @rule(works=st.booleans())
    def reach_the_next_deadline(self, *, works: bool) -> None:
        self.time.move_to(min(self.deadlines()))
        if works:
            self.work()

    @rule()
    def work(self) -> None:
        came = {row.id for row in self.rows if row.status == "confirmed" and row.coming_at}
        for sweep in (expire_unconfirmed, lapse_offers, ask_who_comes, release_unanswered):
            before = self.seen()
            if sweep():
                self.look()
                self.compare(sweep.__name__, before)
        assert came <= {row.id for row in self.rows if row.status == "confirmed"}
        if self.event.status == Event.Status.PUBLISHED and self.event.ends_at > now():
            assert not Registration.objects.filter(offer_expires_at__lte=now()).exists()

    def deadlines(self) -> list[datetime]:
        """Return the moments to come at which something lapses or is asked."""
        moments = [self.event.asks_at]
        for row in self.rows:
            moments += [row.offer_expires_at, row.answer_by if row.status == "confirmed" else None]
        return [moment for moment in moments if moment is not None and moment > now()]

    # --- What must be so ---------------------------------------------------------------------------------------------

    def absent(self) -> list[str]:
        """Return who is not in."""
        present = {row.email.partition("@")[0] for row in self.rows if row.status in ACTIVE}
        return [name for name in PEOPLE if name not in present]

    def name(self, number: int) -> str:
        """Return somebody: mostly one who is not in."""
        names = self.absent() * 3 + PEOPLE
        return names[number % len(names)]

    def choose(self, number: int, *statuses: str) -> Registration:
        """Return a registration that stands in one of these."""
        rows = [row for row in self.rows if row.status in statuses]
        chosen = rows[number % len(rows)]
        chosen.event = self.event
        return chosen

    def act(self, verb: str, registration: Registration) -> None:
        """Do something to somebody's registration."""
        with self.doing(verb, registration):
            VERBS[verb](registration)

    @contextmanager
    def doing(self, verb: str, registration: Registration | None = None) -> Iterator[None]:
        """Let something be done, perhaps to this registration; then ask whether the verb may do what it did."""
        before = self.seen()
        with suppress(DomainError), transaction.atomic():
            yield
        self.look()
        self.compare(verb, before, registration.id if registration is not None else None)

    def compare(self, verb: str, before: Seen, whom: UUID | None = None) -> None:
        """Fail unless the verb, done to somebody's registration or to nobody's, may change what it changed."""
        after = self.seen()
        for pk, status in after.status.items():
            arrow = before.status.get(pk, NOBODY), status
            if arrow[0] != status:
                assert arrow in ARROWS[verb]
                assert whom in {None, pk} or arrow in NEXT
                assert not before.is_cancelled or status in {"cancelled", "expired"}
                assert verb not in {"confirm", "enroll"} or (status == "in_review") == self.event.approval_required
                self.walked.add((verb, *arrow))
        for was, became in zip(before.lines, after.lines, strict=True):
            others = [pk for pk in was if pk != whom]
            kept = [pk for pk in became if pk in others]
            assert others[len(others) - len(kept) :] == kept, "who left the line was not its first"

    def look(self) -> None:
        """Read all rows anew."""
        rows = Registration.objects.filter(event=self.event).in_bulk()
        self.known += [pk for pk in rows if pk not in self.known]
        self.rows = [rows[pk] for pk in self.known]
        self.pools = list(SeatPool.objects.filter(event=self.event).order_by("attendance_type"))
        self.ever_seated |= {row.id for row in self.rows if row.status == "confirmed"}

    def seen(self) -> Seen:
        """Return how things stood when last looked at."""
        lines = [[row.id for row in self.line(pool)] for pool in self.pools]
        return Seen({row.id: row.status for row in self.rows}, lines, self.event.status == Event.Status.CANCELLED)

    def counted(self, pool: SeatPool) -> list[Registration]:
        """Return whose seats are of this pool."""
        return [row for row in self.rows if pool.attendance_type in {"", row.attendance_type}]

    def line(self, pool: SeatPool) -> list[Registration]:
        """Return who waits for a seat of this pool, the first in line first."""
        return sorted((row for row in self.counted(pool) if row.status == "waitlisted"), key=lambda row: row.place or 0)

    @invariant()
    def all_is_well(self) -> None:
        self.every_counter_equals_a_recount()
        self.no_seat_is_sold_twice_and_nobody_waits_beside_a_free_one()
        self.everybody_in_line_has_a_place_of_their_own()
        self.everybody_is_in_once_and_who_is_has_the_key()
        self.who_was_ever_seated_and_nobody_else_has_a_ticket()
        self.a_ticket_that_was_replaced_and_no_other_is_revoked()
        self.everybody_was_told_what_became_of_them_once()
        self.nobody_is_where_the_event_puts_nobody()

    def every_counter_equals_a_recount(self) -> None:
        for pool in self.pools:
            count = Counter(row.status for row in self.counted(pool))
            recount = count["confirmed"] + count["offered"], count["offered"], count["waitlisted"]
            assert (pool.taken, pool.offered, pool.waiting) == recount

    def no_seat_is_sold_twice_and_nobody_waits_beside_a_free_one(self) -> None:
        for pool in self.pools:
            assert pool.capacity is None or pool.taken <= pool.capacity
            assert pool.closed or not pool.waiting or pool.taken == pool.capacity

    def everybody_in_line_has_a_place_of_their_own(self) -> None:
        for pool in self.pools:
            line = self.line(pool)
            places = [row.place or 0 for row in line]
            assert len(set(places)) == len(line)
            assert all(0 < place <= pool.seq for place in places)

    def everybody_is_in_once_and_who_is_has_the_key(self) -> None:
        active = [row for row in self.rows if row.status in ACTIVE]
        assert len({row.email for row in active}) == len(active)
        keys = {row.id: active_key(self.event.id, row.email) for row in active}
        assert {row.id: row.active_key for row in self.rows} == dict.fromkeys(row.id for row in self.rows) | keys

    def who_was_ever_seated_and_nobody_else_has_a_ticket(self) -> None:
        assert {row.id for row in self.rows if row.ticket_id} == self.ever_seated

    def a_ticket_that_was_replaced_and_no_other_is_revoked(self) -> None:
        standing = {row.ticket_id for row in self.rows if row.ticket_id}
        self.tickets |= standing
        revoked = RevokedTicket.objects.filter(registration__in=self.known)
        assert {each.ticket_id for each in revoked} == self.tickets - standing

    def everybody_was_told_what_became_of_them_once(self) -> None:
        mails = Message.objects.filter(subject__in=[row.id for row in self.rows])
        owed = Counter(mails.values_list("subject", "kind", "version"))
        assert set(owed.values()) <= {1}
        told = Counter((subject, kind.removeprefix("registration.")) for subject, kind, _ in owed)
        for row in self.rows:
            assert told[row.id, "confirmed"] + told[row.id, "promoted"] == (row.id in self.ever_seated)
            assert told[row.id, "declined"] == (row.status == "declined")
            assert told[row.id, "offered"] == row.offers <= MOST_OFFERS

    def nobody_is_where_the_event_puts_nobody(self) -> None:
        statuses = {row.status for row in self.rows}
        assert self.event.approval_required or statuses.isdisjoint({"in_review", "declined"})
        assert self.event.waitlist_enabled or "waitlisted" not in statuses
        assert self.event.offer_hours or "offered" not in statuses


@pytest.mark.long
def test_whatever_people_do_in_whatever_order_every_seat_is_somebodys_and_everybody_is_somewhere() -> None:
    Seats.walked.clear()

    for number in SEEDS:
        run_state_machine_as_test(seed(number)(Seats), settings=SETTINGS)

    assert {verb for verb, *_ in Seats.walked} == {verb for verb, arrows in ARROWS.items() if arrows}
    if FULL:
        assert Seats.walked == {(verb, *arrow) for verb, arrows in ARROWS.items() for arrow in arrows}
