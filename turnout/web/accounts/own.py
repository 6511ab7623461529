"""One's own account: what is known, what can be changed, and the ways out."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.accounts.actions import passwords, profile, sessions
from turnout.accounts.models import User
from turnout.accounts.queries import address_asked_by, has_second_factor
from turnout.certificates.actions import people
from turnout.core.text import normal_address
from turnout.guard.addresses import network
from turnout.privacy.actions import erase
from turnout.privacy.queries import certificates_of, export
from turnout.web.accounts.fields import AddressField, CodeField, NameField, NewPasswordField, PasswordField, naming
from turnout.web.forms import REFUSED, Form, limit, own_page, self_of, sent, show


class ProfileForm(Form):
    """How somebody is called and written to, under the names of the API."""

    name = NameField()
    language = forms.ChoiceField(label=_("The language we write to you in"), choices=settings.LANGUAGES)


class AddressForm(Form):
    """A new address."""

    email = AddressField(label=_("Your new mail address"), help_text=_("We send a code there."))

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.user = user

    def clean_email(self) -> str:
        """Take another address than the one that is."""
        email: str = self.cleaned_data["email"]
        if normal_address(email) == self.user.email:
            raise forms.ValidationError(_("This is your address already."), "unchanged")
        return email


class CodeForm(Form):
    """The code from the mail."""

    otp = CodeField()


class PasswordForm(Form):
    """The password that is, and the one that shall be."""

    current = PasswordField(_("The password you have"))
    password = NewPasswordField(_("The new password"))


class EraseForm(Form):
    """One's own address, typed: nobody does that by accident."""

    email = AddressField()
    keep_certificates = forms.BooleanField(
        label=_("Keep my certificates"),
        required=False,
        help_text=_("Whoever checks them still finds them real, with your name on them. Else they are erased, too."),
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.user = user
        if not certificates_of(user).exists():
            del self.fields["keep_certificates"]
        self.fields["email"].label = naming(gettext("Type {address} to go on"), user.email)
        self.fields["email"].widget.attrs["autocomplete"] = "off"

    def clean_email(self) -> str:
        """Take one's own address only."""
        email: str = self.cleaned_data["email"]
        if normal_address(email) != self.user.email:
            raise forms.ValidationError(_("This is not your address."), "other")
        return email


@own_page
def account_page(request: HttpRequest) -> HttpResponse:
    """Show one's account; POST changes name and language."""
    user = self_of(request)
    form = ProfileForm(sent(request), initial={"name": user.name, "language": user.language})
    if form.is_valid():
        profile.change_profile(user, form.cleaned_data)
        with override(user.language):
            response = _told(request, gettext("Saved."))
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language)  # from now on the pages speak it too
        return response
    asked, second_factor = address_asked_by(user), has_second_factor(user)
    return show(request, "web/accounts/account.html", form, asked=asked, second_factor=second_factor)


@own_page
def address_page(request: HttpRequest) -> HttpResponse:
    """Ask for a new address; then a code is on its way there, whoever has it."""
    user = self_of(request)
    form = AddressForm(user, sent(request))
    if form.is_valid():
        try:
            profile.ask_address(user, form.cleaned_data["email"])
        except REFUSED as error:
            form.refuse(error)
        else:
            return redirect("account-address-code")
    return show(request, "web/accounts/address.html", form)


@own_page
def address_code_page(request: HttpRequest) -> HttpResponse:
    """Ask for the code; with it the new address counts."""
    user = self_of(request)
    address = address_asked_by(user)
    if not address:
        return redirect("account-address")
    form = CodeForm(sent(request))
    if form.is_valid():
        try:
            limit(request, "verify")
            people.confirm_address(user, address, form.cleaned_data["otp"], client=network(request.META))
        except REFUSED as error:
            form.refuse(error, at="otp")
        else:
            return _told(request, gettext("Your account has a new address."))
    return show(request, "web/accounts/address_code.html", form, address=address)


@own_page
def password_page(request: HttpRequest) -> HttpResponse:
    """Change the password; this browser stays signed in, all others are out."""
    user = self_of(request)
    form = PasswordForm(sent(request))
    if form.is_valid():
        try:
            passwords.change_password(user, form.cleaned_data["current"], form.cleaned_data["password"])
        except REFUSED as error:
            form.refuse(error)
        else:
            update_session_auth_hash(request, user)
            return _told(request, gettext("Your password is new. Everywhere else you are signed out."))
    return show(request, "web/accounts/password.html", form, username=user.email)


@own_page
def sessions_page(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    if request.method != "POST":
        return render(request, "web/accounts/sessions.html")
    user = self_of(request)
    sessions.sign_out_everywhere(user)
    update_session_auth_hash(request, user)
    return _told(request, gettext("Everywhere else you are signed out."))


@own_page
def calendar_page(request: HttpRequest) -> HttpResponse:
    """Show the address at which calendars find what one is registered for; POST makes a new one."""
    user = self_of(request)
    if request.method != "POST":
        address = user.calendar_url
        known = {"address": address, "subscribe": f"webcal:{address.partition(':')[2]}"}  # opens calendar programs
        return render(request, "web/accounts/calendar.html", known)
    profile.renew_calendar(user)
    messages.info(request, gettext("Your calendar has a new address. The old one leads nowhere."), extra_tags="account")
    return redirect("account-calendar")


@never_cache
@require_safe
@login_required
def export_page(request: HttpRequest) -> HttpResponse:
    """Return everything held about oneself, as a file."""
    held = JsonResponse(export(self_of(request)), json_dumps_params={"indent": 2, "ensure_ascii": False})
    held["Content-Disposition"] = 'attachment; filename="turnout.json"'
    return held


@own_page
def erase_page(request: HttpRequest) -> HttpResponse:
    """Erase one's account, after its address was typed."""
    user = self_of(request)
    form = EraseForm(user, sent(request))
    if form.is_valid():
        keeps = form.cleaned_data.get("keep_certificates", False)
        try:
            erase(user, keep_certificates=keeps)
        except REFUSED as error:
            form.refuse(error)
        else:
            logout(request)
            return render(request, "web/accounts/erased.html", {"keeps": keeps})
    return show(request, "web/accounts/erase.html", form)


def _told(request: HttpRequest, text: str) -> HttpResponse:
    messages.info(request, text, extra_tags="account")
    return redirect("account")
