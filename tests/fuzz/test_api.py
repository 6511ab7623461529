"""Every endpoint, with what it asks for and with what it does not, on rows that are there and on rows that are not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import CHECKS

from tests.support import make
from turnout.accounts.actions import sessions
from turnout.api.tokens import tokens_of
from turnout.attendance.actions.devices import add_device, pair
from turnout.core import audit
from turnout.core.clock import now
from turnout.events.dates import Start
from turnout.notifications.webhooks.actions import add, send_test
from turnout.notifications.webhooks.network import public_url
from turnout.registrations.actions.series import make_series

schema = schemathesis.openapi.from_wsgi("/api/schema/", WSGIHandler(), headers={"Host": "localhost"})
NAMES = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """Keep the test's own connection open between requests, as Django's test client does."""
    ends = (signals.request_started, signals.request_finished)
    for end in ends:
        end.disconnect(close_old_connections)
    yield
    for end in ends:
        end.connect(close_old_connections)


@pytest.fixture
def known(db: None, _one_connection: None) -> dict[str, Any]:  # noqa: ARG001  # rows are made in it
    """Return what is there: ids by the beginning of an address, a registration's key, and the token of one on staff."""
    staff = make.staff()
    event = make.full_event(capacity=1, owner=staff)
    held = make.confirmed(event)
    device, door = pair(add_device(event, "Tablet", "", actor=audit.SYSTEM)[1])
    return {
        "access": tokens_of(sessions._begin(staff, second_factor=True))["access"],
        "/api/events/": str(event.id),
        "/api/series/": str(make_series(make.event(owner=staff), [Start(now() + timedelta(days=8), "")]).pk),
        "/api/workshops/": str(event.id),
        "/api/speakers/": str(event.speakers.all()[0].pk),
        "/api/partners/": str(event.partner_id),
        "/api/registrations/": str(held.id),
        "device": str(device.pk),
        "door": door,
        "code": add_device(event, "Phone", "", actor=audit.SYSTEM)[1],
        "key": held.manage_token,
        "token": make.pending(event).confirmation_token,
        "webhooks": [told_of(topic=event.pk), told_of(account=staff.pk)],
    }


def told_of(**whose: UUID) -> tuple[str, str]:
    """Return the ids of a webhook, and of something it was told."""
    webhook = add(public_url("https://93.184.215.14/"), actor=audit.SYSTEM, **whose)
    return str(webhook.pk), str(send_test(webhook, actor=audit.SYSTEM).pk)


@schema.parametrize()
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_answer_is_a_500_or_undocumented(case: Case[Any], known: dict[str, Any]) -> None:
    dice = int(case.id[-1], 36)
    if dice % 2:
        ask_for_what_is_there(case, known)
    if dice % 4 > 1:
        case.headers["Authorization"] = f"Bearer {known['door' if case.path.endswith('/devices/me/') else 'access']}"
    checks: list[Any] = [CHECKS.get_one(name) for name in NAMES]
    case.call_and_validate(checks=checks)


def ask_for_what_is_there(case: Case[Any], known: dict[str, Any]) -> None:
    parameters = case.path_parameters or {}
    for name in set(parameters) & {"id", "event_id", "registration_id", "series_id"}:
        parameters[name] = next((known[start] for start in known if case.path.startswith(start)), "")
        case.headers["X-Registration-Token"] = known["key"]
    if "/webhooks/" in case.path:
        webhook, delivery = known["webhooks"]["events" not in case.path]
        parameters |= {"webhook_id": webhook, "id": delivery} if "webhook_id" in parameters else {"id": webhook}
    if "/devices/" in case.path and "id" in parameters:
        parameters["id"] = known["device"]
    if isinstance(case.body, dict):
        case.body |= {"workshop": known["/api/events/"], "event": known["/api/events/"]}
        if case.path.endswith("confirm-email/"):
            case.body["token"] = known["token"]
        if case.path.endswith("pair/"):
            case.body["code"] = known["code"]
