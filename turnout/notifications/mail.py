"""Mails: what they say, and how that becomes a MIME message."""

import mimetypes
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formataddr
from urllib.parse import urlsplit

import css_inline
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.module_loading import import_string

from turnout.notifications.models import Message


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; its name's ending says of what type it is."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a mail program puts into its reader's calendar (iMIP, RFC 6047)."""

    method: str  # as the file says it: REQUEST, CANCEL
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What a message says, in text and in HTML."""

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    invitation: Invitation | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # beside those of every mail


METADATA = "message"
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9a-f])")

# Given the message, what it says now; None where it is no longer true and must not be sent.
Renderer = Callable[[Message], Mail | None]


def compose(message: Message) -> EmailMultiAlternatives | None:
    """Return the MIME message, rendered by the room that owes it (setting MESSAGE_RENDERERS), or None."""
    room = message.kind.partition(".")[0]
    renderer: Renderer = import_string(settings.MESSAGE_RENDERERS[room])
    mail = renderer(message)
    if mail is None:
        return None
    sender = formataddr((settings.SITE_NAME, settings.DEFAULT_FROM_EMAIL))
    headers = {"Message-ID": message_id(message), "Auto-Submitted": "auto-generated", **mail.headers}
    return_path = settings.BOUNCE_ADDRESS.replace("{id}", message.pk.hex)
    if return_path:
        headers["From"] = sender  # Django and anymail take `from_email` for the envelope then
    composed = EmailMultiAlternatives(
        subject=" ".join(mail.subject.split()),  # a header is one line
        body=mail.text,
        from_email=return_path or sender,
        to=[message.recipient],
        headers=headers,
        alternatives=[(mail.html, "text/html")],
    )
    composed.metadata = {METADATA: message.pk.hex}  # type: ignore[attr-defined]  # anymail's: comes back with its events
    for attachment in mail.attachments:
        composed.attach(attachment.name, attachment.content, mimetypes.guess_type(attachment.name)[0])
    if mail.invitation is not None:
        # The one is what Gmail, Outlook and Apple act upon, the other what all others offer to open.
        media_type = f"text/calendar; method={mail.invitation.method}"
        composed.attach_alternative(mail.invitation.content.decode(), media_type)
        composed.attach("invite.ics", mail.invitation.content, "application/ics")
    return composed


def message_id(message: Message) -> str:
    """Return the Message-ID (RFC 5322, section 3.6.4): the same however often the message is sent."""
    return f"<{message.pk}@{urlsplit(settings.PUBLIC_BASE_URL).hostname}>"


def message_named(text: str) -> uuid.UUID | None:
    """Return the id of the message that a Message-ID, a return path or an id in hexadecimal names; None if none."""
    found = _ID.search(text.lower())
    return uuid.UUID(found[0]) if found else None


def render(template: str, context: dict[str, object]) -> tuple[str, str]:
    """Return the text and the HTML of a mail from `<template>.txt` and `<template>.html`, its styles inlined."""
    text = render_to_string(f"{template}.txt", context)
    html = css_inline.inline(render_to_string(f"{template}.html", context), load_remote_stylesheets=False)
    return text.strip() + "\n", html
