"""An event with a hundred seats under attack, with real servers, a real worker and a real mail server."""

import pytest
from django.db import transaction

from tests.faults.attack import (
    DOMAINS,
    LIMITS,
    SEATS,
    SECONDS,
    SIZE,
    Letters,
    attack,
    guests_coming,
    picture,
)
from tests.races.mails import await_delivery, await_that, receiving
from tests.races.processes import Place, serving, working
from tests.support import make
from tests.support.databases import SQLITE
from turnout.core.errors import ConflictError
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.registrations.attacks.actions import roll_back, switch_event, undo
from turnout.registrations.attacks.models import Alarm
from turnout.registrations.attacks.queries import burst, quarantined
from turnout.registrations.models import Registration

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("place", [SQLITE], indirect=True)]
QUIET = 10  # seconds in which a hundred guests come to an event that nobody attacks


def fresh_event() -> Event:
    with transaction.atomic():
        Message.objects.all().delete()
        return make.event(capacity=SEATS)


def test_seed_a_is_attacked_again_and_every_seat_goes_to_a_guest(
    rows: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = Letters(seconds=0)
    with receiving(letters) as port, serving(rows, **LIMITS) as url, working(rows, port, **LIMITS):
        spared = fresh_event()
        with guests_coming(url, spared, letters, seconds=QUIET):
            pass
        await_delivery()
        as_it_was = picture(spared)
        letters.arrived.clear()

        event = fresh_event()
        with guests_coming(url, event, letters, seconds=SECONDS):
            statuses = attack(url, event, SIZE, seconds=SECONDS)
        await_that(Alarm.objects.filter(event=event, mode="detected").exists)
        forged = set(Registration.objects.filter(event=event, email__contains="victim").values_list("pk", flat=True))
        seen = burst(event)
        assert set(quarantined(event).values_list("pk", flat=True)) == forged
        assert (seen.total["confirmed"], seen.total["quarantined"]) == (SEATS, len(forged))
        assert sum("domain" in row["mail_domain"] for row in seen.domains) == DOMAINS

        assert letters.asked  # it was seen while it went on
        rolled_back = roll_back(event)
        await_delivery()
        after_it = picture(event)
        assert (rolled_back.count, after_it) == (len(forged), as_it_was)
        assert letters.most() <= 5

        undo(rolled_back)
        assert set(quarantined(event).values_list("pk", flat=True)) == forged
        assert roll_back(event).count == len(forged)
        await_delivery()
        assert (picture(event), letters.most() <= 5) == (as_it_was, True)
    told = f"{SIZE} registrations: {dict(statuses)}; {len(letters.arrived)} mails; {letters.asked} guests were asked"
    with capsys.disabled():
        print(f"\n{told} for a CAPTCHA")  # noqa: T201  # the figures


def test_without_mail_budgets_a_mailbox_is_flooded_and_without_attack_mode_nothing_can_be_rolled_back(
    rows: Place,
) -> None:
    letters, limits = Letters(seconds=0), {**LIMITS, "THROTTLE_MAILBOX": ""}
    with receiving(letters) as port, serving(rows, **limits) as url, working(rows, port, **limits):
        event = fresh_event()
        switch_event(event, "off", actor="system")
        attack(url, event, 100, seconds=0, mailboxes=5)
        await_delivery()
        assert letters.most() == 20
        with pytest.raises(ConflictError) as refused:
            roll_back(event)
        assert refused.value.code == "nothing_quarantined"
