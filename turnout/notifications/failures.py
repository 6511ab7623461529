"""What a failure to send means: for the message, and for all others that wait."""

import re
import smtplib
from enum import Enum

from turnout.core.redaction import redact_text

_MOST_SAID = 500  # characters


class Failure(Enum):
    """What a failure says of the message and of the mail server."""

    LASTING = "lasting"  # the message: the same will be said next time
    PASSING = "passing"  # the message: another time it may go; the others may go now
    BROKEN = "broken"  # the connection, and perhaps the message broke it: nothing goes now
    OURS = "ours"  # the server's state, or how we are known to it: nothing goes now, and no message is to blame

    @property
    def stops_all(self) -> bool:
        """Whether the other messages would fail as this one did."""
        return self in {Failure.BROKEN, Failure.OURS}


_PERMANENT = 500  # SMTP replies from here on say the same next time (RFC 5321, section 4.2.1)
_CLOSING = 421
_OUT_OF_ORDER = 503
_STORAGE = 552
_UNKNOWN = -1  # smtplib's for a reply that is none
_AUTHENTICATION = {530, 534, 535, 538}  # RFC 4954, section 6
_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3}\.\d{1,3})\b")  # RFC 3463
_SENDER = {"1.7", "1.8"}  # the sender's address
_ADDRESS = re.compile(r"1\.\d+")
_POLICY = re.compile(r"7\.\d+")  # blocked, greylisted, a list of spammers: all of them pass
_TOO_LARGE = {"2.3", "3.4"}
_FULL = {"2.2"}
# What servers without enhanced codes, and providers' APIs, say where it is us whom they do not take it from.
_ABOUT_US = re.compile(r"\brelay|authenticat|\bsender\b", re.IGNORECASE)
_ESP_ABOUT_US = re.compile(r"\bsender\b|\bfrom\b|api.?key|\baccount\b|\bcredit", re.IGNORECASE)

_FOR_THIS_MESSAGE = {400, 413, 422}  # HTTP
_THEIR_TROUBLE = 500


def failure_of(error: Exception, recipient: str = "") -> Failure:
    """Return what an error from sending a message means; one from opening the connection is never a message's.

    Strangers choose their addresses, and servers repeat them: what stands in one says nothing of us.
    """
    if isinstance(error, smtplib.SMTPException):
        return _of_smtp(error, recipient)
    return _of_esp(error, recipient) or (Failure.BROKEN if isinstance(error, OSError) else Failure.PASSING)


def was_dropped(error: Exception) -> bool:
    """Tell whether the server ended the connection, so that it is worth trying at once over another.

    Not where it said nothing for too long: it may have taken the message, and would be as slow again.
    """
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return not isinstance(error.__context__, TimeoutError)
    codes = [getattr(error, "smtp_code", None)]
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    return _CLOSING in codes


def said(error: Exception) -> str:
    """Return an error as it may be kept: in few words, without addresses and secrets."""
    return redact_text(f"{type(error).__name__}: {_words(error)}".replace("\0", ""))[:_MOST_SAID]


def _of_smtp(error: smtplib.SMTPException, recipient: str) -> Failure:
    match error:
        case smtplib.SMTPNotSupportedError():
            return Failure.LASTING  # it can't take an address beyond ASCII
        case smtplib.SMTPRecipientsRefused():
            return _of_reply(*next(iter(error.recipients.values())), recipient)  # ours have one each
        case smtplib.SMTPSenderRefused():
            too_large = _enhanced(error.smtp_error)[1] in _TOO_LARGE or error.smtp_code == _STORAGE
            return Failure.LASTING if too_large else Failure.OURS
        case smtplib.SMTPAuthenticationError() | smtplib.SMTPConnectError() | smtplib.SMTPHeloError():
            return Failure.OURS
        case smtplib.SMTPResponseException():
            return _of_reply(error.smtp_code, error.smtp_error, recipient)
    return Failure.BROKEN  # it ended the connection, or was silent for too long


def _of_reply(code: int, text: bytes | str, recipient: str) -> Failure:
    """Return what a reply to RCPT or DATA means."""
    level, detail = _enhanced(text)
    if code in {_CLOSING, *_AUTHENTICATION} or detail in _SENDER:
        return Failure.OURS
    if code == _UNKNOWN:
        return Failure.BROKEN
    if code < _PERMANENT or level == "4":
        return Failure.PASSING
    if detail in _TOO_LARGE or _ADDRESS.fullmatch(detail):
        return Failure.LASTING
    if detail in _FULL or _POLICY.fullmatch(detail) or code in {_STORAGE, _OUT_OF_ORDER}:
        return Failure.PASSING
    return Failure.OURS if _ABOUT_US.search(_without(recipient, _text(text))) else Failure.LASTING


def _of_esp(error: Exception, recipient: str) -> Failure | None:
    """Return what an error of django-anymail means, known by its name: the library is there only where it is used."""
    names = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("anymail.")}
    if "AnymailRecipientsRefused" in names:
        return Failure.LASTING
    if "AnymailAPIError" not in names:
        return None
    status = getattr(error, "status_code", None)
    if status is None or status >= _THEIR_TROUBLE:
        return Failure.BROKEN
    if status in _FOR_THIS_MESSAGE:
        return Failure.OURS if _ESP_ABOUT_US.search(_without(recipient, _words(error))) else Failure.LASTING
    return Failure.OURS  # 401, 402, 403: who we are; 429: how much we send


def _without(recipient: str, text: str) -> str:
    """Return a text without addresses, and without the parts of this one wherever they stand."""
    parts = [re.escape(part) for part in recipient.split("@") if part]
    return re.sub("|".join([r"\S*@\S*", *parts]), " ", text, flags=re.IGNORECASE)


def _words(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # a library's error may fail to tell what a provider's strange answer was
        return ""


def _enhanced(text: bytes | str) -> tuple[str, str]:
    """Return the class and the rest of the enhanced status code that a reply begins with; empty where there is none."""
    found = _ENHANCED.match(_text(text))
    return (found[1], found[2]) if found else ("", "")


def _text(text: bytes | str) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "replace")
