"""What is wrong with the value of a field, and how to write it instead."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from relay.web.shapes import example_at

Words = tuple[str, str]
"""What is wrong, and the way out."""

_MISSING: Final = ("it is missing", "add it")
_NULL: Final = "leave it out"
_TIME: Final = (
    "it is not a time with its offset",
    "write for instance 2026-08-01T14:03:00-03:00",
)


def value_words(detail: ErrorDetails, model: type[BaseModel]) -> Words:
    """Return what is wrong with the value of a field of *model*, in our own words."""
    kind, context = detail["type"], detail.get("ctx", {})
    if "way_out" in context:
        return detail["msg"], str(context["way_out"])
    if kind == "string_type":
        return _no_text(detail["input"], example_at(model, detail["loc"]))
    if kind in _BY_VALUE:
        return _BY_VALUE[kind](detail["input"])
    if kind in _BY_LIMIT:
        return _BY_LIMIT[kind](context)
    if kind.startswith(("datetime", "timezone")):
        return _TIME
    return "it cannot be taken", "see /openapi.json for what it may be"


def _no_text(value: Any, example: str) -> Words:
    """Say how a text is written; zeros at its beginning count, so a number is none."""
    if value is None:
        return _MISSING
    words = f"it is {_named(value)}, and a text is needed"
    if example:
        return words, f'write it as text, such as "{example}"'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return words, "write it as text, in quotes: leading zeros count"
    return words, "write one text, in quotes"


def _no_whole_number(value: Any) -> Words:
    if value is None:
        return "it is null, and a whole number is needed", _NULL
    if isinstance(value, float):
        return "it has a decimal point", "write a whole number, such as 2"
    words = f"it is {_named(value)}, and a whole number is needed"
    return words, "write it without quotes, such as 2"


def _no_number(_: Any) -> Words:
    return "it is not a whole number", "write a whole number, such as 2"


def _no_bool(value: Any) -> Words:
    words = f"it is {_named(value)}, and true or false is needed"
    return words, _NULL if value is None else "write true or false, without quotes"


def _no_list(value: Any) -> Words:
    words = f"it is {_named(value)}, and a list is needed"
    return words, _NULL if value is None else "write […]"


def _named(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case dict():
            return "an object"
        case _:
            return "a list"


_BY_VALUE: Final[Mapping[str, Callable[[Any], Words]]] = {
    "missing": lambda _: _MISSING,
    "string_too_short": lambda _: _MISSING,
    "int_type": _no_whole_number,
    "int_parsing": _no_number,
    "bool_type": _no_bool,
    "bool_parsing": _no_bool,
    "tuple_type": _no_list,
}

_BY_LIMIT: Final[Mapping[str, Callable[[Mapping[str, Any]], Words]]] = {
    "string_too_long": lambda c: (
        f"it is longer than {c['max_length']} characters",
        f"write at most {c['max_length']}",
    ),
    "greater_than_equal": lambda c: (
        f"it is less than {c['ge']}",
        f"write {c['ge']} or more",
    ),
    "less_than_equal": lambda c: (
        f"it is more than {c['le']}",
        f"write {c['le']} or less",
    ),
    "too_short": lambda _: ("it is empty", "give at least one"),
    "too_long": lambda c: (
        f"there are more than {c['max_length']} of them",
        f"send at most {c['max_length']} at once",
    ),
    "enum": lambda c: ("there is no such value", f"use {c['expected']}"),
    "literal_error": lambda c: ("there is no such value", f"use {c['expected']}"),
}
