import pytest
from pytest_django import Settings

from turnout.core.errors import InvalidError
from turnout.core.ids import decode_id, encode_id, new_id
from turnout.core.tokens import fits_key, make_key, make_token, read_token


def test_a_token_names_what_it_was_made_for() -> None:
    subject = new_id()
    assert read_token("a", make_token("a", subject)) == subject


@pytest.mark.parametrize("spoilt", ["{0}A", "A{0}", "{0:.40}", "", "é..", "."])
def test_an_altered_token_is_refused(spoilt: str) -> None:
    token = make_token("a", new_id())
    with pytest.raises(InvalidError) as refused:
        read_token("a", spoilt.format(token))
    assert refused.value.code == "token_invalid"


def test_a_token_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidError):
        read_token("a", make_token("b", new_id()))


def test_a_key_opens_its_own_thing_in_its_own_version_only() -> None:
    mine, other = new_id(), new_id()
    key = make_key("a", mine, 1)
    assert fits_key("a", mine, 1, key)
    assert not fits_key("a", other, 1, key)
    assert not fits_key("a", mine, 2, key)
    assert not fits_key("b", mine, 1, key)
    assert not fits_key("a", mine, 1, "")


def test_ids_are_written_in_one_way_only() -> None:
    written = encode_id(new_id())
    assert len(written) == 22
    with pytest.raises(ValueError, match="not an encoded id"):
        decode_id(written + "A")


def test_ids_are_in_order_of_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert {identifier.version for identifier in ids} == {7}


def test_tokens_signed_with_the_key_before_last_still_work(settings: Settings) -> None:
    token = make_token("a", new_id())
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [old]
    read_token("a", token)
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidError):
        read_token("a", token)
