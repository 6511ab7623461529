"""The admin's pages of the second factor: the first one, by a link and a password, and one's own."""

from collections.abc import Callable
from typing import Any, cast

import segno
from django import forms
from django.contrib import admin
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp import login as show_second_factor
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from turnout.accounts.actions import second_factor
from turnout.accounts.links import password_proof, proves_password, read_link
from turnout.accounts.models import User
from turnout.accounts.queries import second_factor_of, unconfirmed_second_factor_of
from turnout.core.errors import DomainError
from turnout.guard.actions import admit_network
from turnout.guard.addresses import network


class PasswordForm(forms.Form):
    """The password of whom the link is for."""

    password = forms.CharField(
        strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password", "autofocus": True})
    )


class CodeForm(forms.Form):
    """A code."""

    otp = forms.CharField(
        label="Code from your authenticator app",
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code"}),
    )

    def run(self, deed: Callable[[User, str], Any], user: User) -> Any:
        """Do what takes a code; None, with the fault on the form, where there is none or it is refused."""
        if not self.is_valid():
            return None
        try:
            return deed(user, self.cleaned_data["otp"])
        except DomainError as error:
            self.add_error("otp", error.detail)
            return None


@never_cache
@sensitive_post_parameters()
def enrol_page(request: HttpRequest) -> HttpResponse:
    """Set up a second factor by a link that staff gave, and one's password: the link alone opens nothing."""
    user = read_link(request.GET.get("token", ""))
    if proves_password(user, request.POST.get("proof", "")):
        form = CodeForm(request.POST)
        codes = form.run(second_factor.confirm, user)
        if codes:
            return _page(request, "codes", account=user, codes=codes, signed_in=False)
        return _scan(request, user, form, proof=request.POST["proof"])
    password_form = PasswordForm(request.POST or None)
    if password_form.is_valid():
        admit_network("login", network(request.META))
        if authenticate(request, username=user.email, password=password_form.cleaned_data["password"]) == user:
            second_factor.begin_anew(user)
            return _scan(request, user, CodeForm(), proof=password_proof(user))
        password_form.add_error("password", "This is not the password of this account.")
    return _page(request, "password", account=user, form=password_form)


@never_cache
@sensitive_post_parameters()
def own_page(request: HttpRequest) -> HttpResponse:
    """Show one's own second factor; by a code of it, make new recovery codes or move to another app."""
    user = cast("User", request.user)
    deed = request.POST.get("deed", "")
    form = CodeForm(request.POST if deed else None)
    if deed == "confirm":
        codes = form.run(second_factor.confirm, user)
        if not codes:
            return _scan(request, user, form)
        show_second_factor(request, second_factor_of(user))  # or this session would end with the old device
        return _page(request, "codes", codes=codes, signed_in=True)
    if deed == "renew" and (codes := form.run(second_factor.renew_recovery_codes, user)):
        return _page(request, "codes", codes=codes, signed_in=True)
    if deed == "replace" and form.run(second_factor.begin, user):
        return _scan(request, user, CodeForm())
    device, left = second_factor_of(user), user.recovery_codes.count()
    return _page(request, "overview", form=form, device=device, left=left)


def _scan(request: HttpRequest, user: User, form: CodeForm, **more: Any) -> HttpResponse:
    """Show what the app must know. Where nothing is being set up any more, there is nothing to show."""
    device = unconfirmed_second_factor_of(user)
    if device is None:
        return _page(request, "over", **more)
    secret, link = second_factor.enrolment_of(device)
    code = segno.make(link).svg_inline(scale=5, border=4, light="#fff", omitsize=False)
    grouped = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return _page(request, "scan", account=user, form=form, secret=grouped, link=link, code=code, **more)


def _page(request: HttpRequest, step: str, **more: Any) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": "Your second factor", "step": step, **more}
    # Each of the two addresses has a template by its name; the steps they share are in a third.
    name = request.resolver_match.url_name if request.resolver_match else ""
    return TemplateResponse(request, f"web/admin/{name}.html", context)
