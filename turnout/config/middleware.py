"""What happens to every request, whatever it asks for."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from turnout.api.errors import problem, retry_after, status_of
from turnout.config.errors import answer
from turnout.core import audit
from turnout.core.errors import DomainError, ThrottledError, UnavailableError
from turnout.core.transactions import RaceLostError

log = structlog.get_logger()

GetResponse = Callable[[HttpRequest], HttpResponse]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Names every request in its answer and its log lines: `X-Request-ID`, the client's own if it sent one.

    With ACCESS_LOG it tells of each in a line of its own, without the query string: keys may stand there.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Name the request, and answer it."""
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # for lines that Django writes later
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            if settings.ACCESS_LOG:
                _tell(request, response, time.perf_counter() - began)
        response["X-Request-ID"] = request_id
        return response


def _tell(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    line = {"method": request.method, "path": request.path, "status": response.status_code}
    actor = _known_actor(request)
    log.info("request", **line, milliseconds=round(seconds * 1000, 1), **({"actor": actor} if actor else {}))


def _known_actor(request: HttpRequest) -> str:
    """Return the id of who called, if the request has asked for them already: nobody is looked up for a log line."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):  # the session's
        user = request.__dict__.get("_cached_user")
    return audit.actor_of(user) if user is not None and user.is_authenticated else ""


class SoundRequestMiddleware:
    """Refuses NUL characters in path, query and cookies, which no column holds, and bodies too long or of no length."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse, or answer."""
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return problem(400, "nul_character", "The address holds a NUL character.")
        if any("\0" in value for value in request.COOKIES.values()):
            return problem(400, "nul_character", "A cookie holds a NUL character.")
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            return problem(411, "length_required", "Say with Content-Length how long the body is.")
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isascii() and announced.isdigit() and int(announced) > settings.LARGEST_BODY:
            return answer(request, 413, "too_large", _("What was sent is too large."))
        return self.get_response(request)


class DomainErrorMiddleware:
    """Lets pages raise what a rule said, and turns it into an answer; the API has done so for its own already."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Say why a rule said no."""
        if isinstance(exception, DomainError):
            response = answer(request, status_of(exception), exception.code, exception.detail)
            if isinstance(exception, ThrottledError | UnavailableError):
                response["Retry-After"] = str(retry_after(exception))
            return response
        if isinstance(exception, RaceLostError | OperationalError):
            log.warning("database_busy", error=type(exception).__name__, reason=str(exception))
            response = answer(request, 503, "try_again", _("Too many people want the same thing. Try again."))
            response["Retry-After"] = "1"
            return response
        return None
