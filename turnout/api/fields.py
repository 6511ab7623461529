"""Fields of bodies that several resources share."""

from typing import Any

from django.core.validators import URLValidator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from turnout.core.contact import LONGEST_NAME, mail_address, person_name, phone_number
from turnout.guard import captcha

_LONGEST_URL = 500
_LONGEST_TEXT = 100_000


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


@extend_schema_field(OpenApiTypes.URI)
class WebField(serializers.CharField):
    """An address on the web, `http` or `https`; empty is none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=_LONGEST_URL, allow_blank=True, default="", **options)
        self.validators.append(URLValidator(schemes=["http", "https"]))


class TextField(serializers.CharField):
    """A text that may be left empty, or out."""

    def __init__(self, **options: Any) -> None:
        if "required" not in options:
            options.setdefault("default", "")
        super().__init__(**{"allow_blank": True, "max_length": _LONGEST_TEXT, **options})


class IdField(serializers.UUIDField):
    """An id; of something shown whole, as it is in answers, its id is read."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the id."""
        key: Any = data.get("id") if isinstance(data, dict) else data
        return super().to_internal_value(key)


def read(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """Return what was sent, checked; ValidationError where it is not what it should be."""
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked
