"""Signing in and out: the password, then, where the account has one, the second factor."""

from datetime import datetime, timedelta
from typing import Any

import django_otp
from django import forms
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from turnout.accounts.actions import sessions
from turnout.accounts.models import User
from turnout.accounts.queries import second_factor_of
from turnout.core.clock import now
from turnout.core.errors import ForbiddenError, UnauthenticatedError
from turnout.guard.addresses import network
from turnout.web.accounts.fields import AddressField, PasswordField, SecondFactorField
from turnout.web.accounts.sign_up import to_code
from turnout.web.forms import REFUSED, Form, form_page, limit, sent, show

# In the session, between the two steps: who has shown their password here, and how long that counts.
_HALF = "signing_in"
_HALF_LIVES = timedelta(minutes=10)


class LoginForm(Form):
    """Who signs in, under the names of the API."""

    email = AddressField()
    password = PasswordField()
    next = forms.CharField(widget=forms.HiddenInput, required=False)


class SecondFactorForm(Form):
    """The code."""

    otp = SecondFactorField()


@form_page
def login_page(request: HttpRequest) -> HttpResponse:
    """Ask for address and password; nothing tells whether an address is known."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(_own_page(request, request.GET.get("next", "")))
    form = LoginForm(sent(request), initial={"next": request.GET.get("next", "")})
    purpose = ""
    if form.is_valid():
        try:
            return _sign_in(request, **form.cleaned_data)
        except REFUSED as error:
            form.refuse(error)
            purpose = "login" if error.code.startswith("captcha_") else ""
    return show(request, "web/accounts/login.html", form, purpose=purpose)


@form_page
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor, of who has just shown the password of an account that has one."""
    half = request.session.get(_HALF)
    user = _who_is_half_in(half)
    if half is None or user is None:
        return redirect("login")
    form = SecondFactorForm(sent(request))
    if form.is_valid():
        try:
            limit(request, "login")
            shown = sessions.check_second_factor(user, form.cleaned_data["otp"], client=network(request.META))
        except UnauthenticatedError as error:
            form.refuse(UnauthenticatedError(_("This code is wrong, or it was used already."), error.code), at="otp")
        except REFUSED as error:
            form.refuse(error)
        else:
            return _enter(request, user, half["next"], second_factor=shown)
    return show(request, "web/accounts/second_factor.html", form)


@form_page
def logout_page(request: HttpRequest) -> HttpResponse:
    """Sign out; who comes by a link is asked first."""
    if request.method == "POST":
        logout(request)
        return redirect("home")
    return render(request, "web/accounts/logout.html")


def _sign_in(request: HttpRequest, email: str, password: str, next: str) -> HttpResponse:  # noqa: A002  # the field's name
    limit(request, "login")
    client = network(request.META)
    try:
        user = sessions.check_password(email, password, client=client, answer=request.POST.get("captcha"))
    except ForbiddenError as error:
        if "signup_id" not in error.data:
            raise
        return to_code(request, error.data["signup_id"], email)
    try:
        shown = sessions.check_second_factor(user, "", client=client)
    except UnauthenticatedError:
        return _half_in(request, user, next)
    return _enter(request, user, next, second_factor=shown)


def _half_in(request: HttpRequest, user: User, following: str) -> HttpResponse:
    request.session.cycle_key()
    # The hash changes with the password, and with all that ends sessions.
    proof = {"user": str(user.pk), "hash": user.get_session_auth_hash(), "at": now().isoformat()}
    request.session[_HALF] = {**proof, "next": _own_page(request, following)}
    return redirect("second-factor")


def _who_is_half_in(half: dict[str, Any] | None) -> User | None:
    if half is None or now() - datetime.fromisoformat(half["at"]) >= _HALF_LIVES:
        return None
    user = User.objects.filter(pk=half["user"], is_active=True).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), half["hash"]):
        return None
    return user


def _enter(request: HttpRequest, user: User, following: str, *, second_factor: bool) -> HttpResponse:
    """Begin the session, under a new id. One that showed the second factor says so: staff rights hang on it."""
    request.session.pop(_HALF, None)
    login(request, user)
    if second_factor:  # one begun meanwhile was not shown
        django_otp.login(request, second_factor_of(user))
    return HttpResponseRedirect(_own_page(request, following))


def _own_page(request: HttpRequest, following: str) -> str:
    """Return where to go on: a page of ours, whatever the address says."""
    ours = url_has_allowed_host_and_scheme(following, {request.get_host()}, require_https=request.is_secure())
    return following if ours else resolve_url("home")
