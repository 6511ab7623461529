"""Signing up: who comes, and the code from the mail."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from turnout.accounts.actions import sign_up
from turnout.accounts.models import Role
from turnout.guard.addresses import network
from turnout.registrations.attacks.queries import under_attack
from turnout.web.accounts.fields import AddressField, CodeField, NameField, NewPasswordField
from turnout.web.forms import REFUSED, Form, ask_captcha, form_page, limit, sent, show

# In the session: the attempt this browser made, with its password. So nobody types an id, and no code of another's
# attempt, even to the same address, is ever taken here.
_ATTEMPT = "signing_up"


class SignUpForm(Form):
    """Who signs up, under the names of the API."""

    email = AddressField(help_text=_("We send a code there."))
    password = NewPasswordField()
    name = NameField()
    role = forms.ChoiceField(
        label=_("What brings you here?"),
        choices=[(Role.SEEKER, _("I want to take part in events")), (Role.FACILITATOR, _("I organise events"))],
        initial=Role.SEEKER,
        widget=forms.RadioSelect,
    )


class CodeForm(Form):
    """The code from the mail."""

    otp = CodeField()


@form_page
def sign_up_page(request: HttpRequest) -> HttpResponse:
    """Ask who comes; then a code is on its way. The answer is the same for an address that has an account."""
    if request.user.is_authenticated:
        return redirect("account")
    form = SignUpForm(sent(request))
    if form.is_valid():
        try:
            limit(request, "signup")
            ask_captcha(request, "signup", always=under_attack())
            newcomer = sign_up.Newcomer(**form.cleaned_data, language=get_language() or "en")
            attempt = sign_up.sign_up(newcomer, client=network(request.META))
        except REFUSED as error:
            form.refuse(error)
        else:
            return to_code(request, attempt.id, attempt.email)
    return show(request, "web/accounts/sign_up.html", form, purpose="signup", always=under_attack())


def to_code(request: HttpRequest, attempt: UUID | str, email: str) -> HttpResponse:
    """Lead a browser that has shown the attempt's password to where its code is asked for."""
    request.session.cycle_key()  # whoever knew the session before does not know what it holds now
    request.session[_ATTEMPT] = {"id": str(attempt), "email": email}
    return redirect("verify")


@form_page
def verify_page(request: HttpRequest) -> HttpResponse:
    """Ask for the code. The right one makes the account, and signs in: this browser has shown the password already."""
    attempt = request.session.get(_ATTEMPT)
    if attempt is None and request.user.is_authenticated:
        return redirect("account")
    if attempt is None:
        # Another browser, perhaps: with address and password the attempt is found again.
        messages.info(request, gettext("Sign in to go on."), extra_tags="account")
        return redirect("login")
    form = CodeForm(sent(request))
    if form.is_valid():
        try:
            return _verify(request, attempt, form.cleaned_data["otp"])
        except REFUSED as error:
            form.refuse(error, at="otp")
    return show(request, "web/accounts/verify.html", form, address=attempt["email"])


@require_POST
def new_code(request: HttpRequest) -> HttpResponse:
    """Mail a new code, at most one a minute. What is said is always the same."""
    attempt = request.session.get(_ATTEMPT)
    if attempt is not None:
        limit(request, "signup")
        sign_up.resend(attempt["email"], signup_id=UUID(attempt["id"]), client=network(request.META))
        told = gettext("A new code is on its way, if the last one is older than a minute. Use the newest mail.")
        messages.info(request, told, extra_tags="account")
    return redirect("verify")


def _verify(request: HttpRequest, attempt: dict[str, Any], code: str) -> HttpResponse:
    limit(request, "verify")
    user = sign_up.verify(attempt["email"], code, signup_id=UUID(attempt["id"]), client=network(request.META))
    del request.session[_ATTEMPT]
    login(request, user)
    messages.info(request, gettext("Welcome! Your account is ready."), extra_tags="account")
    return redirect("account")
