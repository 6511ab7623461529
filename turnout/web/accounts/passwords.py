"""A forgotten password: asking for a link, and what the link leads to."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from turnout.accounts.actions import passwords
from turnout.accounts.queries import reset_of
from turnout.core.errors import DomainError, GoneError, InvalidError
from turnout.guard.addresses import network
from turnout.registrations.attacks.queries import under_attack
from turnout.web.accounts.fields import AddressField, NewPasswordField, naming
from turnout.web.forms import REFUSED, Form, ask_captcha, form_page, limit, private, secret_page, sent, show

_PURPOSE = "password_reset"  # of a CAPTCHA


class ResetForm(Form):
    """Whose password is forgotten, under the names of the API."""

    email = AddressField()


class NewPasswordForm(Form):
    """A new password, and the token from the mail."""

    token = forms.CharField(widget=forms.HiddenInput)
    password = NewPasswordField(_("The new password"))


@form_page
def reset_page(request: HttpRequest) -> HttpResponse:
    """Ask for the address; with the token from the mail, for the new password. No address is told from another."""
    if request.method != "POST" and "token" in request.GET:
        return new_password_page(request)
    form = ResetForm(sent(request))
    if form.is_valid():
        email = form.cleaned_data["email"]
        try:
            limit(request, "signup")
            ask_captcha(request, _PURPOSE, always=under_attack())
            passwords.ask_reset(email, language=get_language() or "en", client=network(request.META))
        except REFUSED as error:
            form.refuse(error)
        else:
            told = gettext("We have sent a mail to {address}. Follow the link in it within an hour.")
            messages.info(request, naming(told, email), extra_tags="account")
            return redirect("reset")
    return show(request, "web/accounts/reset.html", form, purpose=_PURPOSE, always=under_attack())


@secret_page
@form_page
def new_password_page(request: HttpRequest) -> HttpResponse:
    """Ask for the new password. A link that is worth nothing any more leads to where a new one is asked for."""
    form = NewPasswordForm(sent(request), initial={"token": request.GET.get("token", "")})
    try:
        user = reset_of(str(form["token"].value() or ""))[1]
        if form.is_valid() and _set_password(request, form):
            return redirect("login")
    except (GoneError, InvalidError) as error:
        return _over(request, error)
    # The address is for the password manager of whoever holds the link.
    return private(show(request, "web/accounts/new_password.html", form, username=user.email))


def _set_password(request: HttpRequest, form: NewPasswordForm) -> bool:
    """Set the password, or say in the form why not."""
    try:
        limit(request, "verify")
        passwords.reset_password(**form.cleaned_data)
    except REFUSED as error:
        form.refuse(error)
        return False
    told = gettext("Your password is new, and you are signed out everywhere. Sign in with it.")
    messages.info(request, told, extra_tags="account")
    return True


def _over(request: HttpRequest, error: DomainError) -> HttpResponse:
    form = ResetForm()
    form.status = 410 if isinstance(error, GoneError) else 400
    response = show(
        request, "web/accounts/reset.html", form, purpose=_PURPOSE, always=under_attack(), over=error.detail
    )
    # No secret is left in the address, and the form has to show where it comes from.
    response["X-Robots-Tag"] = "noindex"
    return response
