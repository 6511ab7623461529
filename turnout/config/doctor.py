"""The doctor's page in the admin: what was found and what to do, and a test mail to oneself."""

from typing import cast

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from turnout.accounts.models import User
from turnout.core.errors import DomainError
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import Window
from turnout.reports.doctor import Finding, Level, examine, send_test_mail

_TEST_MAILS = (Window(3, 60), Window(20, 3600))  # each holds a thread for as long as the mail server takes
# How the page shows each level, the worst first.
_LOOKS = {Level.ERROR: "danger", Level.WARNING: "warning", Level.UNKNOWN: "info", Level.OK: "success"}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show what is found now, the worst first; POST sends a test mail to who asks."""
    if request.method == "POST":
        _say(request, _mail_to(cast("User", request.user)))
        return HttpResponseRedirect(request.path)
    found = examine()
    shown = {
        "title": "Doctor",
        "findings": [
            (finding, looks) for level, looks in _LOOKS.items() for finding in found if finding.level == level
        ],
        "counts": [(level.value, sum(finding.level == level for finding in found)) for level in _LOOKS],
    }
    return TemplateResponse(request, "web/admin/doctor.html", {**admin.site.each_context(request), **shown})


def _mail_to(user: User) -> Finding:
    try:
        admit(Claim("doctor.mail", str(user.pk), _TEST_MAILS))
    except DomainError as refusal:
        return Finding("Test mail", Level.ERROR, refusal.detail)
    return send_test_mail(user.email)


def _say(request: HttpRequest, outcome: Finding) -> None:
    level = messages.SUCCESS if outcome.level == Level.OK else messages.ERROR
    messages.add_message(request, level, f"{outcome.says.rstrip('.')}. {outcome.advice}".strip())
