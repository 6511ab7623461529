"""In which of our languages somebody wants to be written to."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header


def asked_for(environ: Mapping[str, Any], cookies: Mapping[str, str]) -> str:
    """Return the language that a request asks for, by our cookie or `Accept-Language`; empty where it is none of ours.

    Pages are shown in English then. `environ` is a WSGI environment (PEP 3333).
    """
    accepted = parse_accept_lang_header(str(environ.get("HTTP_ACCEPT_LANGUAGE", "")).lower())
    return first_of_ours(cookies.get(settings.LANGUAGE_COOKIE_NAME, ""), *(code for code, _quality in accepted))


def first_of_ours(*codes: str) -> str:
    """Return the first of these languages that we write, or its nearest kin; empty where we write none of them."""
    for code in codes:
        with suppress(LookupError, ValueError):  # too long, or not ours
            return get_supported_language_variant(code)
    return ""
