"""`manage.py verify`: whether a certificate is one of ours, told from files alone."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
import typst
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from pypdf import PdfReader, PdfWriter
from pytest_django import Settings

from tests.support import credentials as certificates
from tests.support.tools import ROOT
from turnout.certificates.actions import revoke
from turnout.certificates.credentials import PURPOSE, credential_of, did, did_document, verifying
from turnout.certificates.credentials.proofs import prove
from turnout.certificates.credentials.status import status_list
from turnout.certificates.models import Version
from turnout.core import audit, keys

pytestmark = pytest.mark.django_db
DOCUMENT = '#pdf.attach("NAME", bytes(sys.inputs.content), relationship: "supplement")\nCertificate'


def pdf(content: str | None, name: str = "credential.json") -> bytes:
    """Return a document with this attached."""
    source = "Certificate" if content is None else DOCUMENT.replace("NAME", name)
    made = typst.compile(source.encode(), sys_inputs={"content": content or ""})
    assert isinstance(made, bytes)
    return made


def encrypted(document: bytes) -> bytes:
    writer, out = PdfWriter(clone_from=PdfReader(BytesIO(document))), BytesIO()
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


@dataclass
class Desk:
    """Somebody with files, who asks about them."""

    folder: Path
    output: Any
    version: Version = field(default_factory=certificates.certified)

    def __post_init__(self) -> None:
        self.credential = credential_of(self.version)
        self.key = keys.active_key_id(PURPOSE)

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def ask(self, content: bytes | str, **options: object) -> tuple[int, list[str]]:
        """Return the exit code, and what is said."""
        code = 0
        try:
            call_command("verify", self.file("certificate", content), **options)
        except SystemExit as end:
            code = int(end.code or 0)
        said = self.output.readouterr()
        assert said.err == ""
        return code, said.out.splitlines()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def told(desk: Desk, first: str = "valid") -> list[str]:
    return [
        first,
        "Holder: Amina Haddad",
        "Event:  Rust for beginners",
        f"Issuer: {desk.version.says.issuer}",
        f"DID:    {did()}",
        "Date:   2025-05-16",
        f"Key:    {desk.key}",
    ]


def test_a_credential_and_a_pdf_of_ours_are_valid(desk: Desk) -> None:
    expected = (0, [*told(desk), "Whether it was revoked since then was not asked."])
    assert desk.ask(desk.credential) == expected
    assert desk.ask(pdf(desk.credential)) == expected
    assert desk.ask(pdf(desk.credential, name="badge.bin")) == expected


def test_saved_keys_are_enough_and_no_database_is_asked(desk: Desk) -> None:
    saved = desk.file("did.json", json.dumps(did_document()))
    keys.renew(PURPOSE)
    document = desk.file("certificate.pdf", pdf(desk.credential))
    nowhere = {"DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none", "SECRET_KEY": "x" * 40, "DEBUG": "True"}
    command = [sys.executable, "manage.py", "verify", str(document), "--keys", str(saved)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | nowhere | {"ALLOWED_HOSTS": "localhost"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:-1] == told(desk)


def test_a_saved_status_list_tells_whether_it_was_revoked(desk: Desk) -> None:
    cache.clear()  # a status list is kept for some seconds
    with time_machine.travel("2025-06-01T08:00:00Z", tick=False):
        before = desk.file("before.json", json.dumps(status_list(0)))
    revoke(desk.version.certificate, "Not there.", actor=audit.SYSTEM)
    cache.clear()
    with time_machine.travel("2025-06-02T08:00:00Z", tick=False):
        after = desk.file("after.json", json.dumps(status_list(0)))
    # A stale list knows of nothing since then: whoever asks sees from when it is.
    assert desk.ask(desk.credential, status=before) == (0, [*told(desk), "Status: as of 2025-06-01T08:00:00Z"])
    revoked = "invalid: It was revoked, or superseded by a newer one."
    assert desk.ask(desk.credential, status=after) == (1, [*told(desk, revoked), "Status: as of 2025-06-02T08:00:00Z"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "It is neither a PDF nor a credential in JSON."),
        ("{}", "It is no credential of the kind that Turnout makes."),
        (None, "It is signed, and is no BitstringStatusListCredential."),
    ],
)
def test_a_status_list_that_is_none_is_told_from_a_certificate_that_is_none(
    desk: Desk, content: str | None, problem: str
) -> None:
    wrong = desk.file("status.json", desk.credential if content is None else content)
    said = told(desk, f"invalid: The file of the status list is wrong: {problem}")
    assert desk.ask(desk.credential, status=wrong) == (1, said)


def test_a_status_list_of_any_kind_is_no_traceback(desk: Desk) -> None:
    cache.clear()
    whole = status_list(0)
    wrong: tuple[object, ...] = (None, 7, [], [None], {"id": []})
    for value in wrong:
        for name in whole:
            code, said = desk.ask(desk.credential, status=desk.file("status", json.dumps({**whole, name: value})))
            assert (code, said[1:]) == (1, told(desk)[1:]), (name, value)
            assert said[0].startswith("invalid: The file of the status list is wrong: "), (name, value)


def test_what_was_changed_is_invalid_and_nothing_of_it_is_repeated(desk: Desk) -> None:
    changed = desk.credential.replace("Amina Haddad", "Mallory")
    said = (1, ["invalid: The signature does not fit: something in it was changed."])
    assert desk.ask(changed) == desk.ask(pdf(changed)) == said


def test_a_foreign_key_is_not_known(desk: Desk) -> None:
    others = {**did_document(), "verificationMethod": []}
    code, said = desk.ask(desk.credential, keys=desk.file("did.json", json.dumps(others)))
    assert (code, said[0].split(": ")[1]) == (1, "It is signed by a key that is not known")


def test_keys_of_one_site_verify_nothing_that_is_said_to_be_of_another(desk: Desk, settings: Settings) -> None:
    """Site A signs a credential in the name of site B; A's own did.json and database do not make it one of B's."""
    valid, published, saved = told(desk), did(), desk.file("did.json", json.dumps(did_document()))
    unsigned = json.loads(desk.credential.replace(published, "did:web:b.example"))
    del unsigned["proof"]
    forged = json.dumps(prove(unsigned, desk.key))
    said = (1, [f"invalid: It is signed by a key that is not known: did:web:b.example#{desk.key}"])
    assert desk.ask(forged, keys=saved) == desk.ask(forged) == said
    settings.PUBLIC_BASE_URL = "https://b.example"  # a site that moved has a saved copy for what it signed before
    assert desk.ask(desk.credential)[0] == 1
    assert desk.ask(desk.credential, keys=saved)[1][:-1] == valid


NEITHER = "It is neither a PDF nor a credential in JSON."
OTHER = "It is no credential of the kind that Turnout makes."


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", NEITHER),
        (b"\xff\x00\xfe", NEITHER),
        (b"[]", NEITHER),
        (b"[" * 100_000, NEITHER),
        (b'{"a":' * 100_000, NEITHER),
        (b"{}", OTHER),
        (b'{"@context": [], "issuer": {}, "proof": []}', OTHER),
        (pdf(None), "It is a PDF without a credential in it."),
        (pdf("no JSON"), "It is a PDF without a credential in it."),
        (pdf("{}"), OTHER),
        (encrypted(pdf("{}")), "It is an encrypted PDF, and certificates are not."),
        (b"x" * (verifying.LARGEST + 1), "It is larger than any certificate."),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_certificate_is_said_to_be_none(desk: Desk, content: bytes, problem: str) -> None:
    assert desk.ask(content) == (1, [f"invalid: {problem}"])


@pytest.mark.parametrize("length", [5, 100, 1000, 4000])
def test_a_damaged_pdf_is_invalid(desk: Desk, length: int) -> None:
    document = pdf(desk.credential)
    code, said = desk.ask(document[:length])
    assert (code, said[0].startswith("invalid: It")) == (1, True)


def test_values_of_any_kind_are_no_traceback(desk: Desk) -> None:
    whole = json.loads(desk.credential)
    values: list[Any] = [None, 7, "x", [], {}, [[]], [None], {"id": 7}, {"id": []}, {"@id": None}, "\ud800"]
    for value in values:
        for name in whole:
            code, said = desk.ask(json.dumps({**whole, name: value}))
            assert (code, len(said)) == (1, 1), (name, value)
        for name in whole["proof"]:
            code, said = desk.ask(json.dumps({**whole, "proof": {**whole["proof"], name: value}}))
            assert (code, len(said)) == (1, 1), (name, value)


def test_a_name_moves_no_cursor(desk: Desk) -> None:
    signed = credential_of(certificates.certified("A\u001b[31m\u202eB"))
    assert desk.ask(signed)[1][1] == "Holder: A [31m B"


def test_a_file_that_is_missing_and_keys_that_are_none_are_said(desk: Desk) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("verify", desk.folder / "missing")
    with pytest.raises(CommandError, match="no DID document"):
        desk.ask(desk.credential, keys=desk.file("did.json", "{}"))
    with pytest.raises(CommandError, match="neither"):
        desk.ask(desk.credential, keys=desk.file("did.json", "no JSON"))
