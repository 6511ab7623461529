"""Errors as `application/problem+json` (RFC 9457): the one place where rules meet HTTP."""

from collections.abc import Iterable, Iterator
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from turnout.core.errors import (
    ConflictError,
    DomainError,
    Fault,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedTypeError,
)
from turnout.core.transactions import RaceLostError

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="api"'  # RFC 6750
_RETRY_SECONDS = 1

_STATUS: dict[type[DomainError], int] = {
    InvalidError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    GoneError: 410,
    TooLargeError: 413,
    UnsupportedTypeError: 415,
    ThrottledError: 429,
    UnavailableError: 503,
}
_TITLES = {
    400: "Not valid",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "In conflict with the state of things",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    429: "Too many requests",
    500: "Our fault",
    503: "Try again",
}


def problem(status: int, code: str, detail: str, **more: Any) -> JsonResponse:
    """Return the problem as a response."""
    body = _body(status, code, detail, **more)
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE)


def status_of(error: DomainError) -> int:
    """Return the HTTP status of a rule's no."""
    return _STATUS[type(error)]


@csrf_exempt  # what is not there needs no token
def unknown_address(_request: HttpRequest) -> JsonResponse:
    """Answer what no endpoint answers."""
    return problem(404, "not_found", NotFoundError().detail)


def handle(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; DRF calls this. None lets it through to be logged as our fault."""
    found = _problem_of(error)
    if found is None:
        return None
    status, body = found
    response = Response(body, status=status, content_type=MEDIA_TYPE)
    for name, value in _headers(error).items():
        response[name] = value
    return response


def _problem_of(error: Exception) -> tuple[int, dict[str, Any]] | None:  # noqa: PLR0911  # a case each
    match error:
        case DomainError():
            status = status_of(error)
            more = {**_faults(error.faults), **error.data}
            return status, _body(status, error.code, error.detail, **more)
        case exceptions.ValidationError():
            return 400, _body(400, "invalid", InvalidError.at().detail, **_faults(faults_of(error)))
        case Http404():
            return 404, _body(404, "not_found", NotFoundError().detail)
        case PermissionDenied():
            return 403, _body(403, "forbidden", _("You may not do this."))
        case exceptions.APIException():
            return error.status_code, _body(error.status_code, _code(error), str(error.detail))
        case RequestDataTooBig():
            return 413, _body(413, "too_large", _("What was sent is too large."))
        case SuspiciousOperation():
            return 400, _body(400, "invalid", _("The request is malformed."))
        case RaceLostError() | OperationalError():
            log.warning("database_busy", error=type(error).__name__, reason=str(error))
            return 503, _body(503, "try_again", _("Too many people want the same thing. Try again."))
        case _:
            return None


def retry_after(error: Exception) -> int:
    """Return in how many seconds it is worth trying again."""
    return int(error.data["retry_after"]) if isinstance(error, ThrottledError) else _RETRY_SECONDS


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, RaceLostError | OperationalError | UnavailableError | ThrottledError):
        return {"Retry-After": str(retry_after(error))}
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = CHALLENGE
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined]
    return headers


def _body(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        **more,
    }


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else "invalid"


def faults_of(error: exceptions.ValidationError) -> tuple[Fault, ...]:
    """Return what a serializer found at fault."""
    return tuple(_flatten(error.get_full_details(), ""))


def as_json(faults: Iterable[Fault]) -> list[dict[str, str]]:
    """Return faults as clients read them."""
    return [{"pointer": fault.pointer, "code": fault.code, "detail": fault.detail} for fault in faults]


def _faults(faults: tuple[Fault, ...]) -> dict[str, Any]:
    return {"errors": as_json(faults)} if faults else {}


def _flatten(details: Any, pointer: str) -> Iterator[Fault]:
    """Walk DRF's nested details and yield a fault for each leaf, with its JSON pointer."""
    if isinstance(details, list):
        for index, item in enumerate(details):
            leaf = isinstance(item, dict) and set(item) == {"message", "code"}
            yield from _flatten(item, pointer if leaf else f"{pointer}/{index}")
    elif set(details) == {"message", "code"}:
        yield Fault(pointer, str(details["code"]), str(details["message"]))
    else:
        for name, item in details.items():
            step = "" if name == "non_field_errors" else f"/{str(name).replace('~', '~0').replace('/', '~1')}"
            yield from _flatten(item, pointer + step)
