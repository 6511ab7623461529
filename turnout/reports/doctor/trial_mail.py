"""A test mail: composed as all our mails are, sent at once, and what the mail server answered."""

import smtplib
from collections.abc import Callable
from concurrent.futures import wait
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

from turnout.core.ids import new_id
from turnout.notifications.mail import Mail, compose
from turnout.notifications.mail import render as render_template
from turnout.notifications.models import Message
from turnout.reports.doctor.findings import Finding, Level, Remark, begin, error, in_words, ok, unknown

_TIMEOUT = 5  # seconds for each step of the mail server
_PATIENCE = 20.0  # seconds for all of them
_NAME = "Test mail"

Answer = tuple[int, bytes]


def render(_message: Message) -> Mail:
    """Return what a test mail says."""
    context = {"site": settings.SITE_NAME, "address": settings.PUBLIC_BASE_URL}
    return Mail(f"Test mail of {settings.SITE_NAME}", *render_template("reports/mail/test", context))


def send_test_mail(address: str) -> Finding:
    """Send one, beside the outbox, and return how the mail server answered, within twenty seconds. It never raises."""
    outcome = begin(partial(_send, address))
    wait([outcome], timeout=_PATIENCE)
    if not outcome.done():
        return Finding(_NAME, Level.UNKNOWN, f"The mail server took more than {_PATIENCE:.0f} seconds.", _advice(0))
    fault = outcome.exception()
    if fault is None:
        return Finding(_NAME, *outcome.result())
    return Finding(_NAME, Level.ERROR, f"The mail was not sent: {_said_by(fault)}", _advice(_code_of(fault)))


def _send(address: str) -> Remark:
    if not settings.MAIL_DELIVERED:
        return error("No mail server is named, so nothing was sent.", "Set EMAIL_URL.")
    mail = compose(Message(id=new_id(), kind="doctor.test", subject=new_id(), recipient=address))
    if mail is None:  # pragma: no cover  # ours always has something to say
        return unknown("There was nothing to send.")
    answers: list[Answer] = []
    mailer = get_connection(timeout=_TIMEOUT)
    try:
        mailer.open()
        _overhear(mailer, answers.append)
        sent = mailer.send_messages([mail])
    finally:
        mailer.close()
    if sent == 0:
        return error(f"Nothing was sent to {address!r}.", "Name an address.")
    if settings.MAIL_SHOWN:
        return ok("The mail was kept on this machine, to be read at /mail/.")
    by = "; ".join(_in_words(*answer) for answer in answers) or settings.EMAIL_BACKEND
    return ok(
        f"The mail to {address} was taken: {by} (Message-ID {mail.extra_headers['Message-ID']}).",
        "Look whether it arrived, and not among the spam.",
    )


def _overhear(mailer: BaseEmailBackend, tell: Callable[[Answer], None]) -> None:
    """Tell what an SMTP server answers to the mail itself, which smtplib keeps to itself where it is well."""
    server = getattr(mailer, "connection", None)
    if not isinstance(server, smtplib.SMTP):
        return
    data = server.data

    def overheard(content: Any) -> Answer:
        answer = data(content)
        tell(answer)
        return answer

    server.data = overheard  # type: ignore[assignment,method-assign]  # of this one connection


def _said_by(fault: BaseException) -> str:
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        return "; ".join(_in_words(*answer) for answer in fault.recipients.values())
    if isinstance(fault, smtplib.SMTPResponseException):
        return _in_words(fault.smtp_code, fault.smtp_error)
    return in_words(fault)


def _code_of(fault: BaseException) -> int:
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        return next(code for code, _ in fault.recipients.values())
    return int(fault.smtp_code) if isinstance(fault, smtplib.SMTPResponseException) else 0


def _advice(code: int) -> str:
    """Return what to do, by the code of an SMTP server (RFC 5321, section 4.2; RFC 4954), or 0 where it said none."""
    if code in {530, 534, 535}:
        return "Correct the user and password in EMAIL_URL. Some providers want a password for programs."
    if code >= 500:  # noqa: PLR2004  # a permanent failure
        return "The mail server refuses the sender or the address: see what it says, and DEFAULT_FROM_EMAIL."
    if code >= 400:  # noqa: PLR2004  # a passing failure
        return "The mail server asks to try later: messages in the outbox are tried again."
    return "See whether host, port and encryption in EMAIL_URL are right, and whether the provider lets you out there."


def _in_words(code: int, text: bytes | str) -> str:
    return f"{code} {' '.join((text.decode(errors='replace') if isinstance(text, bytes) else text).split())}"
