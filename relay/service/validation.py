"""What is wrong with a body or a query, in the relay's own words, and the way out."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from relay.errors import InvalidLabel, RefusedRequest
from relay.suggestions import closest

Place = tuple[str | int, ...]
"""Where something stands in a body: `("parcels", 0, "volume")`."""


def names(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of the fields of *model*, as they are sent."""
    return tuple(f.alias or name for name, f in model.model_fields.items())


def model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """Return the model of what stands at *place* in a body of *model*."""
    for part in place:
        if isinstance(part, str):
            model = _inside(_field(model, part).annotation) or model
    return model


def example_at(model: type[BaseModel], place: Place) -> str:
    """Return an example of the field at *place*, '' if it has none."""
    *above, name = place
    field = _field(model_at(model, tuple(above)), str(name))
    return str(field.examples[0]) if field.examples else ""


def shape(model: type[BaseModel]) -> str:
    """Spell what a body of *model* has to have, or may: `{"labels": […]}`."""
    fields = list(model.model_fields.items())
    needed = [(name, field) for name, field in fields if field.is_required()]
    spelled = [
        f'"{field.alias or name}": {"[…]" if _is_list(field.annotation) else "…"}'
        for name, field in needed or fields[:1]
    ]
    return f"{{{', '.join(spelled)}}}"


def meant(name: str, model: type[BaseModel], left: Iterable[str]) -> str:
    """Return the field that was meant by *name*, '' if nobody can say.

    *left* are those that were not given: a single one is meant, whatever its name.
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
    """Return the model that a field holds, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inside(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


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
_LOOKED_AT: Final = 10
"""Faults of one body that are looked at; a body may have as many as it has fields."""
_NAMED: Final = 4
_WHERE: Final = re.compile(r" at line (\d+) column (\d+)$")


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong; of a misspelt field, `meant` is where it belongs."""

    place: Place
    words: str
    hint: str
    meant: Place | None = None

    @property
    def field(self) -> str:
        """The path of the field at fault: `parcels[0].volume`."""
        path = ""
        for part in self.place:
            dot = "." if path else ""
            path += f"[{part}]" if isinstance(part, int) else f"{dot}{part}"
        return path


def refusal(error: ValidationError, model: type[BaseModel]) -> Exception:
    """Return what is raised for *error*: the first fault with its way out, and others.

    A misspelt field comes first, and that the one is missing that was meant is not
    another fault.
    """
    details = error.errors(include_url=False)[:_LOOKED_AT]
    if details[0]["type"] == "json_invalid":
        return _no_json(details[0]["ctx"]["error"])
    found = [_fault(d, details, model) for d in details]
    explained = {fault.meant for fault in found}
    faults = [f for f in found if f.place not in explained or f.meant is not None]
    first, *others = sorted(faults, key=lambda fault: fault.meant is None)
    also = "".join(f"; also {f.field}: {f.words}" for f in others[: _NAMED - 1])
    return InvalidLabel(first.words + also, field=first.field, hint=first.hint)


def _no_json(words: str) -> RefusedRequest:
    where = _WHERE.search(words)
    line, column = where.groups() if where else ("1", "0")
    ends = words.startswith("EOF")
    wrong = "it ends too early" if ends else "it cannot be read any further"
    return RefusedRequest(
        HTTPStatus.BAD_REQUEST,
        f"The body is not JSON: {wrong}, at line {line}, column {column}.",
        hint="look there for a quote, a comma or a bracket too few or too many; "
        "it has to be UTF-8",
    )


def _fault(
    detail: ErrorDetails, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> FieldProblem:
    place = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(place, details, model)
        case "model_type" | "model_attributes_type" if not place:
            return FieldProblem(
                place, "the body is not an object", f"write {shape(model)}"
            )
        case "model_type" | "model_attributes_type":
            inner = model_at(model, place)
            return FieldProblem(place, "it is not an object", f"write {shape(inner)}")
        case _:
            return FieldProblem(place, *value_words(detail, model))


def _unknown(
    place: Place, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> FieldProblem:
    """Say of a field that there is none, and which one was probably meant."""
    *above, last = place
    level, name = tuple(above), str(last)
    inner, words = model_at(model, level), "there is no such field"
    instead: Mapping[str, str] = getattr(inner, "instead", {})
    if name in instead:
        return FieldProblem(place, words, instead[name])
    found = meant(name, inner, _left(level, details, inner))
    if found:
        return FieldProblem(place, words, f"is {found} meant?", (*level, found))
    known = ", ".join(names(inner))
    return FieldProblem(place, words, f"leave it out; known are {known}")


def _left(
    level: Place, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> Sequence[str]:
    """Return the fields that were not given beside a single unknown one."""
    here = [d for d in details if d["loc"][:-1] == level and d["loc"]]
    unknown = [d for d in here if d["type"] == "extra_forbidden"]
    missing: list[Any] = [d["input"] for d in here if d["type"] == "missing"]
    if len(unknown) > 1 or not missing:
        return ()
    return [name for name in names(model) if name not in missing[0]]
