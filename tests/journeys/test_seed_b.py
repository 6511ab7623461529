"""Seed B's authentication flow, as its README tells it: by curl, with mail that goes through an SMTP server."""

import json
import re
import subprocess
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.races.conftest import place, rows  # noqa: F401  # fixtures
from tests.races.mails import Postbox, await_that, receiving
from tests.races.processes import Place, serving, working
from tests.support.databases import SQLITE
from tests.support.tools import needs_curl

pytestmark = [pytest.mark.servers, needs_curl]


class Inbox(Postbox):
    """Keeps the texts of what arrives."""

    texts: list[str]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Take a mail, and read it."""
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        body = mail.get_body(("plain",))
        self.texts.append(body.get_content() if body else "")
        return await super().handle_DATA(server, session, envelope)


def curl(url: str, sent: dict[str, str] | None = None, access: str = "") -> tuple[int, Any]:
    """Run curl as a person would type it; return the status and the answer."""
    words = ["curl", "-sS", "-w", "\n%{http_code}", "-H", "Content-Type: application/json"]
    words += ["-d", json.dumps(sent)] if sent is not None else []
    words += ["-H", f"Authorization: Bearer {access}"] if access else []
    told = subprocess.run([*words, url], capture_output=True, text=True, check=True, timeout=30).stdout
    body, _, status = told.rpartition("\n")
    return int(status), json.loads(body)


@pytest.mark.parametrize("place", [SQLITE], indirect=True)
def test_sign_up_read_the_mail_verify_sign_in_and_use_the_token(rows: Place) -> None:  # noqa: F811  # the fixture
    inbox = Inbox(seconds=0)
    inbox.texts = []
    seeker = {"email": "seeker@example.org", "password": "violet tram 88"}
    with receiving(inbox) as port, serving(rows) as site, working(rows, port):
        status, signed_up = curl(f"{site}/api/auth/signup/", {**seeker, "role": "seeker"})
        assert (status, signed_up["verification"]) == (201, {"channel": "email", "expires_in": 300})
        assert curl(f"{site}/api/auth/login/", seeker)[1]["code"] == "email_unverified"

        await_that(lambda: bool(inbox.texts))
        code = re.search(r"^\d{6}(?=\r?$)", inbox.texts[0], re.MULTILINE)
        assert code is not None, inbox.texts
        verified = curl(f"{site}/api/auth/verify/", {"email": seeker["email"], "otp": code[0]})
        assert verified == (200, {"email": "seeker@example.org", "verified": True})

        status, session = curl(f"{site}/api/auth/login/", seeker)
        assert (status, session["user"]["role"]) == (200, "seeker")
        assert curl(f"{site}/api/me/", access=session["access"])[1]["email"] == "seeker@example.org"

        status, renewed = curl(f"{site}/api/auth/refresh/", {"refresh": session["refresh"]})
        assert status == 200
        assert curl(f"{site}/api/me/", access=renewed["access"])[0] == 200
        assert curl(f"{site}/api/me/")[0] == 401
    assert [address for address, _ in inbox.arrived] == ["seeker@example.org"]
