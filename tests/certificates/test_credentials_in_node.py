"""Credentials as others' programs see them: npm's @digitalbazaar/vc, offline."""

import copy
import json
import subprocess
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache

from tests.support import credentials as make_credentials
from tests.support.tools import NODE, needs_node
from turnout.certificates.actions import correct, revoke
from turnout.certificates.credentials import PURPOSE, credential_of, did, did_document, linked
from turnout.certificates.credentials.status import _encoded, status_list
from turnout.core import audit, keys

pytestmark = [pytest.mark.django_db, needs_node]
GOOD = {"verified": True, "revoked": False, "reason": ""}
REVOKED = GOOD | {"revoked": True}


def verdicts(*credentials: dict[str, Any], documents: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return what they say of each, with nothing to look up but what is published here, or these documents."""
    cache.clear()  # a status list is kept for some seconds
    lists = {
        each["credentialStatus"]["statusListCredential"]: each for each in credentials if "credentialStatus" in each
    }
    known = {**linked._CONTEXTS, did(): did_document(), **{address: status_list(0) for address in lists}}
    asked = json.dumps({"documents": known | (documents or {}), "credentials": credentials})
    command = ["node", str(NODE / "verify-credential.mjs")]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True, timeout=60)
    return list(json.loads(done.stdout))


def signed(name: str = "Amina Haddad", **says: Any) -> dict[str, Any]:
    """Return a credential with these words in it."""
    return dict(json.loads(credential_of(make_credentials.certified(name, **says))))


def test_what_we_sign_is_accepted_whatever_it_says() -> None:
    names = [
        "Amina Haddad",
        "أمينة حداد",
        "王小明",
        "\U0002000b \ufb50",
        "\u200fأمينة (Amina)",
        "O'Neil “the 😀”",
        'A "B"\\ \\n',
    ]
    hours = [None, *map(Decimal, ["2", "2.00", "0.25", "100", "9999.99"])]
    sessions = [(), make_credentials.PARTS[:1] * 40]
    said = [signed(each) for each in names]
    said += [signed(hours=each) for each in hours] + [signed(sessions=each) for each in sessions]
    assert verdicts(*said) == [GOOD] * 15


def _named(credential: dict[str, Any]) -> None:
    credential["credentialSubject"]["identifier"][0]["identityHash"] = "Mallory"


def _with_hours(credential: dict[str, Any]) -> None:
    credential["credentialSubject"]["creditsEarned"] = 40


def _dated(credential: dict[str, Any]) -> None:
    credential["validFrom"] = "2020-01-01T00:00:00Z"


def _with_proof(credential: dict[str, Any]) -> None:
    credential["proof"]["created"] = "2020-01-01T00:00:00Z"


def _with_signature(credential: dict[str, Any]) -> None:
    value = credential["proof"]["proofValue"]
    credential["proof"]["proofValue"] = value[:-1] + ("2" if value[-1] == "1" else "1")


def _by_another_key(credential: dict[str, Any]) -> None:
    credential["proof"]["verificationMethod"] = did_document()["verificationMethod"][0]["id"]


def _elsewhere_in_the_list(credential: dict[str, Any]) -> None:
    credential["credentialStatus"]["statusListIndex"] = "7"


TAMPERED = [_named, _with_hours, _dated, _with_proof, _with_signature, _by_another_key, _elsewhere_in_the_list]


def test_what_was_changed_is_refused() -> None:
    keys.renew(PURPOSE)
    keys.renew(PURPOSE)
    credential = signed()
    changed = [copy.deepcopy(credential) for _ in TAMPERED]
    for tamper, each in zip(TAMPERED, changed, strict=True):
        tamper(each)
    good, *found = verdicts(credential, *changed)
    assert good == GOOD
    refused = {"verified": False, "revoked": None, "reason": "Invalid signature."}
    assert dict(zip(TAMPERED, found, strict=True)) == dict.fromkeys(TAMPERED, refused)


def test_what_another_signed_in_our_name_is_refused() -> None:
    credential = signed()
    theirs = did_document()
    keys.renew(PURPOSE)
    theirs["verificationMethod"][0]["publicKeyMultibase"] = did_document()["verificationMethod"][1][
        "publicKeyMultibase"
    ]
    assert [each["reason"] for each in verdicts(credential, documents={did(): theirs})] == ["Invalid signature."]


def test_what_an_old_key_signed_is_accepted_when_another_signs() -> None:
    old = signed()
    keys.renew(PURPOSE)
    new = signed()
    assert old["proof"]["verificationMethod"] != new["proof"]["verificationMethod"]
    assert verdicts(old, new) == [GOOD, GOOD]


def test_what_was_revoked_superseded_or_erased_is_reported() -> None:
    stands, revoked, corrected, erased = (make_credentials.certified() for _ in range(4))
    credentials = [json.loads(credential_of(each)) for each in (stands, revoked, corrected, erased)]
    assert verdicts(*credentials) == [GOOD] * 4
    revoke(revoked.certificate, "Not there.", actor=audit.SYSTEM)
    newer = correct(corrected.certificate, "Amina B. Haddad", "Misspelt.", actor=audit.SYSTEM)
    make_credentials.erase(erased)
    newest = json.loads(credential_of(make_credentials.current(newer)))
    assert verdicts(*credentials, newest) == [GOOD, REVOKED, REVOKED, REVOKED, GOOD]


def test_a_status_list_that_was_changed_tells_nothing() -> None:
    credential = signed()
    cache.clear()
    changed = copy.deepcopy(status_list(0))
    changed["credentialSubject"]["encodedList"] = _encoded([1])
    address = credential["credentialStatus"]["statusListCredential"]
    (verdict,) = verdicts(credential, documents={address: changed})
    assert verdict == {"verified": True, "revoked": None, "reason": "Invalid signature."}


def test_nothing_is_looked_up_elsewhere() -> None:
    """Whoever verifies is given all that is looked up; what is not among it is an error."""
    credential = signed()
    elsewhere = "https://w3id.org/security/suites/ed25519-2020/v1"
    credential["@context"].append(elsewhere)
    assert verdicts(credential) == [{"verified": False, "revoked": None, "reason": f"nothing is fetched: {elsewhere}"}]
