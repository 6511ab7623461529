"""The test mail: through a real mail server, and what that answered."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from socket import create_server

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from turnout.notifications import kept
from turnout.reports.doctor import Level, send_test_mail, trial_mail


class Postbox:
    """Keeps what arrives, and answers as it is told to."""

    def __init__(self) -> None:
        self.arrived: list[Envelope] = []
        self.to_recipient = "250 OK"
        self.to_mail = "250 2.0.0 Ok: queued as 4RkX1z"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.to_recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        self.arrived.append(envelope)
        return self.to_mail


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    box = Postbox()
    settings.EMAIL_BACKEND = "turnout.notifications.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", _free_port()
    settings.MAIL_SHOWN, settings.MAIL_DELIVERED = False, True
    controller = Controller(box, hostname="127.0.0.1", port=settings.EMAIL_PORT)
    controller.start()
    yield box
    controller.stop()


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_a_test_mail_arrives_as_ours_do_and_the_servers_answer_is_told(postbox: Postbox, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.PUBLIC_BASE_URL = "turnout@club.dz", "https://events.club.dz"
    finding = send_test_mail("amina@example.org")
    (envelope,) = postbox.arrived
    mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
    assert (envelope.rcpt_tos, mail["Subject"], mail["From"]) == (
        ["amina@example.org"],
        "Test mail of Turnout",
        "Turnout <turnout@club.dz>",
    )
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert all("dmarc=pass" in part.get_content() for part in mail.iter_parts())
    assert mail["Message-ID"].endswith("@events.club.dz>")
    assert (finding.level, finding.says) == (
        "ok",
        f"The mail to amina@example.org was taken: 250 2.0.0 Ok: queued as 4RkX1z (Message-ID {mail['Message-ID']}).",
    )


@pytest.mark.parametrize(
    ("to_recipient", "to_mail", "said"),
    [
        ("550 5.1.1 No such mailbox", "250 OK", "550 5.1.1 No such mailbox"),
        ("451 4.7.1 Greylisted", "250 OK", "451 4.7.1 Greylisted"),
        ("250 OK", "554 5.7.1 Spam", "554 5.7.1 Spam"),
    ],
)
def test_a_refusal_is_told_with_its_code_and_what_to_do(
    postbox: Postbox, to_recipient: str, to_mail: str, said: str
) -> None:
    postbox.to_recipient, postbox.to_mail = to_recipient, to_mail
    finding = send_test_mail("amina@example.org")
    assert (finding.level, finding.says) == (Level.ERROR, f"The mail was not sent: {said}")
    assert ("try later" in finding.advice) == said.startswith("4")


def test_a_password_that_no_server_wants_is_told(postbox: Postbox, settings: Settings) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "turnout", "hidden"
    finding = send_test_mail("amina@example.org")
    assert (finding.level, postbox.arrived, "hidden" in str(finding)) == ("error", [], False)


def test_a_mail_server_that_is_away_is_told(postbox: Postbox, settings: Settings) -> None:
    settings.EMAIL_PORT = _free_port()
    finding = send_test_mail("amina@example.org")
    assert (finding.level, "ConnectionRefusedError" in finding.says, postbox.arrived) == ("error", True, [])
    assert "host, port and encryption" in finding.advice


def test_a_mail_server_that_hangs_holds_nobody_up_for_long(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_mail, "_PATIENCE", 0.2)
    settings.EMAIL_BACKEND = "turnout.notifications.smtp.EmailBackend"
    settings.MAIL_SHOWN = False
    with create_server(("127.0.0.1", 0)) as silent:  # takes a connection, and never says a word
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        assert send_test_mail("amina@example.org").level == "unknown"
        monkeypatch.setattr(trial_mail, "_PATIENCE", 5)
        monkeypatch.setattr(trial_mail, "_TIMEOUT", 0.2)
        finding = send_test_mail("amina@example.org")
    assert (finding.level, "timed out" in finding.says) == ("error", True)


def test_without_a_mail_server_nothing_is_sent(settings: Settings) -> None:
    settings.MAIL_DELIVERED = False
    assert send_test_mail("amina@example.org").level == "error"


def test_on_ones_own_machine_it_is_kept(settings: Settings) -> None:
    settings.EMAIL_BACKEND, settings.MAIL_SHOWN = "turnout.notifications.kept.EmailBackend", True
    assert "/mail/" in send_test_mail("amina@example.org").says
    assert [mail.message["To"] for mail in kept.latest()] == ["amina@example.org"]


@pytest.mark.parametrize("address", ["a@b\r\nBcc: everybody@example.org", "", "@", "a" * 2000])
def test_whatever_the_address_it_never_raises(postbox: Postbox, address: str) -> None:
    postbox.to_recipient = "550 No"
    assert (send_test_mail(address).level, postbox.arrived) == ("error", [])
