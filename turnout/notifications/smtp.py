"""SMTP, also to addresses beyond ASCII."""

import smtplib
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import cast

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend


class EmailBackend(DjangoBackend):
    """Sends to `josé@example.org` by SMTPUTF8 (RFC 6531), where Django would write another address."""

    def _send(self, email_message: EmailMessage) -> bool:
        if all(address.isascii() for address in email_message.recipients()):
            return super()._send(email_message)  # type: ignore[misc,no-any-return]  # not in the stubs
        message = message_from_bytes(email_message.message().as_bytes(), policy=policy.SMTPUTF8)
        del message["To"]
        message["To"] = ", ".join(email_message.to)
        # Raises SMTPNotSupportedError where the server knows no such addresses.
        connection = cast("smtplib.SMTP", self.connection)  # `send_messages` has opened it
        connection.send_message(message, parseaddr(email_message.from_email)[1], email_message.recipients())
        return True
