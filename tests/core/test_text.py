import pytest

from turnout.core.text import address_key, fold, normal_address, words


@pytest.mark.parametrize(
    ("written", "folded"),
    [("MÜNCHEN", "munchen"), ("Straße", "strasse"), ("Élysée", "elysee"), ("القاهِرة", "القاهرة"), ("ﬁn", "fin")],
)
def test_what_a_person_takes_for_the_same_folds_to_the_same(written: str, folded: str) -> None:
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("text", "found"),
    [("Learn C++ and C#, fast!", ["learn", "c++", "and", "c#", "fast"]), ("(((", []), ("", []), ("a-b", ["a", "b"])],
)
def test_words_keep_the_signs_that_name_languages(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_an_address_is_compared_trimmed_and_without_case_but_with_its_accents() -> None:
    assert normal_address("  Jose@Example.ORG ") == "jose@example.org"
    assert address_key("JOSÉ@example.org") == address_key("josé@example.org")
    assert address_key("josé@example.org") == address_key("jose\u0301@example.org")
    assert address_key("josé@example.org") != address_key("jose@example.org")
