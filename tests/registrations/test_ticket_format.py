"""docs/ticket-format.md: two readers of tickets, ours and one for Node, on its vectors and on what we sign."""

import contextlib
import io
import json
import string
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from scripts.ticket_vectors import FIRST, KEYS, TARGET, base64url, vectors
from tests.support import make
from tests.support.tools import NODE, ROOT, needs_node
from turnout.core import keys
from turnout.core.clock import now
from turnout.core.ids import decode_id, encode_id, new_id
from turnout.core.models import SigningKey
from turnout.registrations.models import Registration
from turnout.registrations.tickets import TICKET, Ticket, read_ticket, ticket_png, ticket_svg, ticket_text

VECTORS: dict[str, Any] = json.loads(TARGET.read_text())
TICKETS: list[dict[str, str]] = VECTORS["tickets"]
EXPECTED = [each["answer"] for each in TICKETS]
VERIFIER = NODE / "verify-ticket.mjs"
ALPHABET = string.ascii_letters + string.digits + "-_"


def answers(bundle: Mapping[str, object], texts: Sequence[str], verifier: Path = VERIFIER) -> list[str]:
    """Return what the verifier for Node says of each text."""
    asked = json.dumps({"bundle": bundle, "texts": texts})
    command: list[str | Path] = ["node", verifier]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True, timeout=60)
    return list(json.loads(done.stdout))


def altered(ticket: str) -> Iterator[str]:
    """Yield the ticket with each character exchanged for each other one, taken out, and doubled; and cut short."""
    for place, character in enumerate(ticket):
        before, after = ticket[:place], ticket[place + 1 :]
        yield from (f"{before}{other}{after}" for other in f"{ALPHABET}.=+/ \n" if other != character)
        yield from (f"{before}{after}", f"{before}{character}{character}{after}", before)


@pytest.fixture
def known_keys(db: None) -> None:  # noqa: ARG001  # rows are made in it
    """Let this installation know the vectors' keys."""
    for key_id, key in KEYS.items():
        public = key.public_key().public_bytes_raw()
        SigningKey.objects.create(id=key_id, purpose=TICKET, public=public, private=b"none", created_at=now())


@pytest.fixture
def mine(db: None) -> Registration:  # noqa: ARG001  # rows are made in it
    return make.confirmed(make.event())


def bundle_of(registration: Registration) -> dict[str, object]:
    """Return what a scanner knows at the registration's event."""
    public = {key_id: base64url(key) for key_id, key in keys.public_keys(TICKET).items()}
    return {"event": {"id": str(registration.event_id)}, "public_keys": public, "revoked": []}


def test_the_vectors_are_what_the_script_writes() -> None:
    assert vectors() == VECTORS
    assert len({each["text"] for each in TICKETS}) == len({each["what"] for each in TICKETS}) == len(TICKETS)


@pytest.mark.usefixtures("known_keys")
@pytest.mark.parametrize("vector", TICKETS, ids=lambda vector: vector["what"])
def test_we_read_what_is_a_ticket_and_nothing_else(vector: dict[str, str]) -> None:
    read = read_ticket(vector["text"])
    if vector["answer"] == "invalid_ticket":
        assert read is None
    else:
        _, event, ticket, _, _ = vector["text"].split(".")
        assert read == Ticket(decode_id(event), decode_id(ticket))


@needs_node
def test_the_verifier_for_node_answers_each_vector_as_it_must() -> None:
    assert answers(VECTORS["bundle"], [each["text"] for each in TICKETS]) == EXPECTED
    assert len(VERIFIER.read_text().splitlines()) <= 40


# By what it is there for: a line of the verifier, and the same without it.
GUARDS = {
    "the form of the signature's last character": ("{85}[AQgw]", "{86}"),
    "the form of an id's last character": ("{21}[AQgw]", "{22}"),
    "nothing before": ("RegExp(`^", "RegExp(`"),
    "nothing behind": (")$`", ")`"),
    "letters of base64url alone": ("[A-Za-z0-9_-]{85}", "[A-Za-z0-9_+/-]{85}"),
    "a key that is known by this name": ("Object.hasOwn(bundle.public_keys, keyId)", "bundle.public_keys[keyId]"),
    "the signature": ("if (!isSigned", "if (false && !isSigned"),
    "the event": ("if (event !==", "if (false && event !=="),
    "revocations": ("if (bundle.revoked", "if (false && bundle.revoked"),
    "the event before revocations": ('return "wrong_event"', 'return "revoked"'),
}


@needs_node
@pytest.mark.parametrize("guard", GUARDS)
def test_the_vectors_catch_a_verifier_without(guard: str, tmp_path: Path) -> None:
    program, (line, without) = VERIFIER.read_text(), GUARDS[guard]
    assert line in program
    careless = tmp_path / "verify.mjs"
    careless.write_text(program.replace(line, without))
    with contextlib.suppress(subprocess.CalledProcessError):  # some do not even get to the end
        assert answers(VECTORS["bundle"], [each["text"] for each in TICKETS], careless) != EXPECTED


@needs_node
def test_the_verifier_for_node_takes_what_we_sign_and_refuses_it_with_any_character_altered(mine: Registration) -> None:
    true = ticket_text(mine)
    texts = sorted({*altered(true)} - {true})
    assert len(texts) > 142 * 69
    assert answers(bundle_of(mine), [true, *texts]) == ["valid", *["invalid_ticket"] * len(texts)]


@needs_node
def test_a_scanner_without_network_tells_another_events_ticket_and_a_revoked_one(mine: Registration) -> None:
    others = make.confirmed(make.event())
    assert mine.ticket_id is not None
    revoked = bundle_of(mine) | {"revoked": [encode_id(mine.ticket_id)]}
    assert answers(revoked, [ticket_text(mine), ticket_text(others)]) == ["revoked", "wrong_event"]


def test_we_take_what_we_sign_and_refuse_it_with_any_character_altered(mine: Registration) -> None:
    true = ticket_text(mine)
    assert mine.ticket_id is not None
    assert read_ticket(true) == Ticket(mine.event_id, mine.ticket_id)
    assert {read_ticket(text) for text in {*altered(true)} - {true}} == {None}


@settings(deadline=None)
@given(text=st.text() | st.from_regex(r"T1\.[\w-]{22}\.[\w-]{22}\.[\w-]{1,8}\.[\w-]{86}\s?"))
@example(text="\ud800")
@example(text="\0")
@pytest.mark.django_db
def test_junk_is_no_ticket_and_no_fault(text: str) -> None:
    assert read_ticket(text) is None


class TestAKeysLookUp:
    """Reading many tickets asks for their key once; one that is unknown is asked for each time."""

    @pytest.fixture(autouse=True)
    def _fresh(self) -> Iterator[None]:
        keys._public_key.cache_clear()
        yield
        keys._public_key.cache_clear()

    def test_costs_one_query_however_many_tickets_are_read(
        self, mine: Registration, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        tickets = [ticket_text(mine), *(ticket_text(make.confirmed(mine.event)) for _ in range(2))]
        with django_assert_num_queries(1):
            read_ticket(tickets[0])
        with django_assert_num_queries(0):
            assert None not in [read_ticket(ticket) for ticket in tickets]

    @pytest.mark.django_db
    def test_finds_a_key_that_was_unknown_a_moment_ago(self) -> None:
        text = TICKETS[0]["text"]
        assert read_ticket(text) is None
        public = KEYS[FIRST].public_key().public_bytes_raw()
        SigningKey.objects.create(id=FIRST, purpose=TICKET, public=public, private=b"none", created_at=now())
        assert read_ticket(text) is not None

    @pytest.mark.django_db
    def test_takes_no_key_of_another_purpose(self) -> None:
        public = KEYS[FIRST].public_key().public_bytes_raw()
        SigningKey.objects.create(id=FIRST, purpose="credential", public=public, private=b"none", created_at=now())
        assert read_ticket(TICKETS[0]["text"]) is None


@pytest.mark.parametrize(
    ("key_id_bytes", "length"), [(4, 142), (6, 144)]
)  # as today; the longest that the format knows
def test_the_longest_ticket_is_short_enough_for_a_code_of_version_8(
    key_id_bytes: int, length: int, monkeypatch: pytest.MonkeyPatch, mine: Registration
) -> None:
    monkeypatch.setattr(keys, "_KEY_ID_BYTES", key_id_bytes)
    SigningKey.objects.all().delete()
    person = make.confirmed(mine.event)
    text, code = ticket_text(person), zxingcpp.read_barcode(Image.open(io.BytesIO(ticket_png(person))))
    assert (len(text), read_ticket(text)) == (length, Ticket(person.event_id, person.ticket_id or new_id()))
    assert code is not None
    assert (code.text, code.ec_level) == (text, "M")
    around = 2 * 4  # modules of nothing
    assert f'viewBox="0 0 {49 + around} {49 + around}"' in ticket_svg(person).decode()  # version 8


def test_the_page_shows_the_form_that_we_read() -> None:
    page = (ROOT / "docs/ticket-format.md").read_text()
    identity = "([A-Za-z0-9_-]{21}[AQgw])"
    assert rf"(T1\.{identity}\.{identity}\.([A-Za-z0-9_-]{{1,8}}))\.([A-Za-z0-9_-]{{85}}[AQgw])" in page
