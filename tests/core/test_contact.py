"""What is a name, an address, a phone number."""

import pytest
from django.core.exceptions import ValidationError

from turnout.core.contact import person_name, phone_number


@pytest.mark.parametrize("name", ["Amina Bouzid", "أمينة", "李", "O'Neil-Smith", "3rd", "A\u200cB", "é" * 200])
def test_names_of_people_are_names(name: str) -> None:
    assert person_name(name) == name


@pytest.mark.parametrize("text", ["\u200b", "...", "A\nB", "A\u202eB", "\u2066A", "A\0"])
def test_what_nobody_could_read_is_none(text: str) -> None:
    with pytest.raises(ValidationError):
        person_name(text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("0555 12-34-56", "0555123456"),
        ("٠٥٥٥١٢٣٤٥٦", "0555123456"),
        ("+213 (0) 555 12 34 56", "+213555123456"),
        ("+٢١٣ ٥٥٥١٢٣٤٥٦", "+213555123456"),
        ("", ""),
    ],
)
def test_numbers_are_kept_in_one_form_whatever_script_they_are_typed_in(typed: str, kept: str) -> None:
    assert phone_number(typed) == kept
