"""What a document says as statements of RDF, and the one way to write those down, which is what is signed."""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pyld.canon import URDNA2015
from pyld.jsonld import JsonLdProcessor

from turnout.core.errors import InvalidError

CREDENTIALS: Final = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES: Final = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"

_FOLDER = Path(__file__).with_name("contexts")
_CONTEXTS = {
    address: json.loads((_FOLDER / name).read_text())
    for address, name in {CREDENTIALS: "credentials-v2.json", OPEN_BADGES: "open-badges-3.0.3.json"}.items()
}
# What means nothing gets an address under this, so that it is signed, or breaks the signature, like everything else.
_BASE = "undefined:/"
# Ours have two. To order many that look alike takes time without end, and who made a file may have meant it to.
_MOST_NAMELESS = 4
# The library compares each part of a list with all before it: 8,000 types take it a quarter of a minute, and as many as
# this two seconds. Ours have some fifty, and six more for each session that was attended: no person attends 300.
MOST_PARTS: Final = 2000
_ADDRESS = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*|_):[^\s<>\"{}|\\^`]*"
)  # RFC 3987, as far as RDF asks; or of no address
_FORM = {"algorithm": "URDNA2015", "format": "application/n-quads"}
_ONE_AT_A_TIME = threading.Lock()  # the library's caches are not made for threads

Dataset = dict[str, list[dict[str, dict[str, str]]]]


def statements(document: Mapping[str, Any]) -> Dataset:
    """Return what a document says; InvalidError `not_a_credential` where a word or a context in it is not known."""
    options = {"documentLoader": _load, "base": _BASE}
    with _ONE_AT_A_TIME:
        found: Dataset = _Processor(on_property_dropped=_refuse).to_rdf(document, options)
    nameless = {
        each["value"] for graph in found.values() for said in graph for each in said.values() if _is_nameless(each)
    }
    if len(nameless) > _MOST_NAMELESS:
        raise InvalidError("It has more parts without a name than a credential of ours.", "not_a_credential")
    return found


def check_size(document: object) -> None:
    """Refuse what would take the library long; InvalidError `not_a_credential`."""
    waiting, count = [document], 0
    while waiting:
        each = waiting.pop()
        parts = [*each.values()] if isinstance(each, dict) else each if isinstance(each, list) else []
        count += len(parts)
        if count > MOST_PARTS:
            raise InvalidError(f"It has more parts than a credential of ours: over {MOST_PARTS}.", "not_a_credential")
        waiting += parts


def canonical(said: Dataset) -> bytes:
    """Return the statements in RDF Dataset Canonicalization's form (RDFC-1.0)."""
    text: str = URDNA2015().main(said, _FORM)
    return text.encode()


class _Processor(JsonLdProcessor):
    """The library's, which is silent about what it leaves out."""

    def expand(self, input_: Any, options: Any) -> Any:
        """Refuse what has an address that is none: nobody would sign it, and whoever reads the JSON would see it."""
        expanded = super().expand(input_, options)
        _check_addresses(expanded)
        return expanded


def _check_addresses(expanded: Any) -> None:
    if isinstance(expanded, list):
        for each in expanded:
            _check_addresses(each)
    elif isinstance(expanded, dict):
        kinds = expanded.get("@type", [])
        for address in [expanded.get("@id", _BASE), *([kinds] if isinstance(kinds, str) else kinds)]:
            if not _ADDRESS.fullmatch(address):
                _refuse(address)
        for each in expanded.values():
            _check_addresses(each)


def _is_nameless(part: Mapping[str, str]) -> bool:
    return part["type"] == "blank node"


def _load(address: str, _options: object) -> dict[str, Any]:
    """Return a context that lies here. Nothing is ever fetched."""
    if address not in _CONTEXTS:
        raise InvalidError(f"It names a context that is not known here: {address[:200]}", "not_a_credential")
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": address,
        "document": _CONTEXTS[address],
        "tag": "static",  # so that the library keeps what it made of it
    }


def _refuse(word: object) -> None:
    raise InvalidError(f"It holds a word without a meaning: {word}"[:200], "not_a_credential")
