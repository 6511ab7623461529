"""The admin, behind one-time passwords from the first day."""

from typing import Any

from django import forms
from django_otp.admin import OTPAdminSite
from django_otp.forms import OTPAuthenticationFormMixin
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite
from unfold.widgets import UnfoldAdminTextInputWidget


class LoginForm(OTPAuthenticationFormMixin, AuthenticationForm):
    """Address, password and the code of the moment, or a recovery code: all three at once."""

    otp_token = forms.CharField(
        label="Code from your authenticator app",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    # The mixin reads these two; which device a code belongs to is found by trying it.
    otp_device = forms.CharField(required=False, widget=forms.Select)
    otp_challenge = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Check the password, then the code."""
        self.cleaned_data = super().clean()
        self.clean_otp(self.get_user())
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned


class AdminSite(OTPAdminSite, UnfoldAdminSite):
    """Unfold's looks; whoever comes in has shown a second factor."""

    login_form = LoginForm
    login_template = "web/admin_login.html"
