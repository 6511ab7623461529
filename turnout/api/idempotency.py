"""`Idempotency-Key` on whatever creates something."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.permissions import actor_of
from turnout.core.idempotency import once

IDEMPOTENCY_KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="Kept for 24 hours.")

T = TypeVar("T")
_LONGEST = 255


def idempotent(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Let a POST with an `Idempotency-Key` be one deed however often it is sent; its answer must hold no secret."""

    def deed(view: APIView, request: Request, _nothing: None, **named: Any) -> Response:
        return handler(view, request, **named)

    return functools.wraps(handler)(idempotent_after(_ask_nothing)(deed))


def idempotent_after(
    prepare: Callable[[Any, Request], T],
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Do the same for a handler with something before it that must stay outside its transaction.

    `prepare` checks the request's shape, and then what takes long or works once, such as a CAPTCHA. It is not asked
    again for a deed that is done. The handler gets what it returns.
    """

    def decorate(handler: Callable[..., Response]) -> Callable[..., Response]:
        @functools.wraps(handler)
        def post(view: APIView, request: Request, **named: Any) -> Response:
            key = request.headers.get("Idempotency-Key") or request.headers.get("X-Idempotency-Key")
            if not key:
                return handler(view, request, prepare(view, request), **named)
            if len(key) > _LONGEST or not key.isprintable():
                raise ValidationError({"Idempotency-Key": [f"At most {_LONGEST} printable characters."]})
            prepared: list[T] = []

            def first() -> None:
                prepared.append(prepare(view, request))

            def deed() -> tuple[int, dict[str, Any]]:
                response = handler(view, request, prepared[0], **named)
                return response.status_code, response.data

            whose = (actor_of(request), "POST", request.path, key)
            status, reply = once(whose, _meant(request.data), deed, first=first)
            return Response(reply, status=status)

        return post

    return decorate


def _ask_nothing(_view: APIView, _request: Request) -> None:
    """Prepare nothing."""


def _meant(data: Any) -> bytes:
    """Return what a body asks for: not how it is spaced, nor how its sender showed to be no program."""
    fields = {name: value for name, value in data.items() if name != "captcha"} if isinstance(data, dict) else data
    return repr(_sorted(fields)).encode()


def _sorted(value: Any) -> Any:
    if isinstance(value, UploadedFile):
        content = hashlib.file_digest(value, "sha256").hexdigest()
        value.seek(0)
        return value.name, content
    return {name: _sorted(value[name]) for name in sorted(value)} if isinstance(value, dict) else value
