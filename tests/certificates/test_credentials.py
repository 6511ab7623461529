"""Credentials: what they say, that nobody else could have said it, and that it is said once."""

import copy
import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests.support import credentials as certificates
from turnout.certificates.actions import correct, revoke
from turnout.certificates.credentials import (
    PURPOSE,
    credential_of,
    credentials_of,
    did,
    did_document,
    keys_of,
    linked,
    proofs,
    verify,
)
from turnout.certificates.credentials.actions import keep_credentials
from turnout.certificates.credentials.badges import badge
from turnout.certificates.credentials.proofs import from_multibase, multibase, prove
from turnout.certificates.credentials.status import _encoded
from turnout.certificates.credentials.status import status_list as kept
from turnout.certificates.models import Version
from turnout.core import audit, keys
from turnout.core.clock import now
from turnout.core.errors import GoneError, InvalidError, NotFoundError

pytestmark = pytest.mark.django_db
STATUS = "/api/credentials/status/0/"
OTHER = "did:web:other.example"
REVOKED = "It was revoked, or superseded by a newer one."


def status_list(number: int) -> dict[str, Any]:
    """Return it as it is now."""
    cache.clear()
    return kept(number)


def credential(name: str = "Amina Haddad", **says: Any) -> dict[str, Any]:
    return dict(json.loads(credential_of(certificates.certified(name, **says))))


def judged(document: dict[str, Any], status: dict[str, Any] | None = None) -> str:
    """Return what is wrong with it by the keys that are published; nothing where it is valid."""
    list_ = None if status is None else json.dumps(status).encode()
    return verify(json.dumps(document).encode(), keys_of(did_document()), list_).problem


def altered(value: Any) -> Iterator[Any]:
    """Yield a document with each of its values changed, and with each of its members taken out."""
    if isinstance(value, dict):
        for name in value:
            yield {other: each for other, each in value.items() if other != name}
            yield from ({**value, name: each} for each in altered(value[name]))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield value[:place] + value[place + 1 :]
            yield from ([*value[:place], other, *value[place + 1 :]] for other in altered(each))
    else:
        yield (not value) if isinstance(value, bool) else value + 1 if isinstance(value, int | float) else value + "1"


def test_a_credential_says_what_the_certificate_says_and_nothing_more(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://events.example.org:8443"
    version = certificates.certified(hours=Decimal("2.25"))
    page = f"https://events.example.org:8443/certificates/{version.certificate_id}/?version=1"
    of_list = f"https://events.example.org:8443/api/credentials/status/{version.status_list}/"
    found = json.loads(credential_of(version))
    achievement_id = found["credentialSubject"]["achievement"].pop("id")
    proof = found.pop("proof")
    assert found == {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": page,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Certificate of appreciation: Rust for beginners",
        "issuer": {
            "id": "did:web:events.example.org%3A8443",
            "type": ["Profile"],
            "name": version.says.issuer,
        },
        "validFrom": version.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "credentialSubject": {
            "id": f"urn:uuid:{version.certificate_id}",
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "hashed": False,
                    "identityHash": "Amina Haddad",
                    "identityType": "name",
                }
            ],
            "role": "volunteer",
            "activityStartDate": "2025-05-16T10:30:00+01:00",
            "activityEndDate": "2025-05-16T12:30:00+01:00",
            "creditsEarned": 2.25,
            "achievement": {
                "type": ["Achievement"],
                "achievementType": "Award",
                "name": "Rust for beginners",
                "description": "Certificate of appreciation, Algiers, 2025-05-16",
                "criteria": {"narrative": "Given to those who helped."},
                "inLanguage": "en",
            },
        },
        "evidence": [
            {
                "id": f"{page}#session-{number}",
                "type": ["Evidence"],
                "name": f"Talk {hour}",
                "description": f"2025-05-16T{hour + 1}:30:00+01:00/2025-05-16T{hour + 2}:30:00+01:00",
            }
            for number, hour in enumerate((10, 11), 1)
        ],
        "credentialStatus": {
            "id": f"{of_list}#{version.status_index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(version.status_index),
            "statusListCredential": of_list,
        },
    }
    assert achievement_id.startswith("urn:uuid:")
    key = f"did:web:events.example.org%3A8443#{keys.active_key_id(PURPOSE)}"
    assert (proof["verificationMethod"], proof["cryptosuite"]) == (key, "eddsa-rdfc-2022")


def test_who_earned_the_same_shares_an_achievement_and_nothing_else() -> None:
    one, other, longer = (certificates.certified(), certificates.certified("Samir"), certificates.certified(event="Go"))
    subjects = [json.loads(credential_of(each))["credentialSubject"] for each in (one, other, longer)]
    assert len({each["achievement"]["id"] for each in subjects}) == 2
    assert len({each["id"] for each in subjects}) == 3


def test_it_is_signed_once_and_outlives_its_event_and_its_organiser() -> None:
    version = certificates.certified()
    first = credential_of(version)
    event = version.certificate.event
    assert event is not None
    assert event.owner is not None
    owner = event.owner
    event.delete()
    owner.delete()
    keys.renew(PURPOSE)
    again = certificates.current(version.certificate)
    assert (again.certificate.event_id, credential_of(again)) == (None, first)
    Version.objects.update(credential=None)
    anew = json.loads(credential_of(certificates.current(version.certificate)))
    assert {**anew, "proof": None} == {**json.loads(first), "proof": None}
    assert judged(anew) == ""


def test_every_change_is_noticed() -> None:
    mine = credential()
    assert judged(mine) == ""
    changes = list(altered(mine))
    assert len(changes) > 80
    assert [each for each in changes if not judged(each)] == []


def test_a_word_that_was_added_is_noticed_wherever_it_means_something_or_nothing() -> None:
    mine = credential()
    for added in ({"award": "gold"}, {"type": [*mine["type"], "Diploma"]}, {"image": "https://example.org/"}):
        assert judged({**mine, **added}) != ""
    subject = mine["credentialSubject"]
    honest, lie = subject["identifier"][0], {"type": "IdentityObject", "hashed": False, "identityType": "name"}
    for shown in (
        {**lie, "id": "nowhere", "identityHash": "Mallory"},
        {**lie, "id": "a b:c", "identityHash": "Mallory"},
    ):
        two = {**mine, "credentialSubject": {**subject, "identifier": [shown, honest]}}
        assert judged(two) != ""


def test_a_context_of_somebody_elses_is_refused_without_asking_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = credential()
    monkeypatch.setattr(socket, "socket", pytest.fail)
    monkeypatch.setattr(socket, "getaddrinfo", pytest.fail)
    elsewhere = "https://example.org/context.json"
    for contexts in ([*mine["@context"], elsewhere], [*mine["@context"], {"name": "https://example.org/"}], elsewhere):
        assert judged({**mine, "@context": contexts}) == "It is no credential of the kind that Turnout makes."
    mine["credentialSubject"]["@context"] = elsewhere
    assert judged(mine) != ""
    unsigned = {**badge(certificates.certified()), "@context": [elsewhere]}
    with pytest.raises(Exception, match="Could not expand"):
        prove(unsigned, keys.active_key_id(PURPOSE))


def test_what_means_nothing_is_not_signed() -> None:
    unsigned = {**badge(certificates.certified()), "award": "gold"}
    with pytest.raises(InvalidError, match="a word without a meaning"):
        prove(unsigned, keys.active_key_id(PURPOSE))


def test_an_old_key_verifies_for_good() -> None:
    old = credential()
    new_key = keys.renew(PURPOSE)
    new = credential()
    assert new["proof"]["verificationMethod"] == f"{did()}#{new_key}"
    assert (judged(old), judged(new)) == ("", "")
    method = f"{did()}#{new_key}"
    only_new = {method: keys_of(did_document())[method]}
    assert verify(json.dumps(old).encode(), only_new).problem.startswith("It is signed by a key that is not known")


def test_a_key_signs_for_its_own_issuer_alone() -> None:
    unsigned, key_id = badge(certificates.certified()), keys.active_key_id(PURPOSE)
    elsewhere = {**unsigned, "issuer": {**unsigned["issuer"], "id": OTHER}}
    assert judged(prove(elsewhere, key_id)) == f"It is signed by a key that is not known: {OTHER}#{key_id}"
    options = {**prove(unsigned, key_id)["proof"], "verificationMethod": f"{OTHER}#{key_id}"}
    message = proofs._options_digest(options["verificationMethod"], options["created"])
    message += proofs._digest(linked.statements(unsigned))
    proof = {**options, "proofValue": multibase(keys.sign(PURPOSE, key_id, message))}
    assert judged({**unsigned, "proof": proof}).startswith("It is signed by a key that is not known")


def test_an_issuer_signs_no_credential_of_another_inside_one_of_its_own() -> None:
    unsigned, key_id = badge(certificates.certified()), keys.active_key_id(PURPOSE)
    inside = {**unsigned, "id": f"{unsigned['id']}#2", "issuer": {**unsigned["issuer"], "id": OTHER}}
    del inside["@context"]
    around = {**unsigned, "type": ["VerifiableCredential"], "credentialSubject": inside, "evidence": []}
    assert judged(prove(around, key_id)) == f"It is signed by another than its issuer: {OTHER}"


def test_a_did_document_speaks_for_its_own_did_alone() -> None:
    mine, published = credential(), did_document()
    theirs = {**published, "id": OTHER}
    renamed = json.loads(json.dumps(published).replace(did(), OTHER))
    assert keys_of(theirs) == {}
    for document in (theirs, renamed):
        problem = verify(json.dumps(mine).encode(), keys_of(document)).problem
        assert problem == f"It is signed by a key that is not known: {did()}#{keys.active_key_id(PURPOSE)}"
    with pytest.raises(InvalidError, match="no DID document"):
        keys_of({name: value for name, value in published.items() if name != "id"})


def test_keys_for_other_purposes_sign_no_credential() -> None:
    ticket_key = keys.active_key_id("ticket")
    credential()
    assert [*keys_of(did_document())] == [f"{did()}#{keys.active_key_id(PURPOSE)}"]
    assert ticket_key not in str(did_document())
    assert len(did_document()["verificationMethod"]) == 1


def test_of_two_that_sign_at_once_the_first_is_kept() -> None:
    version = certificates.certified()
    theirs = certificates.current(version.certificate)
    mine = credential_of(version)
    assert credential_of(theirs) == mine  # read before ours was kept
    assert keep_credentials({version.pk: "{}"}) == {version.pk: mine}


def test_what_was_erased_is_gone_and_stays_gone() -> None:
    version = certificates.certified()
    certificates.erase(version)
    with pytest.raises(GoneError) as gone:
        credential_of(certificates.current(version.certificate))
    assert gone.value.code == "certificate_erased"
    with pytest.raises(GoneError):
        credential_of(version)  # read before it was erased
    assert credentials_of(certificates.versions()) == {}


def test_many_are_signed_in_as_many_queries_as_one(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    credential()  # makes the key
    for count in (1, 3):
        for _ in range(count):
            certificates.certified()
        versions = list(certificates.versions())
        with django_assert_num_queries(5):  # which key signs; begin, read, keep, commit
            first = credentials_of(versions)
        assert len(first) == len(versions)
        again = list(certificates.versions())
        with django_assert_num_queries(0):
            assert credentials_of(again) == first


def bits(document: dict[str, Any], *versions: Version) -> list[bool]:
    """Return whether each version is told to hold no more."""
    found = []
    for version in versions:
        problem = judged(json.loads(credential_of(version)), document)
        assert problem in {"", REVOKED}
        found.append(problem == REVOKED)
    return found


def test_without_its_cache_a_status_list_is_made_each_time(settings: Settings) -> None:
    version = certificates.certified()
    nobody = "redis://127.0.0.1:9/0"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": nobody}}
    assert bits(kept(0), version) == [False]


def test_the_status_list_tells_what_holds_no_more() -> None:
    valid, revoked, superseded = (certificates.certified() for _ in range(3))
    erased = certificates.certified()
    of_erased = json.loads(credential_of(erased))
    assert bits(status_list(0), valid, revoked, superseded) == [False] * 3
    assert judged(of_erased, status_list(0)) == ""
    revoke(revoked.certificate, "Not there.", actor=audit.SYSTEM)
    correct(superseded.certificate, "Amina B. Haddad", "Misspelt.", actor=audit.SYSTEM)
    certificates.erase(erased)
    newer = certificates.current(superseded.certificate)
    at_once = status_list(0)
    assert bits(at_once, valid, revoked, superseded, newer) == [False, True, True, False]
    assert judged(of_erased, at_once) == REVOKED
    indices = {each.status_index for each in (revoked, superseded, erased)}
    assert at_once["credentialSubject"]["encodedList"] == _encoded(sorted(indices))


def test_a_status_list_is_one_of_ours_and_the_right_one(settings: Settings) -> None:
    mine = credential()
    list_ = status_list(0)
    changed = copy.deepcopy(list_)
    changed["credentialSubject"]["encodedList"] = _encoded([1])
    wrong = "The file of the status list is wrong: "
    assert judged(mine, changed) == f"{wrong}The signature does not fit: something in it was changed."
    assert judged(mine, mine) == f"{wrong}It is signed, and is no BitstringStatusListCredential."
    assert judged(list_) == "It is signed, and is no OpenBadgeCredential."
    Version.objects.update(status_list=1)
    addresses = [f"{settings.PUBLIC_BASE_URL}/api/credentials/status/{number}/" for number in (1, 0)]
    assert judged(mine, status_list(1)) == "{}It is {}, and this certificate's is {}".format(wrong, *addresses)
    with pytest.raises(NotFoundError):
        status_list(0)


def test_a_status_list_is_kept_until_a_bit_is_set_or_for_ten_seconds(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    version = certificates.certified()
    credential_of(version)  # makes the key
    kept(0)
    with django_assert_num_queries(6):  # the last such deeds; whether there is one, its bits, which key signs
        first = status_list(0)
    with django_assert_num_queries(3):
        assert kept(0) == first
    revoke(version.certificate, "Not there.", actor=audit.SYSTEM)
    second = kept(0)
    assert second["credentialSubject"] != first["credentialSubject"]
    new_key = keys.renew(PURPOSE)
    assert kept(0) == second
    with time_machine.travel(now() + timedelta(seconds=11)):
        third = kept(0)
    assert third["proof"]["verificationMethod"] == f"{did()}#{new_key}"


def test_anybody_reads_the_keys_and_the_lists_from_any_page(client: Client) -> None:
    cache.clear()
    mine = credential()
    for address, media_type, caching in (
        ("/.well-known/did.json", "application/did+json", "public, max-age=60"),
        (STATUS, "application/vc", "public, no-cache"),
    ):
        answer = client.get(address, headers={"Origin": "https://wallet.example"})
        told = {name: answer[name] for name in ("Content-Type", "Access-Control-Allow-Origin", "Cache-Control")}
        assert told == {
            "Content-Type": media_type,
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": caching,
        }
        assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert client.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert json.loads(client.get("/.well-known/did.json").content) == did_document()
    assert judged(mine, json.loads(client.get(STATUS).content)) == ""
    for number in ("1", "99999999999999999999999", "9" * 260):
        assert client.get(f"/api/credentials/status/{number}/").json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"", "z"), (b"\0", "z1"), (b"\0\0\1", "z112"), (b"Hello World!", "z2NEpo7TZRRrLZSi2U"), (b"\xff" * 4, "z7YXq9G")],
)
def test_bytes_are_written_in_base58(content: bytes, text: str) -> None:
    assert (multibase(content), from_multibase(text)) == (text, content)


@pytest.mark.parametrize("text", ["", "u12", "z0", "zé", "z" + "1" * 300])
def test_other_letters_are_no_base58(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_multibase(text or "?")
