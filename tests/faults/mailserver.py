"""A mail server in a process of its own, to be killed: `python -m tests.faults.mailserver PORT FILE BEFORE AFTER`.

It writes a line for each connection and each mail to the file before it answers, so that what it took is known whatever
becomes of it. BEFORE seconds pass until it takes a mail, AFTER until the sender knows, which is one at a time: so that
deaths hit there, and each hits one mail at most.
"""

import asyncio
import os
import re
import sys
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

CONNECTED = "connected"
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Book:
    """Writes down what happens. What is written outlives the process; the machine does not die here."""

    file: int
    before: float
    after: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def write(self, *words: str) -> None:
        """Add a line, in one call of the system."""
        os.write(self.file, (" ".join(words) + "\n").encode())

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        """Greet a sender."""
        session.host_name = hostname
        self.write(CONNECTED)
        return answers

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Take a mail."""
        await asyncio.sleep(self.before)
        found = _MESSAGE_ID.search(envelope.original_content or b"")
        async with self.turn:
            self.write(*envelope.rcpt_tos, found[1].decode() if found else "none")
            await asyncio.sleep(self.after)
        return "250 OK"


async def main(port: int, file: str, before: float, after: float) -> None:
    """Take mail until killed."""
    book = Book(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), before, after)

    def session() -> Any:
        return SMTP(book)

    async with await asyncio.get_running_loop().create_server(session, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
