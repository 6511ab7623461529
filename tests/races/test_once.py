"""The same request many times at once: invariant 6 of the design, against a running server."""

from functools import partial

import pytest

from tests.races.visitors import Answer, Site, at_once, members, outcomes, owed
from tests.support import make
from turnout.accounts.models import Role
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.registrations.models import Mailing, Registration

pytestmark = pytest.mark.servers


def test_twenty_posts_at_once_under_one_idempotency_key_are_one_registration_and_one_mail(site: Site) -> None:
    event = make.event(capacity=5)

    for number in range(5):
        post = _post(site, event, number)
        answers = at_once([post] * 20)

        assert set(outcomes(answers)) <= {(201, "pending"), (409, "idempotency_in_progress")}
        registration = Registration.objects.get(event=event, email=f"guest{number}@example.com")
        assert owed(registration) == ["confirm"]
        replies = [answer.body for answer in [*answers, post()] if answer.status == 201]
        assert replies == [replies[0]] * len(replies)
        assert replies[0]["id"] == str(registration.id)


def test_twenty_refused_posts_at_once_under_one_idempotency_key_are_refused_and_leave_nothing(site: Site) -> None:
    event = make.event(status=Event.Status.CANCELLED)

    for number in range(10):
        post = _post(site, event, number)
        answers = at_once([post] * 20)

        assert set(outcomes(answers)) <= {(409, "registration_closed"), (409, "idempotency_in_progress")}
        assert post().brief == (409, "registration_closed")
    assert not Registration.objects.filter(event=event).exists()


def test_ten_posts_at_once_under_one_idempotency_key_are_one_mailing(site: Site) -> None:
    (owner,) = members(1, role=Role.FACILITATOR)
    for number in range(3):
        event = make.event(owner=owner.user)
        people = [make.confirmed(event) for _ in range(3)]
        post = partial(site.write, owner, event, f"mailing-{number}", subject="News", body="Dear {name}")
        answers = at_once([post] * 10)

        assert {answer.status for answer in answers} <= {201, 409}
        (mailing,) = Mailing.objects.filter(event=event)
        assert {answer.body["id"] for answer in [*answers, post()] if answer.status == 201} == {str(mailing.pk)}
        subjects = mailing.recipients.values("pk")
        assert Message.objects.filter(kind="mailing.message", subject__in=subjects).count() == len(people)


def _post(site: Site, event: Event, number: int) -> partial[Answer]:
    fields = {"full_name": "Amina", "email": f"guest{number}@example.com", "attendance_type": "on_site"}
    return partial(site.register, f"{event.id}-{number}", event=str(event.id), **fields)
