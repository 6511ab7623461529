"""The admin, behind one-time passwords from the first day."""

import re
from typing import Any, ClassVar

from django import forms
from django_otp.admin import OTPAdminSite
from django_otp.forms import OTPAuthenticationFormMixin
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite
from unfold.widgets import UnfoldAdminTextInputWidget

from turnout.accounts.models import User


class LoginForm(OTPAuthenticationFormMixin, AuthenticationForm):
    """Address, password and the code of the moment, or a recovery code: all three at once."""

    otp_token = forms.CharField(
        label="Code from your authenticator app",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )
    otp_error_messages: ClassVar = {
        **OTPAuthenticationFormMixin.otp_error_messages,
        "device_required": OTPAuthenticationFormMixin.otp_error_messages["invalid_token"],
    }

    def clean(self) -> dict[str, Any]:
        """Check the password, then the code."""
        self.cleaned_data = super().clean()
        self.clean_otp(self.get_user())
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned

    def _chosen_device(self, user: User) -> TOTPDevice | StaticDevice | None:
        """Return the device the code must be from, by its form: nobody should have to choose."""
        digits = re.fullmatch(r"[0-9]{6}", self.cleaned_data.get("otp_token", ""))
        kind = TOTPDevice if digits else StaticDevice
        device: TOTPDevice | StaticDevice | None = kind.objects.filter(user=user, confirmed=True).first()
        return device


class AdminSite(OTPAdminSite, UnfoldAdminSite):
    """Unfold's looks; whoever comes in has shown a second factor."""

    login_form = LoginForm
    login_template = "web/admin_login.html"
