"""Reading what clients send."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

_DEEPEST = 20


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 has it, within bounds: size, depth, numbers, and only text that a database can hold."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the object; ParseError (400) or RequestDataTooBig (413) for anything else."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            message = "too large"
            raise RequestDataTooBig(message)
        announced = (parser_context or {})["request"].META.get("CONTENT_LENGTH")
        if announced and announced.isascii() and announced.isdigit() and len(raw) < int(announced):
            raise ParseError("The body is shorter than its Content-Length.")
        try:
            body = json.loads(raw.decode("utf-8"), parse_constant=_refuse, parse_float=_number)
        except (ValueError, RecursionError) as error:
            message = "This is not JSON in UTF-8."
            raise ParseError(message) from error
        if not isinstance(body, dict):
            message = "Send a JSON object."
            raise ParseError(message)
        _check(body, _DEEPEST)
        return body


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = "A number is too large."
        raise ParseError(message)
    return number


def _refuse(name: str) -> None:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        message = "This is nested too deeply."
        raise ParseError(message)
    if isinstance(value, str):
        if "\0" in value:
            message = "NUL characters are refused."
            raise ParseError(message, "nul_character")
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            message = "Half of a surrogate pair is no character."
            raise ParseError(message)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
