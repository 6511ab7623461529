"""Fields that several resources share: what people tell about themselves, and that they are people."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from turnout.core.contact import LONGEST_NAME, mail_address, person_name, phone_number
from turnout.guard import captcha


class NameField(serializers.CharField):
    """A person's name: one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_NAME, **options)

    def to_internal_value(self, data: Any) -> str:
        """Return the name."""
        return person_name(super().to_internal_value(data))


@extend_schema_field(OpenApiTypes.EMAIL)
class AddressField(serializers.CharField):
    """A mail address."""

    def to_internal_value(self, data: Any) -> str:
        """Return the address."""
        return mail_address(super().to_internal_value(data))


class PhoneField(serializers.CharField):
    """A phone number: with country code it is kept as E.164, else as its digits."""

    def to_internal_value(self, data: Any) -> str:
        """Return the number."""
        return phone_number(super().to_internal_value(data))


class CaptchaField(serializers.CharField):
    """The answer to a CAPTCHA, where one is switched on (`/api/captcha/`). It counts once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=captcha.LONGEST, allow_blank=True, allow_null=True, default="", **options)
