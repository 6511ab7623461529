"""Mail through a provider, by django-anymail: how it is sent, and what the provider tells of it."""

from base64 import b64encode
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from anymail.backends.test import EmailBackend
from anymail.exceptions import AnymailAPIError
from django.core import mail
from django.test import Client
from pytest_django import Settings

from tests.config.test_settings import SOUND, manage
from tests.support import make
from turnout.config.esp import tracking
from turnout.config.urls import urlpatterns
from turnout.notifications.actions import deliver_due
from turnout.notifications.actions.delivery import _server
from turnout.notifications.models import Message

SECRET = "provider:0123456789"
POSTMARK = "anymail.backends.postmark.EmailBackend"
TRACKING = "/anymail/postmark/tracking/"


@pytest.fixture
def sent(settings: Settings) -> Message:
    """Return a message that the provider has taken."""
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    make.pending(make.event())
    deliver_due()
    return Message.objects.get()


@pytest.fixture
def provider(settings: Settings) -> Client:
    """Return the provider, who knows the secret."""
    settings.EMAIL_BACKEND, settings.ANYMAIL = POSTMARK, {"WEBHOOK_SECRET": SECRET}
    urls = ModuleType("urls")
    vars(urls).update(vars(import_module("turnout.config.urls")), urlpatterns=[*tracking(), *urlpatterns])
    settings.ROOT_URLCONF = urls
    authorization = f"Basic {b64encode(SECRET.encode()).decode()}"
    return Client(SERVER_NAME="localhost", headers={"Authorization": authorization}, enforce_csrf_checks=True)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """Return what Postmark says, shortened."""
    return {"RecordType": kind, "MessageID": "883953f4", "Email": "a@example.org", **fields}


@pytest.mark.django_db
def test_a_provider_gets_our_ids_with_the_mail_and_the_address_that_it_comes_back_to(settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.BOUNCE_ADDRESS = "anymail.backends.test.EmailBackend", "bounces@example.net"
    make.pending(make.event())
    deliver_due()
    message, given = Message.objects.get(), vars(mail.outbox[0])["anymail_test_params"]
    assert (message.state, given["metadata"], given["envelope_sender"]) == (
        "sent",
        {"message": message.pk.hex},
        "bounces@example.net",
    )
    assert given["extra_headers"]["Message-ID"] == f"<{message.pk}@127.0.0.1>"
    assert str(given["from"]) == "Turnout <turnout@localhost.localdomain>"


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "becomes"), [(422, ("dead", 1)), (401, ("due", 0)), (503, ("due", 1))])
def test_what_a_provider_refuses_is_given_up_and_what_it_refuses_us_waits(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, status: int, becomes: tuple[str, int]
) -> None:
    def refuse(*_: object) -> None:
        raise AnymailAPIError("refused", status_code=status, response=SimpleNamespace(reason="", text=""))

    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    monkeypatch.setattr(EmailBackend, "post_to_esp", refuse)
    make.pending(make.event())
    deliver_due()
    _server.works()
    message = Message.objects.get()
    assert (message.state, message.attempts) == becomes


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("told", "bounce"),
    [
        (
            event("Bounce", Type="HardBounce", Details="550 5.1.1 <a@example.org> unknown"),
            "bounced: bounced: 550 5.1.1",
        ),
        (event("Bounce", Type="BadEmailAddress", Details="no such"), "rejected: invalid: no such"),
        (event("Delivery", Details="250 OK"), ""),
        (event("Open"), ""),
    ],
    ids=["bounced", "rejected", "delivered", "opened"],
)
def test_what_comes_back_to_the_provider_is_noted(
    sent: Message, provider: Client, told: dict[str, Any], bounce: str
) -> None:
    answer = provider.post(TRACKING, told | {"Metadata": {"message": sent.pk.hex}}, content_type="application/json")
    sent.refresh_from_db()
    assert (answer.status_code, sent.bounce[: len(bounce)]) == (200, bounce)
    assert (bool(bounce), "@" in sent.bounce) == (sent.bounced_at is not None, False)


@pytest.mark.django_db
@pytest.mark.parametrize("named", [{}, {"Metadata": {"message": "0" * 32}}, {"Metadata": {"message": ["x"]}}])
def test_what_is_not_ours_is_ignored(sent: Message, provider: Client, named: dict[str, Any]) -> None:
    answer = provider.post(TRACKING, event("Bounce", Type="HardBounce", **named), content_type="application/json")
    sent.refresh_from_db()
    assert (answer.status_code, sent.bounced_at) == (200, None)


@pytest.mark.django_db
def test_a_stranger_tells_nothing(sent: Message, provider: Client) -> None:
    told: Any = event("Bounce", Type="HardBounce", Metadata={"message": sent.pk.hex})
    for authorization in ("", "Basic x", f"Basic {b64encode(b'provider:guess').decode()}", "Basic \u00e9"):
        stranger = Client(SERVER_NAME="localhost", headers={"Authorization": authorization})
        sent_to_us: list[Any] = [told, "{", []]
        answers = [stranger.post(TRACKING, content, content_type="application/json") for content in sent_to_us]
        assert [answer.status_code for answer in answers] == [400] * 3
    for elsewhere in ("/anymail/mailgun/tracking/", "/anymail/postmark/inbound/"):
        assert provider.post(elsewhere, told, content_type="application/json").status_code == 404
    sent.refresh_from_db()
    assert sent.bounced_at is None


def test_without_a_secret_there_is_no_address(settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.ANYMAIL = POSTMARK, {"POSTMARK_SERVER_TOKEN": "x"}
    assert tracking() == []
    settings.ANYMAIL = {}
    assert tracking() == []


@pytest.mark.parametrize("esp", ["mailgun", "amazon_ses", "mandrill", "brevo"])
def test_each_provider_has_one_address(settings: Settings, esp: str) -> None:
    settings.EMAIL_BACKEND, settings.ANYMAIL = f"anymail.backends.{esp}.EmailBackend", {"WEBHOOK_SECRET": SECRET}
    addresses = [str(pattern.pattern) for pattern in tracking()]
    assert [address.startswith(f"anymail/{esp}/") for address in addresses] == [True] * len(addresses)
    assert 1 <= len(addresses) <= 2  # Mandrill has an older one


@pytest.mark.long
def test_a_provider_is_set_by_the_environment_alone(tmp_path: Path) -> None:
    given = SOUND | {
        "EMAIL_BACKEND": "anymail.backends.mailgun.EmailBackend",
        "ANYMAIL_MAILGUN_API_KEY": "key",
        "ANYMAIL_WEBHOOK_SECRET": SECRET,
        "ANYMAIL_IGNORE_UNSUPPORTED_FEATURES": "False",
        "PUBLIC_BASE_URL": "https://events.example.org",
    }
    assert manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **given).returncode == 0
    ask = (
        "from django.conf import settings as s; from django.urls import resolve; import json;"
        "print(s.MAIL_DELIVERED, json.dumps(s.ANYMAIL, sort_keys=True), resolve('/anymail/mailgun/tracking/').url_name)"
    )
    assert manage(tmp_path, "shell", "-v0", "-c", ask, **given).stdout == (
        'True {"IGNORE_UNSUPPORTED_FEATURES": false, "MAILGUN_API_KEY": "key", "REQUESTS_TIMEOUT": 10, '
        f'"WEBHOOK_SECRET": "{SECRET}"}} mailgun_tracking_webhook\n'
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MAIL_RATE": "often"}, "MAIL_RATE must read like 300/hour"),
        ({"MAIL_RATE_PER_DOMAIN": "gmail.com"}, "MAIL_RATE_PER_DOMAIN must read like gmail.com=600/hour"),
        ({"MAIL_RATE_PER_DOMAIN": "gmail.com=x"}, "MAIL_RATE_PER_DOMAIN must read like gmail.com=600/hour"),
    ],
)
def test_a_rate_that_is_none_is_refused(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    assert said in manage(tmp_path, "check", **environment).stderr


def test_rates_are_read(tmp_path: Path) -> None:
    ask = "from django.conf import settings as s; print(s.MAIL_RATE, s.MAIL_RATE_PER_DOMAIN)"
    given = {"MAIL_RATE": "300/hour", "MAIL_RATE_PER_DOMAIN": "Gmail.com=20/minute,600/hour *=1000/hour"}
    assert manage(tmp_path, "shell", "-v0", "-c", ask, **given).stdout == (
        "(Window(amount=300, seconds=3600),) {'gmail.com': (Window(amount=20, seconds=60), "
        "Window(amount=600, seconds=3600)), '*': (Window(amount=1000, seconds=3600),)}\n"
    )
