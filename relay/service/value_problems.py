"""Describe what is wrong with one value of a model, and how to fix it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from relay.suggestions import closest

Place = tuple[str | int, ...]
"""The path of a value in a body: `("parcels", 0, "volume")`."""


def names(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the JSON names of the fields of *model*."""
    return tuple(f.alias or name for name, f in model.model_fields.items())


def model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """Return the model of the value at *place* in a body of *model*."""
    for part in place:
        if isinstance(part, str):
            model = _inside(_field(model, part).annotation) or model
    return model


def example_at(model: type[BaseModel], place: Place) -> str:
    """Return an example of the field at *place*, or ''."""
    *above, name = place
    field = _field(model_at(model, tuple(above)), str(name))
    return str(field.examples[0]) if field.examples else ""


def shape(model: type[BaseModel]) -> str:
    """Return the outline of a body of *model*: `{"labels": […]}`."""
    fields = list(model.model_fields.items())
    needed = [(name, field) for name, field in fields if field.is_required()]
    spelled = [
        f'"{field.alias or name}": {"[…]" if _is_list(field.annotation) else "…"}'
        for name, field in needed or fields[:1]
    ]
    return f"{{{', '.join(spelled)}}}"


def meant(name: str, model: type[BaseModel], left: Iterable[str]) -> str:
    """Suggest the field that *name* was meant to be, or ''.

    *left* are the required fields that are missing: a single one is suggested,
    whatever its name.
    """
    only = tuple(left)
    return closest(name, names(model)) or (only[0] if len(only) == 1 else "")


def _field(model: type[BaseModel], part: str) -> Any:
    return next(
        field
        for name, field in model.model_fields.items()
        if part in (name, field.alias)
    )


def _inside(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a field, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inside(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


Words = tuple[str, str]
"""The problem, and how to fix it."""
_MISSING: Final = ("required", "add it")
_NULL: Final = "leave it out"
_TIME: Final = (
    "must be a time with a UTC offset",
    "write it like 2026-08-01T14:03:00-03:00",
)


def value_words(detail: ErrorDetails, model: type[BaseModel]) -> Words:
    """Return the problem with the value of a field of *model*, and its fix."""
    kind, context = detail["type"], detail.get("ctx", {})
    if "hint" in context:
        return detail["msg"], str(context["hint"])
    if kind == "string_type":
        return _no_text(detail["input"], example_at(model, detail["loc"]))
    if kind in _BY_VALUE:
        return _BY_VALUE[kind](detail["input"])
    if kind in _BY_LIMIT:
        return _BY_LIMIT[kind](context)
    if kind.startswith(("datetime", "timezone")):
        return _TIME
    return "not accepted", "see /openapi.json for what is accepted"


def _no_text(value: Any, example: str) -> Words:
    """Explain how to write a text.

    Codes and invoice numbers are texts, because their leading zeros count.
    """
    if value is None:
        return _MISSING
    words = f"must be a text, not {_named(value)}"
    if example:
        return words, f'write it as text, such as "{example}"'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return words, "write it as text, in quotes: leading zeros count"
    return words, "write one text, in quotes"


def _no_whole_number(value: Any) -> Words:
    if value is None:
        return "must be a whole number, not null", _NULL
    if isinstance(value, float):
        return "must be a whole number", "write it without a decimal point, such as 2"
    words = f"must be a whole number, not {_named(value)}"
    return words, "write it without quotes, such as 2"


def _no_number(_: Any) -> Words:
    return "must be a whole number", "write a number, such as 2"


def _no_bool(value: Any) -> Words:
    words = f"must be true or false, not {_named(value)}"
    return words, _NULL if value is None else "write true or false, without quotes"


def _no_list(value: Any) -> Words:
    words = f"must be a list, not {_named(value)}"
    return words, _NULL if value is None else "write […]"


def _named(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
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
        f"longer than {c['max_length']} characters",
        f"write at most {c['max_length']}",
    ),
    "greater_than_equal": lambda c: (
        f"must not be less than {c['ge']}",
        f"write {c['ge']} or more",
    ),
    "less_than_equal": lambda c: (
        f"must not be more than {c['le']}",
        f"write {c['le']} or less",
    ),
    "too_short": lambda _: ("must not be empty", "give at least one"),
    "too_long": lambda c: (
        f"more than {c['max_length']} of them",
        f"send at most {c['max_length']} at once",
    ),
    "enum": lambda c: ("unknown value", f"use {c['expected']}"),
    "literal_error": lambda c: ("unknown value", f"use {c['expected']}"),
}
