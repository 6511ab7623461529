"""What a person sees when something does not work, and what a program sees under /api/."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from turnout.api.errors import problem


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's call
    """400."""
    return answer(request, 400, "invalid", _("The request is malformed."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's call
    """403."""
    return answer(request, 403, "forbidden", _("You may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's call
    """404."""
    return answer(request, 404, "not_found", _("There is nothing here by that name."))


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's call
    """403, for a form that was not ours."""
    return answer(request, 403, "csrf", _("This page has expired. Load it again and send it once more."))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: nothing here may fail in turn, so no template and no database."""
    if _is_api(request):
        return problem(500, "internal", "This is our fault. It is logged under the request_id.")
    return HttpResponse("This is our fault, and it is logged. Please try again.", "text/plain", 500)


def answer(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    """Return a problem to a program, a page to a person."""
    if _is_api(request):
        return problem(status, code, detail)
    return render(request, "web/error.html", {"detail": detail}, status=status)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")
