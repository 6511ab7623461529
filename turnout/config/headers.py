"""What every answer tells browsers and caches, beyond what Django's own middleware says."""

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from turnout.config.middleware import GetResponse

# Only what a page of ours will ever ask for: the camera, to scan tickets.
_PERMISSIONS = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"
_DATA = {"application/json", "application/problem+json"}
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_CREDENTIALS = ("Authorization", "X-Registration-Token")


class PolicyMiddleware(CSPMiddleware):
    """Sends the Content-Security-Policy, with what the pages that others made need on top of it.

    Data need nothing at all, and their policy need not be put together for each answer.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Set it."""
        if response.headers.get("Content-Type", "") in _DATA:
            response.headers.setdefault("Content-Security-Policy", _NOTHING)
            return response
        return super().process_response(request, response)

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002
    ) -> PolicyParts:
        """Add what this address needs."""
        parts = super().get_policy_parts(request, response, report_only)
        for prefix, more in settings.CSP_ALSO.items():
            if request.path_info.startswith(prefix):
                parts.update = more
        return parts


class HeadersMiddleware:
    """Closes what no page needs, keeps others' pages from loading ours, and caches from keeping what is somebody's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path_info.startswith("/api/") and _is_personal(request):
            response["Cache-Control"] = "no-store"
        return response


def _is_personal(request: HttpRequest) -> bool:
    """Tell whether the caller showed who they are, or wrote something: the answer may hold what is theirs."""
    shown = settings.SESSION_COOKIE_NAME in request.COOKIES or any(name in request.headers for name in _CREDENTIALS)
    keys = not {"token", "ticket"}.isdisjoint(request.GET)
    return shown or keys or request.method not in {"GET", "HEAD", "OPTIONS"}
