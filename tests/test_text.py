"""Bytes from outside become text in one way, and text storable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.text import (
    UndecodableText,
    as_utf8,
    decode_leniently,
    decode_text,
    storable,
    storable_json,
)

TEXT = '{"city": "São José"}'
LATIN = TEXT.encode("latin-1")


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (TEXT.encode(), ""),
        (TEXT.encode("utf-8-sig"), ""),
        (TEXT.encode("utf-16"), ""),
        (TEXT.encode("utf-16-le"), ""),
        (TEXT.encode("utf-32"), ""),
        (TEXT.encode(), "application/json; charset=iso-8859-1"),
        (LATIN, "application/json; charset=ISO-8859-1"),
        (LATIN, 'application/json; charset="windows-1252"'),
    ],
)
def test_text_is_read_with_its_mark_or_its_charset(body: bytes, type_: str) -> None:
    assert decode_text(body, type_)[0] == TEXT
    assert as_utf8(body, type_) == TEXT.encode()
    assert decode_leniently(body, type_) == TEXT


@pytest.mark.parametrize("charset", ["", "utf-8", "no-such", "hex", "undefined"])
def test_what_cannot_be_decoded_says_where(charset: str) -> None:
    with pytest.raises(UndecodableText, match="not UTF-8") as caught:
        decode_text(LATIN, f"text/plain; charset={charset}" if charset else "")
    assert caught.value.position == LATIN.index(b"\xe3")
    assert "S\N{REPLACEMENT CHARACTER}o" in decode_leniently(LATIN)


@given(body=st.binary(), type_=st.text())
def test_no_bytes_raise_anything_else(body: bytes, type_: str) -> None:
    try:
        decoded = decode_text(body, type_)[0]
    except UndecodableText:
        return
    assert as_utf8(body, type_).decode() == decoded


def test_every_text_of_a_json_value_is_made_storable() -> None:
    value = {"a\0": ["\ud800", 1, None, True, {"b": "ç"}]}
    mark = "\N{REPLACEMENT CHARACTER}"
    assert storable_json(value) == {f"a{mark}": ["?", 1, None, True, {"b": "ç"}]}
    assert json.dumps(storable_json(value)).isascii()
    assert storable("São") == "São"
