"""What pages with forms share: how faults are said, and what keeps secrets and strangers' forms out."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from turnout.accounts.models import User
from turnout.core.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    InvalidError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from turnout.guard import captcha
from turnout.guard.actions import admit_network
from turnout.guard.addresses import network
from turnout.web.captcha import render_asking

View = Callable[..., HttpResponse]

# What is said in the form, where nothing typed is lost, and the status that goes with it.
_STATUS: dict[type[DomainError], int] = {
    InvalidError: 400,
    UnauthenticatedError: 400,  # 401 would need a challenge that browsers answer with a window of their own
    ForbiddenError: 403,
    ConflictError: 409,
    ThrottledError: 429,
    UnavailableError: 503,
}
REFUSED = tuple(_STATUS)

# For forms that carry a secret in their body, where no cookie gives any right: there is nothing to forge. And with the
# referrer policy that keeps the secret in the address from other sites, browsers send `Origin: null`, which Django's
# check refuses.
secret_page = csrf_exempt


class Form(forms.Form):
    """A form that says in itself what a rule said, and has the cursor where something is to be mended."""

    status = 200
    retry_after: int | None = None

    def full_clean(self) -> None:
        """Check everything."""
        super().full_clean()
        if self.is_bound and self.errors:
            self.status = 400
        self._begin_at_the_first_fault()

    def refuse(self, error: DomainError, at: str | None = None) -> None:
        """Say what a rule said: at the fields it names, else at this one, else above all."""
        for fault in error.faults:
            name = fault.pointer.strip("/")
            self.add_error(name if name in self.fields else None, fault.detail)
        if not error.faults:
            self.add_error(at, error.detail)
        self.status = _STATUS[type(error)]
        self.retry_after = error.data.get("retry_after")
        self._begin_at_the_first_fault()

    def _begin_at_the_first_fault(self) -> None:
        faulty = next((name for name in self.fields if name in self.errors), None)
        if faulty is not None:
            self.fields[faulty].widget.attrs["autofocus"] = True


def form_page(view: View) -> View:
    """Let a page be read and sent, and kept nowhere."""
    methods = require_http_methods(["GET", "HEAD", "POST"])
    page: View = never_cache(sensitive_post_parameters()(methods(view)))
    return page


def own_page(view: View) -> View:
    """Let in who is signed in; others are led to the login and back."""
    page: View = form_page(login_required(view))
    return page


def self_of(request: HttpRequest) -> User:
    """Return who is signed in, where nobody else gets in."""
    return cast("User", request.user)


def sent(request: HttpRequest) -> Any:
    """Return what was sent; None where the page is only read."""
    return request.POST if request.method == "POST" else None


def limit(request: HttpRequest, scope: str) -> None:
    """Count a deed of the client's network: the limits and the scopes are those of the API. ThrottledError."""
    admit_network(scope, network(request.META))


def ask_captcha(request: HttpRequest, purpose: str, *, always: bool = False) -> None:
    """Let pass who is no program, where one is asked for or always; the purposes are those of the API. InvalidError."""
    captcha.check(request.POST.get("captcha"), network(request.META), purpose=purpose, always=always)


def show(
    request: HttpRequest, template: str, form: Form, *, purpose: str = "", always: bool = False, **more: Any
) -> HttpResponse:
    """Show a page with its form, as it is or with what is wrong in it, and with the CAPTCHA of a purpose."""
    asking = partial(render_asking, always=always) if purpose else render
    response = asking(request, template, {"form": form, "purpose": purpose, **more}, status=form.status)
    if form.retry_after is not None:
        response["Retry-After"] = str(form.retry_after)
    return response


def private(response: HttpResponse) -> HttpResponse:
    """Keep the secret in the address from other sites and from search engines."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
