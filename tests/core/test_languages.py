"""In which of our languages somebody is written to."""

import pytest

from turnout.core.languages import asked_for, first_of_ours


@pytest.mark.parametrize(
    ("accepted", "cookie", "meant"),
    [
        ("fr", "", "fr"),
        ("de, fr-CA;q=0.8, ar;q=0.5", "", "fr"),
        ("ar-DZ", "", "ar"),
        ("de", "", ""),
        ("", "", ""),
        ("*", "", ""),
        ("en", "ar", "ar"),
        ("fr", "xx", "fr"),
        ("x" * 5000, "y" * 5000, ""),
        ("fr;q=0, ar;q=zero", "\0", ""),
    ],
)
def test_a_request_asks_for_a_language_by_cookie_or_header_or_for_none_of_ours(
    accepted: str, cookie: str, meant: str
) -> None:
    assert asked_for({"HTTP_ACCEPT_LANGUAGE": accepted}, {"django_language": cookie} if cookie else {}) == meant


def test_of_several_languages_the_first_that_we_write_counts() -> None:
    assert (first_of_ours("de", "ar-dz", "fr"), first_of_ours("de"), first_of_ours()) == ("ar", "", "")
