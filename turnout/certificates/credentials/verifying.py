"""Checking a certificate of anybody's, a PDF or a credential, with nothing but public keys: no network, no database."""

import base64
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pypdf import PdfReader

from turnout.certificates.credentials.linked import Dataset
from turnout.certificates.credentials.proofs import check
from turnout.core.errors import DomainError, InvalidError

LARGEST: Final = 20 * 1024 * 1024  # of a file, in bytes
_LARGEST_JSON = 1024 * 1024
_LONGEST_LIST = 16 * 1024 * 1024  # bytes of a list that is unpacked
_PDF = b"%PDF-"
_MAGIC_WITHIN = 1024
_GZIP = 31  # to zlib

_RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_VC = "https://www.w3.org/2018/credentials#"
_STATUS = "https://www.w3.org/ns/credentials/status#"
_BADGE = "https://purl.imsglobal.org/spec/vc/ob/vocab.html#"
_NAME = "https://schema.org/name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of a file. All but the problem is told by what was signed, and empty where nothing was."""

    problem: str = ""  # in words; empty: it is valid
    holder: str = ""
    event: str = ""
    issuer: str = ""  # who gave it, as it says
    did: str = ""  # of the site that signed it: a name may be anybody's, this is not
    date: str = ""  # when the event began, there
    key: str = ""  # id of the key that signed it
    asked: str = ""  # from when the status list is that was asked whether it was revoked; empty: none was

    @property
    def valid(self) -> bool:
        """Whether it was signed by a known key, as it is, and as far as was asked holds."""
        return not self.problem

    def __str__(self) -> str:
        rows = {"Holder": self.holder, "Event": self.event, "Issuer": self.issuer, "DID": self.did}
        rows |= {"Date": self.date, "Key": self.key, "Status": self.asked and f"as of {self.asked}"}
        lines = ["valid" if self.valid else f"invalid: {_plain(self.problem)}"]
        lines += [f"{name + ':':8}{_plain(value)}" for name, value in rows.items() if value]
        if self.valid and not self.asked:
            lines.append("Whether it was revoked since then was not asked.")
        return "\n".join(lines)


def verify(file: bytes, keys: Mapping[str, bytes], status: bytes | None = None) -> Verdict:
    """Tell whether a PDF or a credential is valid by one of these keys, and by a status list if one is given."""
    try:
        facts = _Facts(*check(_credential(file), keys), "OpenBadgeCredential", of=_BADGE)
        told = _told(facts)
    except Exception as error:  # noqa: BLE001  # a stranger's file may be anything, and so is what libraries say to it
        return Verdict(problem=_in_words(error))
    if status is None:
        return told
    try:
        revoked, asked = _is_revoked(facts, status, keys)
    except Exception as error:  # noqa: BLE001  # likewise
        return replace(told, problem=f"The file of the status list is wrong: {_in_words(error)}")
    return replace(told, asked=asked, problem="It was revoked, or superseded by a newer one." if revoked else "")


def _in_words(error: Exception) -> str:
    return error.detail if isinstance(error, DomainError) else f"It can't be read ({type(error).__name__})."


class _Facts:
    """What was signed: the file's own JSON may say it in ways that show one thing and mean another."""

    def __init__(self, method: str, said: Dataset, kind: str, *, of: str) -> None:
        self.did, _, self.key = method.partition("#")
        self._values: dict[tuple[str, str], list[str]] = {}
        for each in said["@default"]:
            place = each["subject"]["value"], each["predicate"]["value"]
            self._values.setdefault(place, []).append(each["object"]["value"])
        roots = {
            subject
            for (subject, predicate), kinds in self._values.items()
            if predicate == _RDF_TYPE and f"{_VC}VerifiableCredential" in kinds and of + kind in kinds
        }
        if len(roots) != 1:
            raise InvalidError(f"It is signed, and is no {kind}.", "not_a_credential")
        (self.root,) = roots
        if (issuer := self.one(f"{_VC}issuer")) != self.did:
            raise InvalidError(f"It is signed by another than its issuer: {issuer[:200]}", "unknown_key")

    def one(self, *path: str) -> str:
        """Return where a path leads from the credential, which has to be to one place."""
        place = self.root
        for predicate in path:
            found = self._values.get((place, predicate), [])
            if len(found) != 1:
                raise InvalidError("It is signed, and does not say what a certificate says.", "not_a_credential")
            (place,) = found
        return place


def _told(facts: _Facts) -> Verdict:
    subject = f"{_VC}credentialSubject"
    return Verdict(
        holder=facts.one(subject, f"{_BADGE}identifier", f"{_BADGE}identityHash"),
        event=facts.one(subject, f"{_BADGE}achievement", _NAME),
        issuer=facts.one(f"{_VC}issuer", _NAME),
        did=facts.did,
        date=facts.one(subject, f"{_BADGE}activityStartDate")[:10],
        key=facts.key,
    )


def _is_revoked(facts: _Facts, status: bytes, keys: Mapping[str, bytes]) -> tuple[bool, str]:
    """Tell whether its bit is set in the list, and from when that is; InvalidError where it is not its list."""
    listed = _Facts(*check(read_json(status), keys), "BitstringStatusListCredential", of=_STATUS)
    address = facts.one(f"{_VC}credentialStatus", f"{_STATUS}statusListCredential")
    if address != listed.root:
        raise InvalidError(f"It is {listed.root}, and this certificate's is {address}", "wrong_status_list")
    encoded = listed.one(f"{_VC}credentialSubject", f"{_STATUS}encodedList").removeprefix("u")
    packed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    bits = zlib.decompressobj(_GZIP).decompress(packed, _LONGEST_LIST)
    index = int(facts.one(f"{_VC}credentialStatus", f"{_STATUS}statusListIndex"))
    return bool(bits[index // 8] & 0x80 >> index % 8), listed.one(f"{_VC}validFrom")


def read_json(content: bytes) -> dict[str, Any]:
    """Return a document; InvalidError `not_json`."""
    try:
        document = json.loads(content) if len(content) <= _LARGEST_JSON else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidError("It is neither a PDF nor a credential in JSON.", "not_json")
    return document


def _credential(file: bytes) -> dict[str, Any]:
    if len(file) > LARGEST:
        raise InvalidError("It is larger than any certificate.", "too_large")
    if _PDF not in file[:_MAGIC_WITHIN]:
        return read_json(file)
    for attached in _attachments(file):
        try:
            return read_json(attached())
        except InvalidError:
            continue
    raise InvalidError("It is a PDF without a credential in it.", "no_credential")


def _attachments(file: bytes) -> Iterator[Callable[[], bytes]]:
    reader = PdfReader(io.BytesIO(file))
    if reader.is_encrypted:
        raise InvalidError("It is an encrypted PDF, and certificates are not.", "encrypted")
    for each in reader.attachment_list:
        yield lambda each=each: each.content  # type: ignore[misc]


def _plain(text: str) -> str:
    """Return a text as a terminal may show it: on one line, and without what moves its cursor."""
    return "".join(character if character.isprintable() else " " for character in text)
