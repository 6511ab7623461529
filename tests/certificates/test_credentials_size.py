"""Files that are made to keep whoever verifies them busy."""

import json
from typing import Any

import pytest

from tests.support import credentials as certificates
from turnout.certificates.credentials import credential_of, did_document, keys_of, linked, proofs, verify

pytestmark = pytest.mark.django_db


def credential(**says: Any) -> dict[str, Any]:
    return dict(json.loads(credential_of(certificates.certified(**says))))


def judged(document: dict[str, Any]) -> str:
    """Return what is wrong with it."""
    return verify(json.dumps(document).encode(), keys_of(did_document())).problem


def test_a_file_that_would_take_for_ever_is_refused() -> None:
    """Many parts that look alike and have no names are what canonical order takes time without end for."""
    mine = credential()
    mine["credentialSubject"]["identifier"] = [{"type": "IdentityObject"}] * 12
    assert judged(mine) == "It has more parts without a name than a credential of ours."


def test_a_file_of_more_parts_than_ours_is_refused_before_it_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 8,000 types the library would be busy for a quarter of a minute."""
    mine = credential()
    nested: dict[str, Any] = {}
    for _ in range(400):
        nested = {"type": ["Profile"] * 3, "parentOrg": nested}
    monkeypatch.setattr(proofs, "statements", pytest.fail)
    for huge in (
        {**mine, "type": [*mine["type"], *(f"urn:x:{number}" for number in range(8000))]},
        {**mine, "evidence": [{**mine["evidence"][0], "type": ["Evidence"] * 400}] * 5},
        {**mine, **{f"urn:x:{number}": 1 for number in range(linked.MOST_PARTS)}},
        {**mine, "issuer": {**mine["issuer"], "parentOrg": nested}},
    ):
        assert judged(huge) == "It has more parts than a credential of ours: over 2000."


def test_whoever_attended_three_hundred_sessions_has_a_credential_that_verifies() -> None:
    assert judged(credential(sessions=certificates.PARTS[:1] * 300)) == ""
