"""`Idempotency-Key` on whatever creates something."""

import functools
from collections.abc import Callable
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.core.idempotency import once

_LONGEST = 255


def idempotent(handler: Callable[[Any, Request], Response]) -> Callable[[Any, Request], Response]:
    """Let a POST with an `Idempotency-Key` be one deed however often it is sent; its answer must hold no secret."""

    @functools.wraps(handler)
    def post(view: APIView, request: Request) -> Response:
        key = request.headers.get("Idempotency-Key") or request.headers.get("X-Idempotency-Key")
        if not key:
            return handler(view, request)
        if len(key) > _LONGEST or not key.isprintable():
            raise ValidationError({"Idempotency-Key": [f"At most {_LONGEST} printable characters."]})
        body = repr(_sorted(request.data)).encode()  # what was meant, not how it was spaced

        def deed() -> tuple[int, dict[str, Any]]:
            response = handler(view, request)
            return response.status_code, response.data

        actor = f"user:{request.user.pk}" if request.user.is_authenticated else "guest"
        status, reply = once((actor, "POST", request.path, key), body, deed)
        return Response(reply, status=status)

    return post


def _sorted(value: Any) -> Any:
    return {name: _sorted(value[name]) for name in sorted(value)} if isinstance(value, dict) else value
