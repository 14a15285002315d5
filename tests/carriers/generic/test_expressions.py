"""Expressions that are plain keys find what JMESPath finds."""

from typing import Any

import jmespath
import pytest

from carriers.generic.expressions import Expression

VALUES: list[Any] = [
    {"a": {"b": {"c": 1}}, "b": [{"c": 2}], "c": ""},
    {"a": {"b": None}, "b": 0, "c": False},
    {"a": "text", "b": [1, 2], "c": {}},
    {"a": [], "A": 3, "get": {"b": 4}},
    [{"a": 1}],
    "text",
    7,
    None,
]


@pytest.mark.parametrize(
    "text", ["a", "a.b", "a.b.c", "b.c", "c", "A", "get", "get.b", "_x"]
)
@pytest.mark.parametrize("value", VALUES)
def test_plain_keys_find_what_the_language_says(text: str, value: Any) -> None:
    assert Expression(text).find(value) == jmespath.search(text, value)


@pytest.mark.parametrize("text", ["a\n", "a.b[0]", "a.", "`1`", "a-b", "ä", "a | b"])
def test_everything_else_is_left_to_the_library(text: str) -> None:
    try:
        expected = jmespath.search(text, VALUES[0])
    except jmespath.exceptions.JMESPathError:
        with pytest.raises(ValueError, match="is not a JMESPath expression"):
            Expression(text)
    else:
        assert Expression(text).find(VALUES[0]) == expected
