"""The admin, behind one-time passwords from the first day."""

from typing import Any, ClassVar

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse, reverse_lazy
from django_otp.admin import OTPAdminSite
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm
from unfold.sites import UnfoldAdminSite
from unfold.widgets import UnfoldAdminTextInputWidget

from turnout.accounts.actions.passwords import set_password
from turnout.accounts.actions.second_factor import spend
from turnout.accounts.models import User
from turnout.accounts.queries import second_factor_of
from turnout.config import doctor, second_factor
from turnout.core import audit
from turnout.core.errors import ThrottledError
from turnout.guard.actions import admit_network
from turnout.guard.addresses import network


class LoginForm(AuthenticationForm):
    """Address, password and the code of the moment, or a recovery code: all three at once."""

    otp_token = forms.CharField(
        label="Code from your authenticator app",
        max_length=40,
        help_text="Or one of your recovery codes.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code"}),
    )
    error_messages: ClassVar = {
        "invalid_login": "The address, the password or the code is wrong. Each code works once.",
    }

    def clean(self) -> dict[str, Any]:
        """Check the password, then the code. Whatever is wrong, the answer is the same."""
        cleaned: dict[str, Any] = self.cleaned_data
        if self.errors:
            return cleaned
        # Counted before a password is hashed: that costs more than anything else here.
        admit_network("login", network(self.request.META))
        user = authenticate(self.request, username=cleaned["username"], password=cleaned["password"])
        if not (isinstance(user, User) and user.is_staff and _spends(user, cleaned["otp_token"])):
            raise ValidationError(self.error_messages["invalid_login"], code="invalid_login")
        user.otp_device = second_factor_of(user)  # type: ignore[attr-defined]  # django-otp marks the session by it
        self.user_cache = user
        return cleaned


def _spends(user: User, otp: str) -> bool:
    try:
        return spend(user, otp)
    except ThrottledError:
        return False  # only who knows the password comes this far: no other answer may tell


class PasswordForm(AdminOwnPasswordChangeForm):
    """One's own password, changed by the action."""

    def save(self, commit: bool = True) -> User:  # noqa: FBT002  # Django's call
        """Write the password."""
        set_password(self.user, self.cleaned_data["new_password1"], actor=audit.actor_of(self.user))
        user: User = self.user
        return user


class AdminSite(OTPAdminSite, UnfoldAdminSite):
    """Unfold's looks; whoever comes in has shown a second factor."""

    login_form = LoginForm
    login_template = "web/admin/login.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take our own pages only: what libraries bring writes rows by itself, devices and groups among them."""
        if admin_class is not None and admin_class.__module__.startswith("turnout."):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern]:
        """Add the doctor and the pages of the second factor."""
        own = [
            path("doctor/", self.admin_view(doctor.page), name="doctor"),
            path("second-factor/", self.admin_view(second_factor.own_page), name="second_factor"),
            path("second-factor/enrol/", second_factor.enrol_page, name="second_factor_enrol"),
        ]
        return [*own, *super().get_urls()]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Add the doctor, which is no rows, where staff look for all else: in the menu and on the first page."""
        listed: list[dict[str, Any]] = super().get_app_list(request, app_label)
        if app_label is None:
            door = reverse("admin:doctor")
            page = {"name": "Doctor", "object_name": "Doctor", "admin_url": door, "view_only": True}
            listed.insert(0, {"name": "Operations", "app_label": "doctor", "app_url": door, "models": [page]})
        return listed

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Let somebody change their own password."""
        return PasswordChangeView.as_view(
            form_class=PasswordForm,
            template_name="registration/password_change_form.html",
            success_url=reverse_lazy("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )(request)
