"""What is a person's name, a mail address, a phone number: one place for the API, the pages and imports."""

import re

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

LONGEST_NAME = 200
_LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3
# Line breaks, other control characters, and those that turn the direction of the text behind a name.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_VISIBLE = re.compile(r"[^\W_]")
_NATIONAL_PHONE = re.compile(r"\d{6,15}")


def person_name(text: str) -> str:
    """Return the name; ValidationError where it has no letter or digit, or holds control characters."""
    if _CONTROL.search(text) or not _VISIBLE.search(text):
        raise ValidationError(_("A name is one line of text."), "invalid")
    return text


def mail_address(text: str) -> str:
    """Return the address (RFC 5322, and RFC 6531 for other scripts); ValidationError for what no mail server takes."""
    try:
        if len(text) > _LONGEST_ADDRESS:
            raise EmailNotValidError  # noqa: TRY301  # one kind of refusal
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValidationError(_("This is not a mail address. Write it like name@example.org."), "invalid") from error


def phone_number(text: str) -> str:
    """Return a number with country code as E.164, one without as its digits; ValidationError for what nobody dials."""
    if not text:
        return ""
    digits = re.sub(r"[\s().\-/]", "", text)
    if _NATIONAL_PHONE.fullmatch(digits):
        return "".join(str(int(digit)) for digit in digits)  # whatever script they were typed in
    try:
        number = phonenumbers.parse(text, None)  # refuses what is longer than 250 characters itself
        if phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        pass
    raise ValidationError(
        _("This is not a phone number. Write it with the country code: +213 555 12 34 56."), "invalid"
    )
