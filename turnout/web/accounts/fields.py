"""Fields that several of these forms share, with what browsers and password managers need to know of them."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from turnout.accounts.passwords import LONGEST_PASSWORD
from turnout.core.contact import LONGEST_NAME, mail_address, person_name

_LONGEST_CODE = 40  # as typed, with blanks: a code of six digits, or a recovery code


def naming(text: str, address: str) -> SafeString:
    """Return a text with an address in it that keeps its own direction."""
    return format_html(text, address=format_html("<bdi>{}</bdi>", address))


class AddressField(forms.CharField):
    """A mail address."""

    def __init__(self, **options: Any) -> None:
        attributes = {"autocomplete": "email", "dir": "ltr"}
        super().__init__(**{"label": _("Your mail address"), "widget": forms.EmailInput(attributes), **options})

    def clean(self, value: Any) -> str:
        """Return the address."""
        return mail_address(super().clean(value))


class NameField(forms.CharField):
    """A person's name, or none."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Your name (optional)"),
            help_text=_("As it should stand on your certificate."),
            required=False,
            max_length=LONGEST_NAME,
            widget=forms.TextInput({"autocomplete": "name"}),
        )

    def clean(self, value: Any) -> str:
        """Return the name."""
        name = super().clean(value)
        return person_name(name) if name else ""


class PasswordField(forms.CharField):
    """The password somebody has, as it was typed. What was typed is never sent back."""

    def __init__(self, label: Any = None, autocomplete: str = "current-password", **options: Any) -> None:
        label = label or _("Password")
        widget = forms.PasswordInput({"autocomplete": autocomplete, "dir": "ltr"})
        super().__init__(label=label, strip=False, max_length=LONGEST_PASSWORD, widget=widget, **options)


class NewPasswordField(PasswordField):
    """A password somebody chooses."""

    def __init__(self, label: Any = None) -> None:
        help_text = _("Eight characters or more. A few words in a row are good, and easy to keep in mind.")
        super().__init__(label, "new-password", help_text=help_text)


class CodeInput(forms.TextInput):
    """Where a code is typed. One that was wrong or is spent is not shown again: there is nothing to mend in it."""

    def __init__(self, **attributes: str) -> None:
        super().__init__({"autocomplete": "one-time-code", "dir": "ltr", "class": "code", **attributes})

    def format_value(self, value: Any) -> None:
        """Show nothing."""


class CodeField(forms.CharField):
    """A code from a mail: digits, in whatever script and with whatever blanks they were typed."""

    def __init__(self) -> None:
        widget = CodeInput(inputmode="numeric")
        super().__init__(label=_("The six digits from the mail"), max_length=_LONGEST_CODE, widget=widget)

    def clean(self, value: Any) -> str:
        """Return the digits."""
        code = "".join(super().clean(value).split())
        return "".join(str(int(each)) for each in code) if code.isdecimal() else code


class SecondFactorField(forms.CharField):
    """A code from an authenticator app, or a recovery code, which has letters."""

    def __init__(self) -> None:
        super().__init__(
            label=_("The code from your authenticator app"),
            help_text=_("Or one of your recovery codes."),
            max_length=_LONGEST_CODE,
            widget=CodeInput(),
        )
