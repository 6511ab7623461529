"""Seed A's attack: very many registrations from hundreds of addresses, and guests among them who want to come."""

import itertools
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from functools import partial
from queue import Queue

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session
from altcha import Challenge, Payload, solve_challenge

from tests.races.mails import Postbox
from turnout.core.text import normal_address
from turnout.events.models import Event, SeatPool
from turnout.guard.mailboxes import mailbox
from turnout.notifications.models import Message
from turnout.registrations.models import Registration

# All of seed A's attack takes some minutes on two cores: ATTACK=10000.
SIZE = int(os.environ.get("ATTACK", "2500"))
SECONDS = max(SIZE / 80, 45)  # in which it comes, if the server keeps up
ADDRESSES, DOMAINS, SEATS = 300, 40, 100
_MAILBOXES = SIZE // 20  # each is written twenty ways
_ATTACKERS = 8
_PATIENCE = 120  # seconds
_LINK = re.compile(r"/confirm/\?token=(\S+)")
LIMITS = {
    "THROTTLE_REGISTRATION": "60/minute,600/hour,3000/day",
    "THROTTLE_CONFIRM": "120/minute,1200/hour",
    "THROTTLE_MAILBOX": "5/day",
    "THROTTLE_ATTACK": "10/minute,60/hour",
    "THROTTLE_EVENT_MAIL": "2000/hour",
    "TRUSTED_PROXY_COUNT": "1",
}


@dataclass
class Letters(Postbox):
    """What arrived, and the link in each mail that asks somebody to confirm."""

    asked: int = 0  # how many guests were asked for a CAPTCHA
    tokens: defaultdict[str, Queue[str]] = field(default_factory=lambda: defaultdict(Queue))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Take a mail, and read it."""
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        text = mail.get_body(("plain",))
        if text is not None and (link := _LINK.search(text.get_content())):
            for recipient in envelope.rcpt_tos:
                self.tokens[recipient].put(link[1])
        return await super().handle_DATA(server, session, envelope)

    def most(self) -> int:
        """Return how many mails the mailbox got that got the most, however its address was written."""
        return max(Counter(mailbox(recipient) for recipient, _ in self.arrived).values())


def attack(url: str, event: Event, size: int, *, seconds: float, mailboxes: int = _MAILBOXES) -> Counter[int]:
    """Let attackers register, evenly over that time or as quickly as the server can; count the statuses."""
    began, numbers = time.monotonic(), itertools.count()

    def attacker() -> Counter[int]:
        statuses: Counter[int] = Counter()
        with _client(url) as client:
            while (number := next(numbers)) < size:
                time.sleep(max(0, began + seconds * number / size - time.monotonic()))
                sent = _body(event, _forged(number, mailboxes))
                statuses[
                    client.post("/api/registrations/", json=sent, headers=_from(10, number % ADDRESSES)).status_code
                ] += 1
        return statuses

    with ThreadPoolExecutor(_ATTACKERS) as threads:
        return sum((future.result() for future in [threads.submit(attacker) for _ in range(_ATTACKERS)]), Counter())


@contextmanager
def guests_coming(url: str, event: Event, letters: Letters, *, seconds: float) -> Iterator[None]:
    """Let a guest for each seat register meanwhile, read the mail, and confirm; wait for them all in the end."""
    with _client(url) as client, ThreadPoolExecutor(SEATS) as threads:
        coming = [
            threads.submit(partial(_come, client, event, letters, number, wait=seconds * number / SEATS))
            for number in range(SEATS)
        ]
        yield
        assert [guest.result() for guest in coming] == ["confirmed"] * SEATS


def picture(event: Event) -> dict[str, object]:
    """Return what must be the same whether there was an attack or not: who comes, the counters, and what is owed."""
    standing = Registration.objects.filter(event=event, rolled_back_by__isnull=True)
    return {
        "people": sorted(standing.values_list("email", "status", "attendance_type", "place")),
        "seats": list(SeatPool.objects.filter(event=event).values_list("capacity", "taken", "waiting", "seq")),
        "mails": Counter(
            Message.objects.filter(subject__in=standing.values("pk")).values_list("recipient", "kind", "state")
        ),
        "due": Message.objects.filter(state=Message.State.DUE).count(),
    }


def _come(client: httpx.Client, event: Event, letters: Letters, number: int, *, wait: float) -> str:
    time.sleep(wait)
    address, origin = f"guest{number}@campus.example", _from(20, number)
    sent = {**_body(event, address), "full_name": f"Guest {number}"}
    answer = client.post("/api/registrations/", json=sent, headers=origin)
    if answer.json().get("code") == "captcha_required":
        letters.asked += 1
        answer = client.post("/api/registrations/", json={**sent, "captcha": _solved(client, event)}, headers=origin)
    if answer.status_code != httpx.codes.CREATED:
        return answer.text
    token = letters.tokens[address].get(timeout=_PATIENCE)
    confirmed = client.post("/api/registrations/confirm-email/", json={"token": token}, headers=origin)
    return str(confirmed.json().get("status"))


def _solved(client: httpx.Client, event: Event) -> str:
    """Return what the widget on the page would send."""
    challenge = Challenge.from_dict(client.get("/api/captcha/", params={"event": str(event.id)}).json())
    solution = solve_challenge(challenge)
    assert solution
    return Payload(challenge, solution).to_base64()


def _forged(number: int, mailboxes: int) -> str:
    """Return one of the ways in which one of the mailboxes is written: with a tag, with a dot, in capitals."""
    which, way = number % mailboxes, number // mailboxes
    local = f"{'a.victim' if way % 2 else 'Avictim'}{which}+{way}"
    address = f"{local}@domain{which % DOMAINS}.example"
    assert mailbox(address) == normal_address(f"avictim{which}@domain{which % DOMAINS}.example")
    return address


def _body(event: Event, address: str) -> dict[str, str]:
    return {"event": str(event.id), "full_name": "A. Nobody", "email": address, "attendance_type": "on_site"}


def _from(net: int, number: int) -> dict[str, str]:
    """Return the header by which our proxy says where a request came from."""
    return {"X-Forwarded-For": f"203.{net}.{number // 100}.{number % 100 + 1}"}


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=60, trust_env=False)
