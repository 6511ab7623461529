"""What each answer of a mail server, or of a provider, means."""

import smtplib
from types import SimpleNamespace

import pytest
from anymail.exceptions import AnymailAPIError, AnymailInvalidAddress, AnymailRecipientsRefused, AnymailRequestsAPIError
from requests import ConnectionError as NobodyThere

from turnout.notifications.failures import Failure, failure_of, said, was_dropped

LASTING, PASSING, BROKEN, OURS = Failure


def refused(code: int, text: bytes) -> smtplib.SMTPRecipientsRefused:
    """Return the error for a reply to RCPT."""
    return smtplib.SMTPRecipientsRefused({"a@example.org": (code, text)})


def answered(status: int, text: str = "") -> AnymailAPIError:
    """Return the error for an answer of a provider's API."""
    return AnymailAPIError(text, status_code=status, response=SimpleNamespace(reason="", text=text))


def timed_out() -> smtplib.SMTPServerDisconnected:
    """Return what smtplib makes of a server that says nothing."""
    try:
        try:
            raise TimeoutError
        except OSError:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed: timed out")  # noqa: B904  # as it does
    except smtplib.SMTPServerDisconnected as error:
        return error


@pytest.mark.parametrize(
    ("error", "means"),
    [
        # The recipient.
        (refused(550, b"no such user"), LASTING),
        (refused(550, b"5.1.1 no such user"), LASTING),
        (refused(550, b"5.1.1 the sender mistyped this"), LASTING),
        (refused(501, b"5.1.3 bad address"), LASTING),
        (refused(550, b"5.4.1 Recipient address rejected: Access denied"), LASTING),
        (refused(550, b"5.2.1 mailbox disabled"), LASTING),
        (refused(450, b"4.2.0 greylisted"), PASSING),
        (refused(451, b"5.1.1 says the enhanced code alone"), PASSING),
        (refused(550, b"4.7.1 says the enhanced code alone"), PASSING),
        (refused(452, b"4.2.2 mailbox full"), PASSING),
        (refused(552, b"5.2.2 mailbox full"), PASSING),
        (refused(552, b"mailbox full"), PASSING),
        (refused(550, b"5.7.1 on a list of spammers"), PASSING),
        (refused(554, b"5.7.606 banned"), PASSING),
        (refused(503, b"5.5.1 need MAIL first"), PASSING),
        # What the message says.
        (smtplib.SMTPDataError(554, b"rejected"), LASTING),
        (smtplib.SMTPDataError(552, b"5.3.4 too large"), LASTING),
        (smtplib.SMTPDataError(552, b"5.2.3 too large for this mailbox"), LASTING),
        (smtplib.SMTPDataError(554, b"5.7.1 looks like spam"), PASSING),
        (smtplib.SMTPDataError(451, b"try again"), PASSING),
        (smtplib.SMTPSenderRefused(552, b"5.3.4 too large", "us@example.org"), LASTING),
        (smtplib.SMTPNotSupportedError("SMTPUTF8"), LASTING),
        (ValueError("a header of two lines"), PASSING),
        # How we are known to the server.
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 bad password"), OURS),
        (smtplib.SMTPSenderRefused(530, b"5.7.0 authentication required", "us@example.org"), OURS),
        (smtplib.SMTPSenderRefused(553, b"5.7.1 not your address", "us@example.org"), OURS),
        (smtplib.SMTPSenderRefused(451, b"4.7.1 too many mails", "us@example.org"), OURS),
        (refused(530, b"5.7.0 authentication required"), OURS),
        (refused(550, b"5.1.8 no such domain"), OURS),
        (refused(550, b"relay not permitted"), OURS),
        (refused(550, b"Please turn on SMTP Authentication in your mail client"), OURS),
        (smtplib.SMTPDataError(550, b"sender not verified"), OURS),
        # The server.
        (smtplib.SMTPConnectError(421, b"busy"), OURS),
        (refused(421, b"closing"), OURS),
        (smtplib.SMTPServerDisconnected("gone"), BROKEN),
        (timed_out(), BROKEN),
        (smtplib.SMTPDataError(-1, b"no reply at all"), BROKEN),
        (ConnectionRefusedError(), BROKEN),
        (TimeoutError(), BROKEN),
        # A provider's API.
        (AnymailRecipientsRefused(), LASTING),
        (answered(400, "no such recipient"), LASTING),
        (answered(422), LASTING),
        (answered(422, "The 'From' address you supplied is not a Sender Signature on your account."), OURS),
        (AnymailAPIError("of an answer that can't be shown", status_code=400), LASTING),
        (answered(401), OURS),
        (answered(403), OURS),
        (answered(429), OURS),
        (answered(503), BROKEN),
        (type("Both", (AnymailRequestsAPIError, NobodyThere), {})("Error posting"), BROKEN),
        (AnymailInvalidAddress("of the sender, perhaps"), PASSING),
    ],
)
def test_what_it_means(error: Exception, means: Failure) -> None:
    assert failure_of(error) is means


@pytest.mark.parametrize("address", ["sender@x.org", "a!sender@x.org", "relay1@relay.org", "bilal@sender.relay.org"])
@pytest.mark.parametrize("form", ["<{}>: unknown", "{}... unknown", "unknown user: {}", "no {} here"])
def test_no_stranger_stops_all_mail_by_the_address_they_choose(address: str, form: str) -> None:
    for told in (address, address.partition("@")[0], address.partition("@")[2]):
        assert failure_of(refused(550, form.format(told).encode()), address) is LASTING
        assert failure_of(answered(422, form.format(told)), address) is LASTING
    assert failure_of(refused(550, b"relay not permitted"), "bilal@example.org") is OURS


@pytest.mark.parametrize(
    ("error", "dropped"),
    [
        (smtplib.SMTPServerDisconnected("gone"), True),
        (smtplib.SMTPDataError(421, b"closing"), True),
        (refused(421, b"closing"), True),
        (timed_out(), False),
        (refused(450, b"greylisted"), False),
        (ConnectionRefusedError(), False),
    ],
    ids=str,
)
def test_a_server_that_ended_the_connection_is_worth_another_try_at_once(error: Exception, *, dropped: bool) -> None:
    assert was_dropped(error) is dropped


def test_what_is_kept_of_an_error_is_short_and_names_nobody() -> None:
    kept = said(ValueError("<josé@example.org> password=hunter2 \0" + "x" * 1000))
    assert ("@" in kept, "hunter2" in kept, "\0" in kept, len(kept)) == (False, False, False, 500)
