import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.adapters.personal_data import redact

JSON = "application/json"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "ç", "c/d"]), part, max_size=3)
    ),
)


def cut(value: Any, *fields: str) -> Any:
    return json.loads(redact(json.dumps(value).encode(), JSON, fields))


def holds(value: Any, *path: str) -> bool:
    """Whether *path* leads anywhere, lists being entered by themselves."""
    if isinstance(value, list):
        return any(holds(item, *path) for item in value)
    if not isinstance(value, dict) or path[0] not in value:
        return False
    return len(path) == 1 or holds(value[path[0]], *path[1:])


def test_a_field_is_cut_and_the_rest_stays() -> None:
    value = {"data": {"to": {"name": "x", "city": "Recife"}, "n": 1.5}, "to": "kept"}
    assert cut(value, "data.to.name") == {
        "data": {"to": {"city": "Recife"}, "n": 1.5},
        "to": "kept",
    }


def test_lists_are_entered_by_themselves_and_every_entry_is_cut() -> None:
    value = {"scans": [[{"by": "x", "n": 1}], {"by": ["y"]}, 7, None]}
    assert cut(value, "scans.by") == {"scans": [[{"n": 1}], {}, 7, None]}
    assert cut([{"by": "x"}, {"by": "y"}], "by") == [{}, {}]


def test_several_fields_are_cut_also_one_inside_another() -> None:
    value = {"to": {"name": "x", "phone": "y"}, "from": {"name": "z"}}
    assert cut(value, "to", "to.name", "from.name", "none") == {"from": {}}


def test_words_stay_as_they_were() -> None:
    assert cut({"a": 1, "words": "Não há ninguém 📦"}, "a") == {
        "words": "Não há ninguém 📦"
    }


@pytest.mark.parametrize(
    "body",
    [
        b'{ "data" : {"n": 1.50} }',
        b'{"to": 1, "data": {"other": "name"}}',
        b'{"data": ["to", "name"]}',
        b'{"data": "name", "x": "\\u00e7"}',
    ],
)
def test_the_very_same_bytes_come_back_where_nothing_is_cut(body: bytes) -> None:
    assert redact(body, JSON, ("data.to", "data.name")) is body
    assert redact(body, JSON, ()) is body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<to>name</to>",
        b'{"to": ',
        b'{"to": "\xff"}',
        b'"to": 1',
        b'{"to":' * 100_000,
        b'{"to": 1' + b"1" * 5_000 + b"}",
    ],
)
def test_what_is_not_json_comes_back_as_it_is(body: bytes) -> None:
    assert redact(body, JSON, ("to",)) is body


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", JSON]
)
def test_json_is_known_by_itself_whatever_the_content_type_says(
    content_type: str,
) -> None:
    assert redact(b'{"to": 1}', content_type, ("to",)) == b"{}"


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        (f"{JSON}; charset=iso-8859-1", "latin-1"),
        (f'{JSON};Charset="Windows-1252"', "cp1252"),
        (f"{JSON}; charset=iso-8859-1", "utf-8"),
        (f"{JSON}; charset=UTF-8", "utf-8"),
        (JSON, "utf-8-sig"),
        (JSON, "utf-16-le"),
    ],
)
def test_a_body_keeps_its_encoding_whatever_the_header_says_of_unicode(
    content_type: str, encoding: str
) -> None:
    body = '{"para": "João", "cidade": "São Luís"}'.encode(encoding)
    left = redact(body, content_type, ("para",))
    assert json.loads(left.decode(encoding)) == {"cidade": "São Luís"}


@pytest.mark.parametrize("charset", ["klingon", "ascii", "hex", ""])
def test_a_charset_that_does_not_help_leaves_the_body_alone(charset: str) -> None:
    body = '{"to": "João"}'.encode("latin-1")
    assert redact(body, f"{JSON}; charset={charset}", ("to",)) is body


@pytest.mark.parametrize("key", ["t\\u006f", "to"])
def test_a_key_cannot_hide_behind_escapes(key: str) -> None:
    body = f'{{"{key}": "x", "n": 1}}'.encode()
    assert redact(body, JSON, ("to",)) == b'{"n":1}'


def test_a_key_that_json_may_spell_in_two_ways_is_found_in_both() -> None:
    for body in (b'{"c/d": 1}', b'{"c\\/d": 1}', '{"ç": 1}'.encode(), b'{"\\u00e7":1}'):
        assert redact(body, JSON, ("c/d", "ç")) == b"{}"


@given(value=VALUES, path=st.lists(st.sampled_from(["a", "ç", "c/d"]), min_size=1))
def test_after_a_cut_the_path_leads_nowhere(value: Any, path: list[str]) -> None:
    for ascii_only in (True, False):
        body = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")
        left = redact(body, JSON, (".".join(path),))
        assert not holds(json.loads(left), *path)
        assert (left is body) is not holds(json.loads(body), *path)


@given(body=st.binary(), content_type=st.text())
def test_nothing_that_arrives_makes_it_raise(body: bytes, content_type: str) -> None:
    assert isinstance(redact(body, content_type, ("to", "a.b")), bytes)
