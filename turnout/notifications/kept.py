"""Mail for one's own machine: kept as files, to be read in the browser, never sent."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage as ParsedMessage
from pathlib import Path
from typing import cast

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from turnout.core.clock import now
from turnout.core.errors import NotFoundError


class EmailBackend(BaseEmailBackend):
    """Writes each mail to a file of its own in DATA_DIR/mail."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep the mails and say how many they were."""
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{now():%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex}"
            half_written = folder / f"{name}.part"
            half_written.write_bytes(message.message().as_bytes())
            half_written.replace(folder / f"{name}.eml")
        return len(email_messages)


@dataclass(frozen=True, slots=True)
class KeptMail:
    """One mail as it would have been sent."""

    name: str
    message: ParsedMessage

    @property
    def kept_at(self) -> datetime:
        """When it was kept."""
        return datetime.strptime(self.name.partition("-")[0] + "+0000", "%Y%m%dT%H%M%S%f%z")

    @property
    def text(self) -> str:
        """Return the body in plain text."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """Return the body in HTML."""
        return self._body("html")

    @property
    def attachments(self) -> dict[str, tuple[str, bytes]]:
        """Return each file that goes with it, by name: its type and content."""
        return {
            part.get_filename() or "attachment": (part.get_content_type(), cast("bytes", part.get_payload(decode=True)))
            for part in self.message.iter_attachments()
        }

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())


def latest(count: int = 200) -> list[KeptMail]:
    """Return the newest mails, the newest first."""
    files = sorted(_folder().glob("*.eml"), reverse=True)[:count]
    return [_read(file) for file in files]


def find(name: str) -> KeptMail:
    """Return the mail of this name; NotFoundError if there is none."""
    for file in _folder().glob("*.eml"):
        if file.stem == name:
            return _read(file)
    raise NotFoundError


def _read(file: Path) -> KeptMail:
    return KeptMail(file.stem, message_from_bytes(file.read_bytes(), policy=policy.default))


def _folder() -> Path:
    folder: Path = settings.DATA_DIR / "mail"
    return folder
