"""Mails: what they say, and how that becomes a MIME message."""

import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
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
class Mail:
    """What a message says, in text and in HTML."""

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()


# Given the message, what it says now; None where it is no longer true and must not be sent.
Renderer = Callable[[Message], Mail | None]


def compose(message: Message) -> EmailMultiAlternatives | None:
    """Return the MIME message, rendered by the room that owes it (setting MESSAGE_RENDERERS), or None."""
    room = message.kind.partition(".")[0]
    renderer: Renderer = import_string(settings.MESSAGE_RENDERERS[room])
    mail = renderer(message)
    if mail is None:
        return None
    composed = EmailMultiAlternatives(
        subject=" ".join(mail.subject.split()),  # a header is one line
        body=mail.text,
        from_email=formataddr((settings.SITE_NAME, settings.DEFAULT_FROM_EMAIL)),
        to=[message.recipient],
        headers={"Message-ID": message_id(message), "Auto-Submitted": "auto-generated"},
        alternatives=[(mail.html, "text/html")],
    )
    for attachment in mail.attachments:
        composed.attach(attachment.name, attachment.content, mimetypes.guess_type(attachment.name)[0])
    return composed


def message_id(message: Message) -> str:
    """Return the Message-ID (RFC 5322, section 3.6.4): the same however often the message is sent."""
    return f"<{message.pk}@{urlsplit(settings.PUBLIC_BASE_URL).hostname}>"


def render(template: str, context: dict[str, object]) -> tuple[str, str]:
    """Return the text and the HTML of a mail from `<template>.txt` and `<template>.html`, its styles inlined."""
    text = render_to_string(f"{template}.txt", context)
    html = css_inline.inline(render_to_string(f"{template}.html", context), load_remote_stylesheets=False)
    return text.strip() + "\n", html
