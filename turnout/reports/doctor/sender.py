"""Who sends: the sender's address, its domain and the mail server."""

from collections.abc import Iterator
from email.utils import parseaddr

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from turnout.reports.doctor import names
from turnout.reports.doctor.findings import Remark, check, error, ok, warning

# Names that are nobody's (RFC 2606, RFC 6761, RFC 6762).
_NOBODYS = {"localhost", "localdomain", "local", "invalid", "test", "example", "internal"}
_EXAMPLES = ("example.com", "example.net", "example.org")
# They take every mail, and bring none to anybody.
_SWALLOW = {f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy", "filebased", "locmem")}
_NAME_A_SERVER = "Set EMAIL_URL to your provider's: smtps://user:password@host, or smtp+tls:// for STARTTLS."


def sending_domain() -> str:
    """Return the domain that we send from, in lower case; empty where it is none that others can ask DNS about."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2].lower().strip(".")
    reserved = domain.rpartition(".")[2] in _NOBODYS or f".{domain}".endswith(tuple(f".{name}" for name in _EXAMPLES))
    return "" if reserved or "." not in domain or domain.startswith("[") else domain


def asked_domain() -> str:
    """Return the same where DNS can be asked about it; BlindError where its answers mean nothing."""
    domain = sending_domain()
    if domain:
        names.require_sight(domain)
    return domain


def uses_smtp() -> bool:
    """Tell whether EMAIL_HOST is where mail goes."""
    return settings.EMAIL_BACKEND.rpartition(".")[0].endswith("smtp")


@check("Mail server")
def mail_server() -> Iterator[Remark]:
    """Look where mail goes."""
    backend = settings.EMAIL_BACKEND
    if settings.MAIL_SHOWN:
        yield ok("On one's own machine mail is kept, to be read at /mail/.")
    elif not settings.MAIL_DELIVERED:
        yield error("No mail server is named: messages wait, and nobody can confirm or sign up.", _NAME_A_SERVER)
    elif backend in _SWALLOW and not settings.LOCAL:
        yield error(f"EMAIL_BACKEND is {backend}: messages count as sent, and reach nobody.", _NAME_A_SERVER)
    elif not uses_smtp():
        yield ok(f"Mail goes by {backend}.")
    elif settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or settings.EMAIL_HOST in {"localhost", "127.0.0.1", "::1"}:
        yield ok(f"Mail goes to {settings.EMAIL_HOST}, port {settings.EMAIL_PORT}.")
    else:
        yield warning(
            f"Mail goes to {settings.EMAIL_HOST} without TLS: the password and all that we write travel in the open.",
            _NAME_A_SERVER,
        )


@check("Sender")
def sender() -> Iterator[Remark]:
    """Look at the sender's address."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    advice = "Set DEFAULT_FROM_EMAIL to an address of a domain of yours, one that somebody reads."
    if settings.MAIL_SHOWN:
        yield ok(f"Mail comes from {address}. It is kept here, so nobody asks whose that is.")
        return
    try:
        validate_email(address)
    except ValidationError:
        yield error(f"DEFAULT_FROM_EMAIL, {settings.DEFAULT_FROM_EMAIL!r}, is no mail address.", advice)
        return
    if sending_domain():
        yield ok(f"Mail comes from {address}.")
    else:
        yield error(f"Mail comes from {address}, a domain that is nobody's: others refuse it.", advice)


@check("Answers to the sender")
def mail_exchanger() -> Iterator[Remark]:
    """Look whether mail to the sender's domain arrives: answers, and word of what could not be delivered."""
    domain = asked_domain()
    if not domain:
        return  # `sender` says so
    servers = names.mail_servers(domain)
    if servers == ["."]:
        yield error(
            f"{domain} says that it takes no mail (null MX), so many refuse mail from it.",
            "Send from a domain that takes mail, or give this one an MX record.",
        )
    elif servers:
        yield ok(f"Mail to {domain} goes to {', '.join(sorted(servers))}.")
    elif names.addresses(domain):
        yield warning(
            f"{domain} has no MX record: answers and notes of what could not be delivered go to its web server.",
            "Add an MX record that names who takes mail for it.",
        )
    else:
        yield error(
            f"{domain} has neither an MX record nor an address in DNS: others refuse mail from it.",
            "Look for a slip in DEFAULT_FROM_EMAIL, or add an MX record.",
        )
