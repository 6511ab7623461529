"""Many doors at once, against a running server: one goes in by a ticket, and what is known in the end is what was."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from tests.races.visitors import Answer, Member, Site, at_once, dice, members
from tests.support import make
from tests.support.scale import FULL
from turnout.accounts.models import Role
from turnout.attendance.models import Scan
from turnout.attendance.outcomes import outcome_of
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.models import Event
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text

pytestmark = pytest.mark.servers

ROUNDS = 20 if FULL else 5
AT_ONCE = 20


def test_twenty_scans_of_one_ticket_at_once_let_one_in_and_tell_nineteen_when_that_was(site: Site) -> None:
    owner, event = door()
    for number in range(ROUNDS):
        guest = make.confirmed(event)
        answers = rush(site, owner, guest, number)

        results = Counter(str(answer.body["result"]) for answer in answers)
        assert results == {"checked_in": 1, "already_checked_in": AT_ONCE - 1}
        (first,) = (answer.body for answer in answers if answer.body["result"] == "checked_in")
        told = [answer.body["first"] for answer in answers if answer.body["result"] == "already_checked_in"]
        assert [(each["scan_id"], each["at"]) for each in told] == [(first["scan_id"], first["at"])] * (AT_ONCE - 1)
        assert misjudged(event) == []


def test_one_scan_sent_twenty_times_at_once_is_kept_once_and_answered_alike(site: Site) -> None:
    owner, event = door()
    for _ in range(ROUNDS):
        answers = at_once([partial(site.scan, owner, scan(ticket_text(make.confirmed(event))))] * AT_ONCE)

        assert {(answer.status, str(answer.body["result"])) for answer in answers} == {(200, "checked_in")}
        assert len({str(answer.body) for answer in answers}) == 1
    assert Scan.objects.filter(event=event).count() == ROUNDS


def test_who_went_out_comes_in_again_by_one_of_twenty_scans(site: Site) -> None:
    owner, event = door()
    for number in range(ROUNDS):
        guest = out_again(site, owner, event)
        answers = rush(site, owner, guest, number)

        assert Counter(str(answer.body["result"]) for answer in answers)["checked_in"] == 1
        assert misjudged(event) == []


def test_devices_that_find_the_network_at_once_and_scans_with_it_come_to_what_all_of_them_say(site: Site) -> None:
    owner, event = door()
    offline: list[dict[str, object]] = []
    for number in range(ROUNDS):
        rolls, guests = dice(number), [make.confirmed(event) for _ in range(4)]
        offline = [
            scan(ticket_text(rolls.choice(guests)), minutes=rolls.randint(1, 20), direction=rolls.choice(["in", "out"]))
            for _ in range(30)
        ]
        batches = [rolls.sample(offline, 20) for _ in range(6)]
        calls: list[Callable[[], Answer]] = [partial(site.sync, owner, batch) for batch in batches]
        calls += [partial(site.scan, owner, scan(ticket_text(guest))) for guest in guests]
        answers = at_once(calls)

        assert {answer.status for answer in answers} == {200}
        assert misjudged(event) == []
    names = {str(one["scan_id"]) for one in offline}
    assert {answer.status for answer in at_once([partial(site.sync, owner, offline)] * 4)} == {200}
    assert Scan.objects.filter(event=event, scan_id__in=names).count() == len(names)
    assert misjudged(event) == []


def door() -> tuple[Member, Event]:
    """Return an event and its owner, who scans."""
    (owner,) = members(1, role=Role.FACILITATOR)
    return owner, make.event(owner=owner.user)


def scan(ticket: str, *, minutes: float = 0, direction: str = "in") -> dict[str, object]:
    """Return a scan made so many minutes ago."""
    moment = (now() - timedelta(minutes=minutes)).isoformat()
    return {"ticket": ticket, "scan_id": str(new_id()), "scanned_at": moment, "direction": direction, "device": "Phone"}


def rush(site: Site, owner: Member, guest: Registration, seed: int) -> list[Answer]:
    """Scan one ticket at twenty doors at once, whose clocks differ by seconds."""
    rolls, shown = dice(seed), ticket_text(guest)
    return at_once([partial(site.scan, owner, scan(shown, minutes=rolls.random() / 10)) for _ in range(AT_ONCE)])


def out_again(site: Site, owner: Member, event: Event) -> Registration:
    """Return somebody who was in, and went out."""
    guest = make.confirmed(event)
    for minutes, direction in ((30, "in"), (20, "out")):
        site.scan(owner, scan(ticket_text(guest), minutes=minutes, direction=direction))
    return guest


def misjudged(event: Event) -> list[str]:
    """Return the scans that are not kept as what all of them come to; or, of two first entries, those."""
    places = defaultdict(list)
    for one in Scan.objects.passages().filter(event=event):
        places[one.registration_id, one.session_id].append(one)
    wrong = []
    for scans in places.values():
        outcome = outcome_of(scans)
        wrong += [one.scan_id for one in scans if one.result != outcome.results[one]]
        wrong += [one.scan_id for one in scans if (one.opens is not None) != (one is outcome.first)]
    return wrong
