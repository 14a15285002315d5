"""Translate pydantic's validation errors into the relay's messages: `problem; hint`.

Request bodies and queries, settings, and options of the generic adapter are all
checked by pydantic models. Here is the one place that says what is wrong with a
value; each edge only spells the name of the field and adds a hint of its own.
The types of errors are listed at https://docs.pydantic.dev/latest/errors/validation_errors/
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from relay.problem_codes import ProblemCode
from relay.suggestions import did_you_mean, suggest
from relay.validation_codes import code_of

Place = tuple[str | int, ...]
"""The path of a value: `("parcels", 0, "volume")`."""
MISSING: Final = "missing"
UNKNOWN: Final = "extra_forbidden"
EMPTY: Final = frozenset({"string_too_short", "too_short"})
NO_TABLE: Final = frozenset(
    {"model_type", "model_attributes_type", "mapping_type", "dict_type"}
)
"""Pydantic's error types for a value that should be an object and is not."""
TIME_EXAMPLE: Final = "2026-08-01T14:03:00-03:00"


def problem(
    message: str,
    hint: str,
    *,
    field: str = "",
    code: ProblemCode = ProblemCode.INVALID_VALUE,
) -> PydanticCustomError:
    """Make the error that a validator raises, with the *hint* how to fix it.

    *field* names the field at fault where a validator checks a whole table.
    """
    context = {"message": message, "hint": hint, "field": field, "code": code}
    return PydanticCustomError("problem", "{message}", context)


@dataclass(frozen=True, slots=True)
class Notation:
    """What a format calls its parts: fields of an object, settings in a table."""

    name: str
    table: str


JSON: Final = Notation("field", "an object")
SETTINGS: Final = Notation("setting", "a table")
OPTIONS: Final = Notation("option", "a table")


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field: where it is, what is wrong, and how to fix it.

    `kind` is pydantic's type of the error, `code` ours; `meant` is where a misspelt
    field belongs. `hint` may be empty.
    """

    place: Place
    kind: str
    problem: str
    hint: str
    meant: Place | None = None
    code: ProblemCode = ProblemCode.INVALID_VALUE

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.problem, self.hint)))


class Schema:
    """What is known of the fields at a place; here of those of a pydantic model."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def names(self, place: Place) -> Sequence[str]:
        """Return the names that may stand in the table at *place*."""
        return names_at(self._model, place)

    def more_names(self, place: Place) -> Sequence[str]:
        """Return names that are suggested at *place*, but not listed."""
        del place
        return ()

    def instead(self, place: Place) -> Mapping[str, str]:
        """Return hints for names that are refused at *place* for a reason."""
        found: dict[str, str] = {}
        for model in models_at(self._model, place):
            found |= getattr(model, "instead", {})
        return found

    def example(self, place: Place) -> str:
        """Return an example of the value at *place*, '' if there is none."""
        *above, name = place or ("",)
        for model in models_at(self._model, tuple(above)):
            for key, field in model.model_fields.items():
                if name in (key, field.alias) and field.examples:
                    return str(field.examples[0])
        return ""


@dataclass(frozen=True, slots=True)
class Translator:
    """Translates the errors of one format, whose fields *schema* knows."""

    schema: Schema
    notation: Notation

    def problems(self, error: ValidationError) -> list[FieldProblem]:
        """Return the problems in *error*: those of misspelt names first.

        That the field is missing which was misspelt is not another problem.
        Values are never shown, since they may be secrets.
        """
        details = error.errors(include_url=False)
        found = [self._problem(detail, details) for detail in details]
        meant = {one.meant for one in found}
        left = [f for f in found if f.kind != MISSING or f.place not in meant]
        return sorted(left, key=lambda one: one.meant is None)

    def _problem(
        self, detail: ErrorDetails, details: Sequence[ErrorDetails]
    ) -> FieldProblem:
        place, kind = detail["loc"], detail["type"]
        if kind == UNKNOWN:
            return replace(self._unknown(place, details), code=code_of(detail))
        if field := detail.get("ctx", {}).get("field"):
            place = (*place, field)
        return FieldProblem(place, kind, *self._text(detail), code=code_of(detail))

    def _unknown(self, place: Place, details: Sequence[ErrorDetails]) -> FieldProblem:
        """Suggest which field was meant by an unknown one, else list them."""
        *above, last = place
        level, name = tuple(above), str(last)
        text = f"unknown {self.notation.name}"
        instead = self.schema.instead(level)
        if name in instead:
            return FieldProblem(place, UNKNOWN, text, instead[name])
        names = self.schema.names(level)
        meant = suggest(name, (*names, *self.schema.more_names(level)))
        meant = meant or _only_one_left(level, details, names)
        if meant:
            hint = did_you_mean(meant)
            return FieldProblem(place, UNKNOWN, text, hint, (*level, meant))
        hint = f"remove it; known here: {', '.join(names) or 'none'}"
        return FieldProblem(place, UNKNOWN, text, hint)

    def _text(self, detail: ErrorDetails) -> tuple[str, str]:
        """Return what is wrong with a value, and the hint."""
        kind, context = detail["type"], detail.get("ctx", {})
        if "hint" in context:
            return detail["msg"], str(context["hint"])
        if kind in _LIMITS:
            return _LIMITS[kind](context)
        if kind.startswith(("datetime", "timezone")):
            return "must be a time with an offset", f"write for example {TIME_EXAMPLE}"
        return self._wrong_type(detail) or _as_pydantic_says(detail["msg"])

    def _wrong_type(self, detail: ErrorDetails) -> tuple[str, str] | None:
        """Return how a value of another type is written, None for other errors."""
        kind, value = detail["type"], detail["input"]
        if kind == "string_type":
            return self._no_string(value, self.schema.example(detail["loc"]))
        if kind in NO_TABLE:
            names = ", ".join(self.schema.names(detail["loc"]))
            hint = f"known here: {names}" if names else f"write {self.notation.table}"
            return self._must_be(self.notation.table, value), hint
        if kind in _TYPES:
            what, hint = _TYPES[kind]
            return self._must_be(what, value), "leave it out" if value is None else hint
        return None

    def _no_string(self, value: Any, example: str) -> tuple[str, str]:
        """Say how a string is written; invoice numbers may begin with zeros."""
        if value is None:
            return _REQUIRED
        text = self._must_be("a string", value)
        if example:
            return text, f'put it in quotes, such as "{example}"'
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return text, "put it in quotes: leading zeros count"
        return text, "write one string, in quotes"

    def _must_be(self, what: str, value: Any) -> str:
        if isinstance(value, Mapping):
            return f"must be {what}, not {self.notation.table}"
        return f"must be {what}, not {_TYPE_NAMES.get(type(value), 'a list')}"


def _as_pydantic_says(text: str) -> tuple[str, str]:
    text = text.replace("Input should be", "must be")
    return text[:1].lower() + text[1:], ""


def _only_one_left(
    level: Place, details: Sequence[ErrorDetails], names: Sequence[str]
) -> str:
    """Return the only field not given beside a single unknown one, else ''."""
    here = [d for d in details if d["loc"] and d["loc"][:-1] == level]
    unknown = [d for d in here if d["type"] == UNKNOWN]
    missing: list[Any] = [d["input"] for d in here if d["type"] == MISSING]
    if len(unknown) > 1 or not missing:
        return ""
    left = [name for name in names if name not in missing[0]]
    return left[0] if len(left) == 1 else ""


_TYPE_NAMES: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a decimal number",
    str: "a string",
}
_REQUIRED: Final = ("required", "add it")
_EMPTY: Final = ("must not be empty", "write a value, or remove it")
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "int_type": ("a whole number", "write it without quotes, such as 2"),
    "float_type": ("a number", "write it without quotes, such as 2.5"),
    "bool_type": ("true or false", "write true or false, without quotes"),
    "tuple_type": ("a list", "write it in [ ]"),
    "list_type": ("a list", "write it in [ ]"),
    "frozen_set_type": ("a list", "write it in [ ]"),
}
"""What a value must be, by pydantic's type of error, and how it is written."""

_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any]], tuple[str, str]]]] = {
    MISSING: lambda _: _REQUIRED,
    **dict.fromkeys(EMPTY, lambda _: _EMPTY),
    "string_too_long": lambda c: (
        f"longer than {c['max_length']} characters",
        f"use at most {c['max_length']}",
    ),
    "too_long": lambda c: (
        f"more than {c['max_length']} entries",
        f"use at most {c['max_length']}",
    ),
    "greater_than": lambda c: ("too small", f"use more than {c['gt']:g}"),
    "greater_than_equal": lambda c: ("too small", f"use {c['ge']:g} or more"),
    "less_than_equal": lambda c: ("too large", f"use {c['le']:g} or less"),
    "int_from_float": lambda _: ("must be a whole number", "write for example 2"),
    "int_parsing": lambda _: ("must be a whole number", "write for example 2"),
    "float_parsing": lambda _: ("must be a number", "write for example 2.5"),
    "bool_parsing": lambda _: ("must be true or false", "write true or false"),
    "int_parsing_size": lambda _: ("too large", "use fewer digits"),
    "finite_number": lambda _: ("must be a finite number", "write for example 2.5"),
    "enum": lambda c: ("unknown value", f"use {c['expected']}"),
    "literal_error": lambda c: ("unknown value", f"use {c['expected']}"),
    "union_tag_invalid": lambda c: ("unknown kind", f"use {c['expected_tags']}"),
    "union_tag_not_found": lambda _: ("its kind is missing", "add `kind`"),
    "value_error": lambda c: (str(c["error"]), ""),
}


def names_at(model: type[BaseModel], place: Place) -> tuple[str, ...]:
    """Return the names in the table at *place* of *model*, as they are written."""
    models = models_at(model, place)
    fields = [field for one in models for field in one.model_fields.items()]
    return tuple(dict.fromkeys(field.alias or name for name, field in fields))


def models_at(model: type[BaseModel], place: Place) -> list[type[BaseModel]]:
    """Return the models that may describe the table at *place* of *model*."""
    models = [model]
    for part in place:
        if isinstance(part, str):
            models = [found for one in models for found in _below(one, part)]
    return models


def _below(model: type[BaseModel], part: str) -> Iterator[type[BaseModel]]:
    """Yield the models that may stand at the key *part* of *model*.

    In a tagged union pydantic puts the tag into the place: it is not a key, but
    says of which kind the table itself is.
    """
    kind = model.model_fields.get("kind")
    if kind is not None and part in get_args(kind.annotation):
        yield model
        return
    for name, field in model.model_fields.items():
        if part in (name, field.alias):
            yield from _models_in(field.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
