"""Webhooks: each thing that happens is handed out once, signed, and tried for three days."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.support import make
from tests.support.certified import certified
from tests.support.receiver import Received, Receiver, receiving
from turnout.accounts.actions.staff import activate, deactivate
from turnout.accounts.models import User
from turnout.certificates.actions import correct, revoke
from turnout.certificates.models import Certificate
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry
from turnout.events.models import Event
from turnout.notifications.feed.actions import number_new
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.notices import Notice, write
from turnout.notifications.webhooks.actions import (
    add,
    change,
    disable,
    forget_deliveries,
    remove,
    replay,
    rotate,
    send_test,
    sending,
)
from turnout.notifications.webhooks.actions.sending import SCHEDULE, send_to_any, send_to_prompt
from turnout.notifications.webhooks.models import KINDS, Attempt, Delivery, Webhook
from turnout.notifications.webhooks.network import Answer, PublicURL
from turnout.notifications.webhooks.rendering import render
from turnout.privacy.actions import erase
from turnout.privacy.queries import export
from turnout.registrations.actions import cancel
from turnout.registrations.actions.events import remove_event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _here_is_reached(settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as there:
        yield there


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go")


def hook(receiver: Receiver, event: Event | None = None, **fields: Any) -> Webhook:
    """Return a webhook of the event, or of the account that is named."""
    fields.setdefault("topic", event and event.pk)
    return add(PublicURL(f"http://127.0.0.1:{receiver.port}/hook"), actor="system", **fields)


def happen() -> None:
    """Let what was committed be handed out, and send all that is due now."""
    number_new()
    while send_to_any():
        pass


def resume(webhook: Webhook) -> None:
    """End a pause after failures, as some seconds would."""
    Webhook.objects.filter(pk=webhook.pk).update(resumes_at=now())


def told(received: Received) -> Any:
    return json.loads(received.body)


# --- What is told, and to whom -----------------------------------------------------------------------------------


def test_a_registration_is_told_by_a_signature_that_the_public_package_verifies(
    receiver: Receiver, event: Event
) -> None:
    webhook = hook(receiver, event)
    amina = make.confirmed(event, "amina")
    happen()
    (got,) = receiver.got
    delivery = Delivery.objects.get()
    assert Verifier(webhook.secret).verify(got.body, got.headers) == {
        "type": "registration.confirmed",
        "timestamp": shown(Entry.objects.get(topic=event.pk).at),
        "data": {
            "event": {
                "id": str(event.pk),
                "title": "Go",
                "starts_at": shown(event.starts_at),
                "ends_at": shown(event.ends_at),
                "timezone": "Africa/Algiers",
            },
            "registration": {
                "id": str(amina.pk),
                "status": "confirmed",
                "attendance_type": "on_site",
                "full_name": "Amina",
                "email": "amina@example.org",
            },
        },
    }
    assert got.headers["webhook-id"] == str(delivery.pk)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "Turnout-Webhooks/1"
    with pytest.raises(WebhookVerificationError):
        Verifier(webhook.secret).verify(got.body.replace(b"Amina", b"Bilal"), got.headers)
    assert (delivery.state, delivery.attempts) == ("sent", 1)
    assert [(each.status, each.error) for each in delivery.tries.all()] == [(204, "")]


def test_a_certificate_is_told_as_it_stands_and_nobodys_once_it_is_erased(receiver: Receiver, event: Event) -> None:
    hook(receiver, event, kinds=["certificate.issued", "certificate.corrected", "certificate.revoked"])
    certificate = certified(event, "amina")
    first = certificate.versions.get()
    happen()
    correct(certificate, "Amina B.", "A typing error.", actor="system")
    happen()
    revoke(certificate, "Given to the wrong person.", actor="system")
    erase(make.user("amina"))
    happen()

    said = [told(got) for got in receiver.got]

    expected = {
        "id": str(certificate.pk),
        "version": 1,
        "status": "valid",
        "role": "participant",
        "full_name": "Amina",
        "email": "amina@example.org",
        "registration": str(certificate.registration_id),
        "issued_at": shown(first.issued_at),
        "verify_url": f"http://127.0.0.1:8000/certificates/{certificate.pk}/",
    }
    corrected = said[1]["data"]["certificate"]
    assert [each["type"] for each in said] == ["certificate.issued", "certificate.corrected", "certificate.revoked"]
    assert said[0]["data"] == {"event": said[1]["data"]["event"], "certificate": expected}
    assert said[0]["data"]["event"]["id"] == str(event.pk)
    assert corrected == expected | {"version": 2, "full_name": "Amina B.", "issued_at": corrected["issued_at"]}
    assert said[2]["data"]["certificate"] == corrected | {"status": "erased", "full_name": None, "email": None}
    assert {delivery.body for delivery in Delivery.objects.filter(kind="certificate.issued")} == {""}


def test_of_a_certificate_without_its_event_the_account_hears_nothing_of_the_event(event: Event) -> None:
    certificate = certified(event, "amina")
    Certificate.objects.update(event=None)
    delivery = Delivery(kind="certificate.revoked", subject=certificate.pk, at=now())
    said = json.loads(render(delivery) or "")
    assert (said["data"]["event"], said["data"]["certificate"]["id"]) == (None, str(certificate.pk))
    assert render(Delivery(kind="certificate.issued", subject=event.pk, at=now())) is None


def shown(moment: Any) -> str:
    """Return it as JSON has it: in UTC, to the millisecond."""
    return str(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def test_each_hears_of_what_it_chose_at_its_event_or_at_all_of_its_account(
    receiver: Receiver, event: Event, owner: User
) -> None:
    other, foreign = make.event(owner=owner, waitlist_enabled=True, capacity=1), make.event(owner=make.user())
    paths = {
        "all": hook(receiver, event),
        "cancelled": hook(receiver, event, kinds=["registration.cancelled"]),
        "account": hook(receiver, account=owner.pk),
        "off": hook(receiver, event),
    }
    disable([paths["off"].pk], Webhook.Reason.TEAM, actor="system")
    cancel(make.confirmed(event), actor="system")
    make.confirmed(other)
    make.confirmed(other)
    make.confirmed(foreign)
    number_new()
    number_new()
    heard = {
        name: list(Delivery.objects.filter(webhook=webhook).order_by("id").values_list("kind", flat=True))
        for name, webhook in paths.items()
    }
    assert heard == {
        "all": ["registration.confirmed", "registration.cancelled"],
        "cancelled": ["registration.cancelled"],
        "account": [
            "registration.confirmed",
            "registration.cancelled",
            "registration.confirmed",
            "registration.waitlisted",
        ],
        "off": [],
    }


def test_an_event_that_is_cancelled_is_told_and_one_that_is_gone_is_not(receiver: Receiver, owner: User) -> None:
    event, gone = make.event(owner=owner), make.event(owner=owner)
    make.confirmed(event)
    number_new()
    hook(receiver, account=owner.pk)
    mine = hook(receiver, gone)
    remove_event(event)
    Entry.objects.create(topic=gone.pk, kind="event.changed", subject=gone.pk, account=owner.pk, at=now())
    number_new()
    remove_event(gone)
    happen()
    assert [told(got)["type"] for got in receiver.got] == ["event.cancelled"]
    assert told(receiver.got[0])["data"]["event"]["status"] == "cancelled"
    assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == ["sent", "stopped"]
    assert not Webhook.objects.filter(pk=mine.pk).exists()


def test_of_persons_notices_no_webhook_hears(receiver: Receiver, event: Event) -> None:
    seeker = make.user(role="seeker")
    hook(receiver, account=seeker.pk)
    make.enrolled(event, seeker)
    number_new()
    assert Entry.objects.filter(topic=seeker.pk).exists()
    assert not Delivery.objects.exists()


def test_handing_out_asks_as_much_for_many_as_for_one_and_the_deed_nothing(receiver: Receiver, event: Event) -> None:
    def statements(people: int, hooks: int) -> int:
        for _ in range(hooks):
            hook(receiver, event)
        for _ in range(people):
            make.confirmed(event)
        with CaptureQueriesContext(connection) as asked:
            number_new()
        return len(asked)

    statements(1, 1)
    assert statements(1, 1) == statements(5, 3)


def test_a_webhook_is_an_events_or_an_accounts_and_there_are_twenty_of_them_at_most(
    receiver: Receiver, event: Event
) -> None:
    for account, at in ((None, None), (new_id(), event)):
        with pytest.raises(IntegrityError), transaction.atomic():
            hook(receiver, at, account=account)
    first = hook(receiver, event)
    for _ in range(19):
        hook(receiver, event)
    with pytest.raises(ConflictError) as refused:
        hook(receiver, event)
    assert (refused.value.code, refused.value.data) == ("too_many_webhooks", {"most": 20})
    remove(first, actor="system")
    assert hook(receiver, event).slot == first.slot


# --- Trying again ------------------------------------------------------------------------------------------------


def test_what_fails_is_tried_for_three_days_with_one_id_and_one_body_and_then_given_up(
    receiver: Receiver, event: Event
) -> None:
    receiver.say(500, body=b"broken")
    webhook = hook(receiver, event)
    made = make.confirmed(event)
    waits = []
    with time_machine.travel(now(), tick=False) as clock:
        happen()
        made.full_name = "Changed"
        made.save()
        while (delivery := Delivery.objects.get()).state == "due":
            waits.append(delivery.due_at - now())
            happen()  # not before its time
            assert len(receiver.got) == len(waits)
            clock.shift(waits[-1])
            happen()
    assert len(waits) == len(SCHEDULE)
    assert all(least <= wait <= least * 1.1 for least, wait in zip(SCHEDULE, waits, strict=True))
    assert sum(SCHEDULE, timedelta()) > timedelta(days=3)
    assert len({(got.headers["webhook-id"], got.body) for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == len(SCHEDULE) + 1
    assert [(each.status, each.answer) for each in delivery.tries.all()] == [(500, "broken")] * (len(SCHEDULE) + 1)
    webhook.refresh_from_db()
    assert (delivery.state, webhook.disabled_reason) == ("dead", "failing")
    assert [(entry.kind, entry.subject) for entry in Entry.objects.filter(kind="webhook.disabled")] == [
        ("webhook.disabled", webhook.pk)
    ]
    assert AuditEntry.objects.filter(verb="webhook.disabled", subject=webhook.pk).count() == 1


def test_one_success_in_three_days_keeps_it_on(receiver: Receiver, owner: User) -> None:
    event = make.event(owner=owner, starts_at=now() + timedelta(days=30))
    webhook = hook(receiver, event)
    with time_machine.travel(now(), tick=False) as clock:
        for day in range(8):
            receiver.say(204 if day == 3 else 500)
            make.confirmed(event)
            happen()
            webhook.refresh_from_db()
            assert (webhook.disabled_at is None) == (day < 7), day
            clock.shift(timedelta(days=1))


def test_what_succeeds_at_last_is_sent_and_leaves_nothing_against_it(receiver: Receiver, event: Event) -> None:
    receiver.answers = [(500, {}, b""), (204, {}, b"")]
    webhook = hook(receiver, event)
    make.confirmed(event)
    with time_machine.travel(now(), tick=False) as clock:
        happen()
        webhook.refresh_from_db()
        assert (webhook.failures, webhook.prompt, webhook.failing_since) == (1, False, now())
        clock.shift(timedelta(seconds=6))
        happen()
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.prompt, webhook.failing_since) == (0, True, None)
    assert Delivery.objects.get().state == "sent"


@pytest.mark.parametrize("status", [301, 400, 404, 500])
def test_all_but_a_2xx_has_failed(receiver: Receiver, event: Event, status: int) -> None:
    receiver.say(status)
    hook(receiver, event)
    make.confirmed(event)
    happen()
    assert Delivery.objects.get().state == "due"


def test_who_answers_410_is_told_nothing_more(receiver: Receiver, event: Event) -> None:
    receiver.say(410)
    webhook = hook(receiver, event)
    make.confirmed(event)
    make.confirmed(event)
    happen()
    webhook.refresh_from_db()
    assert (webhook.disabled_reason, len(receiver.got)) == ("gone", 1)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"stopped"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, "The webhook CRM was switched off: it could not be reached for three days."),
        (410, "The webhook CRM was switched off: it answered that it is gone."),
    ],
)
def test_whose_webhook_is_switched_off_is_told_why(receiver: Receiver, owner: User, status: int, said: str) -> None:
    receiver.say(status)
    hook(receiver, account=owner.pk, label="CRM")
    make.confirmed(make.event(owner=owner))
    happen()
    with time_machine.travel(now() + timedelta(days=4)):
        happen()
    (notice,) = Entry.objects.filter(topic=owner.pk, kind="webhook.disabled")
    assert write(notice) == Notice(said, "/notifications/")


def test_who_is_busy_is_left_alone_for_as_long_as_they_ask(receiver: Receiver, event: Event) -> None:
    receiver.answers = [(429, {"Retry-After": "3600"}, b""), (204, {}, b"")]
    hook(receiver, event)
    make.confirmed(event)
    make.confirmed(event)
    with time_machine.travel(now(), tick=False) as clock:
        happen()
        clock.shift(timedelta(minutes=59))
        happen()
        assert len(receiver.got) == 1
        clock.shift(timedelta(minutes=2))
        happen()
    assert len(receiver.got) == 3


def test_ours_is_not_held_against_it(receiver: Receiver, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook = hook(receiver, event)
    make.confirmed(event)
    monkeypatch.setattr(sending, "render", lambda _delivery: 1 / 0)
    happen()
    webhook.refresh_from_db()
    assert (webhook.failures, Attempt.objects.get().error, Delivery.objects.get().state) == (0, "ours", "due")


def test_a_secret_that_can_be_read_no_more_signs_nothing(receiver: Receiver, event: Event, settings: Settings) -> None:
    hook(receiver, event)
    make.confirmed(event)
    Webhook.objects.update(secret="")  # as it reads then
    happen()
    assert (receiver.got, Attempt.objects.get().error) == ([], "ours")
    Delivery.objects.update(due_at=now())
    settings.KEYS_SECRET = ["another secret that opens nothing that was sealed before"]
    happen()
    assert (receiver.got, Attempt.objects.count()) == ([], 2)


# --- Turns -------------------------------------------------------------------------------------------------------


def test_those_who_are_slow_or_fail_wait_for_the_workers_that_others_do_not_need(
    receiver: Receiver, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, good = hook(receiver, event), hook(receiver, event)
    make.confirmed(event)
    number_new()
    took = {slow.pk: timedelta(seconds=9), good.pk: timedelta(seconds=1)}
    sent = []

    def post(webhook: Webhook, _delivery: Delivery, _body: str) -> Answer:
        sent.append(webhook.pk)
        return Answer(200, took=took[webhook.pk])

    monkeypatch.setattr(sending, "_post", post)
    assert [send_to_prompt(), send_to_prompt(), send_to_prompt()] == [1, 1, 0]
    make.confirmed(event)
    number_new()
    assert [send_to_prompt(), send_to_prompt()] == [1, 0]
    assert sent[2:] == [good.pk]
    assert [send_to_any(), sent[-1]] == [1, slow.pk]


def test_who_waited_longest_has_the_next_turn_and_a_turn_ends(receiver: Receiver, event: Event) -> None:
    busy, quiet = hook(receiver, event), hook(receiver, event, kinds=["registration.cancelled"])
    people = [make.confirmed(event) for _ in range(30)]
    number_new()
    assert send_to_any() == 20
    cancel(people[0], actor="system")
    number_new()
    assert send_to_any() == 1
    assert Delivery.objects.get(webhook=quiet).state == "sent"
    assert send_to_any() == 11
    assert not Delivery.objects.filter(webhook=busy, state="due").exists()


def test_after_failures_in_a_row_it_rests_and_others_go_on(receiver: Receiver, event: Event) -> None:
    receiver.say(500)
    webhook = hook(receiver, event)
    for _ in range(4):
        make.confirmed(event)
    number_new()
    rests = []
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(3):
            assert [send_to_any(), send_to_any()] == [1, 0]
            webhook.refresh_from_db()
            rests.append((webhook.resumes_at - now()).total_seconds())
            clock.shift(webhook.resumes_at - now())
    assert rests == [1, 2, 4]


# --- Leases ------------------------------------------------------------------------------------------------------


def test_while_one_worker_sends_no_other_does_and_after_a_crash_another_takes_over(
    receiver: Receiver, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(receiver, event)
    make.confirmed(event)
    number_new()
    others = []

    def crash(*_: Any) -> Answer:
        others.append(send_to_any())
        raise KeyboardInterrupt  # as a `kill` would: nothing is noted

    with monkeypatch.context() as crashing:
        crashing.setattr(sending, "_post", crash)
        crashing.setattr(sending, "_release", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            send_to_any()
    assert others == [0]
    assert send_to_any() == 0  # the lease still runs
    with time_machine.travel(now() + timedelta(seconds=61)):
        assert [send_to_any(), send_to_any()] == [1, 0]
    assert (len(receiver.got), Delivery.objects.get().attempts) == (1, 2)


def test_who_lost_the_lease_notes_nothing(receiver: Receiver, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request was long; another worker has sent it since, and its outcome is the one that counts."""
    hook(receiver, event)
    make.confirmed(event)
    number_new()
    once: list[bool] = []
    real = sending._post

    def slow(webhook: Webhook, delivery: Delivery, body: str) -> Answer:
        if once:
            return real(webhook, delivery, body)
        once.append(True)
        Webhook.objects.update(leased_until=now() - timedelta(seconds=1))
        assert send_to_any() == 1
        return Answer(500)

    monkeypatch.setattr(sending, "_post", slow)
    send_to_any()
    assert (Delivery.objects.get().state, Attempt.objects.count()) == ("sent", 1)
    assert Webhook.objects.get().failures == 0


def test_what_is_switched_off_or_removed_in_the_middle_of_a_turn_is_sent_nothing_more(
    receiver: Receiver, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sending._post
    for end in (
        lambda each: disable([each.pk], Webhook.Reason.TEAM, actor="system"),
        lambda each: remove(each, actor="system"),
        lambda each: [change(each, {"enabled": enabled}, actor="system") for enabled in (False, True)],
    ):
        webhook = hook(receiver, event)
        make.confirmed(event)
        make.confirmed(event)
        number_new()
        receiver.got.clear()

        def post(mine: Webhook, delivery: Delivery, body: str, end: Any = end) -> Answer:
            end(mine)
            return real(mine, delivery, body)

        monkeypatch.setattr(sending, "_post", post)
        happen()
        assert len(receiver.got) == 1
        assert not Delivery.objects.filter(webhook=webhook.pk, state="due").exists()


# --- What people do ----------------------------------------------------------------------------------------------


def test_for_a_day_after_a_change_both_secrets_verify(receiver: Receiver, event: Event) -> None:
    webhook = hook(receiver, event)
    old = webhook.secret
    new = rotate(webhook, actor="system").secret
    with time_machine.travel(now(), tick=False) as clock:
        for verify, hours in (((new, old), 23), ((new,), 2)):
            clock.shift(timedelta(hours=hours))
            make.confirmed(event)
            happen()
            got = receiver.got[-1]
            assert len(got.headers["webhook-signature"].split()) == len(verify)
            for secret in verify:
                assert Verifier(secret).verify(got.body, got.headers)
        forget_deliveries()
    assert Webhook.objects.filter(previous_secret__isnull=True, previous_until__isnull=True).exists()


def test_a_test_is_sent_once_and_says_nothing_against_it(receiver: Receiver, event: Event) -> None:
    webhook = hook(receiver, event)
    send_test(webhook, actor="system")
    happen()
    assert told(receiver.got[0])["data"] == {"webhook": {"id": str(webhook.pk)}}
    receiver.say(500)
    failing = send_test(webhook, actor="system")
    happen()
    failing.refresh_from_db()
    webhook.refresh_from_db()
    assert (told(receiver.got[1])["type"], failing.state) == ("webhook.test", "dead")
    assert (webhook.failures, webhook.prompt) == (0, True)


def test_what_was_given_up_or_sent_is_sent_again_with_the_same_id(receiver: Receiver, event: Event) -> None:
    webhook = hook(receiver, event)
    make.confirmed(event)
    number_new()
    delivery = Delivery.objects.get()
    with pytest.raises(ConflictError, match="still to be sent"):
        replay(delivery, actor="system")
    happen()
    replay(delivery, actor="system")
    happen()
    first, second = receiver.got
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert Verifier(webhook.secret).verify(second.body, second.headers)
    disable([webhook.pk], Webhook.Reason.TEAM, actor="system")
    with pytest.raises(ConflictError, match="switched off"):
        replay(delivery, actor="system")
    with pytest.raises(ConflictError, match="switched off"):
        send_test(webhook, actor="system")


def test_one_that_is_switched_on_again_starts_anew_and_what_was_stopped_stays_so(
    receiver: Receiver, event: Event
) -> None:
    receiver.say(500)
    webhook = hook(receiver, event)
    make.confirmed(event)
    happen()
    change(webhook, {"enabled": False}, actor="system")
    make.confirmed(event)
    number_new()
    receiver.say(204)
    webhook = change(webhook, {"enabled": True, "kinds": list(KINDS[:1])}, actor="system")
    assert (webhook.disabled_at, webhook.disabled_reason, webhook.failures) == (None, "", 0)
    happen()
    assert list(Delivery.objects.values_list("state", flat=True)) == ["stopped"]
    replay(Delivery.objects.get(), actor="system")
    happen()
    assert Delivery.objects.get().state == "sent"


def test_another_address_has_failed_at_nothing_yet(receiver: Receiver, event: Event) -> None:
    receiver.say(500)
    webhook = hook(receiver, event)
    make.confirmed(event)
    happen()
    webhook = change(webhook, {"url": PublicURL(f"http://127.0.0.1:{receiver.port}/new")}, actor="system")
    assert (webhook.failures, webhook.failing_since) == (0, None)
    replayed = Delivery.objects.get()
    assert (replayed.state, replayed.attempts) == ("due", 1)


def test_the_log_is_forgotten_after_thirty_days_but_for_what_is_due(receiver: Receiver, event: Event) -> None:
    with time_machine.travel(now() - timedelta(days=31)):
        hook(receiver, event)
        make.confirmed(event)
        happen()
        make.confirmed(event)
        number_new()
    assert [forget_deliveries(), forget_deliveries()] == [1, 0]
    assert (Delivery.objects.get().state, Attempt.objects.count()) == ("due", 0)


def test_what_was_handed_out_while_its_webhook_was_switched_off_is_stopped(receiver: Receiver, event: Event) -> None:
    off, on = hook(receiver, event), hook(receiver, event)
    make.confirmed(event)
    number_new()
    disable([off.pk], Webhook.Reason.TEAM, actor="system")
    Delivery.objects.update(state="due")  # as who handed out meanwhile, and knew nothing of it, leaves it
    forget_deliveries()
    states = {webhook: Delivery.objects.get(webhook=webhook).state for webhook in (off, on)}
    assert states == {off: "stopped", on: "due"}


# --- Whose it is -------------------------------------------------------------------------------------------------


def test_of_somebody_who_was_erased_no_name_is_told_again(receiver: Receiver, event: Event) -> None:
    receiver.say(500, body=b"amina@example.org has no seat")
    webhook = hook(receiver, event, kinds=["registration.confirmed"])
    amina = make.user("amina", role="seeker")
    made = make.enrolled(event, amina)
    happen()
    erase(amina)
    assert (Delivery.objects.get().body, Attempt.objects.get().answer) == ("", "")
    resume(webhook)
    with time_machine.travel(now() + timedelta(seconds=10)):
        happen()
    assert told(receiver.got[-1])["data"]["registration"] == {
        "id": str(made.pk),
        "status": "confirmed",
        "attendance_type": "on_site",
        "full_name": None,
        "email": None,
    }


def test_whoever_is_erased_takes_their_webhooks_along_and_an_export_names_them(
    receiver: Receiver, event: Event, owner: User
) -> None:
    of_account, of_event = hook(receiver, account=owner.pk), hook(receiver, event)
    foreign = hook(receiver, account=make.user().pk)
    listed = export(owner)["webhooks"]
    assert [(each["id"], each["url"]) for each in listed] == [
        (each.pk, f"http://127.0.0.1:{receiver.port}/hook") for each in (of_account, of_event)
    ]
    assert of_account.secret not in json.dumps(export(owner), default=str)
    erase(owner)
    assert list(Webhook.objects.values_list("pk", flat=True)) == [foreign.pk]


def test_the_webhooks_of_an_account_that_may_not_sign_in_and_of_its_events_are_off_and_stay_so(
    receiver: Receiver, event: Event, owner: User
) -> None:
    foreign = make.event(owner=make.user())
    theirs = {hook(receiver, account=owner.pk), hook(receiver, event)}
    hook(receiver, account=foreign.owner_id)
    hook(receiver, foreign)
    deactivate(owner, actor="system")
    activate(owner, actor="system")
    assert set(Webhook.objects.filter(disabled_reason="account")) == theirs
    assert Webhook.objects.filter(disabled_at=None).count() == 2


def test_neither_the_trail_nor_the_database_shows_a_secret(receiver: Receiver, event: Event) -> None:
    webhook = hook(receiver, event, label="CRM")
    make.confirmed(event, "amina")
    happen()
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, secret FROM notifications_webhook")
        rows = str(cursor.fetchall())
        cursor.execute("SELECT body FROM notifications_delivery")
        rows += str(cursor.fetchall())
    assert all(secret not in rows for secret in (webhook.secret, "127.0.0.1", "Amina"))
    (entry,) = AuditEntry.objects.filter(subject=webhook.pk)
    assert (entry.verb, entry.data) == ("webhook.added", {"host": "127.0.0.1", "kinds": [], "label": "CRM"})
    assert entry.actor == audit.SYSTEM
