"""Text as people write it, brought to a form that can be compared."""

import hashlib
import re
import unicodedata

# What no file's name may have somewhere, and what turns a text's direction behind its back.
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200e\u200f\u2028-\u202e\u2066-\u2069]')
# A word keeps the signs that make names of languages: c++, c#, f#.
_WORD = re.compile(r"\w+[+#]*")


def fold(text: str) -> str:
    """Return the text without case and accents: what a person takes for the same is the same."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare.casefold())


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    return _WORD.findall(fold(text))


def searchable(text: str) -> str:
    """Return the folded words of a text with a space before each: `LIKE '% word%'` finds where one begins."""
    return "".join(f" {word}" for word in words(text))


def normal_address(address: str) -> str:
    """Return a mail address trimmed and in lower case; `josé@` stays another address than `jose@`."""
    return unicodedata.normalize("NFC", address.strip()).lower()


def digest(*parts: str) -> str:
    """Return SHA-256 of the parts in lower-case hex: a key that every collation compares byte for byte."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def address_key(address: str) -> str:
    """Return the key under which a mail address is looked up and kept unique."""
    return digest("address", normal_address(address))


def file_name(text: str, *, longest: int = 60) -> str:
    """Return a text as part of a file's name, in its own script: one line, and nothing in it that some system forbids.

    Sixty letters have 240 bytes at most.
    """
    plain = " ".join(_NOT_IN_FILE_NAMES.sub(" ", unicodedata.normalize("NFC", text)).split())
    return plain[:longest].strip(" .")
