"""Explain what is wrong with a body or a query, and how to fix it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from relay.errors import InvalidLabel, RefusedRequest
from relay.service.value_problems import (
    Place,
    meant,
    model_at,
    names,
    shape,
    value_words,
)

M = TypeVar("M", bound=BaseModel)


def parse_json(body: bytes, model: type[M]) -> M:
    """Return the JSON in *body* as *model*.

    Raises `RefusedRequest` if it is not JSON, and `InvalidLabel` naming the first
    field at fault.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error, model) from None


def parse_fields(fields: Mapping[str, Any], model: type[M]) -> M:
    """Return *fields*, texts by their JSON name, as *model*; raise `InvalidLabel`."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise refusal(error, model) from None


_EXAMINED: Final = 10
"""Errors of one body that are examined; a body can have one per field."""
_NAMED: Final = 4
_WHERE: Final = re.compile(r" at line (\d+) column (\d+)$")


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One problem; for a misspelt field, `meant` is the path it was meant to be."""

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
    """Return the error to raise: the first problem with its fix, and the others.

    A misspelt field comes first; that the field it was meant to be is missing is
    not reported as well.
    """
    details = error.errors(include_url=False)[:_EXAMINED]
    if details[0]["type"] == "json_invalid":
        return _no_json(details[0]["ctx"]["error"])
    found = [_problem(d, details, model) for d in details]
    explained = {problem.meant for problem in found}
    problems = [f for f in found if f.place not in explained or f.meant is not None]
    first, *others = sorted(problems, key=lambda problem: problem.meant is None)
    also = "".join(f"; also {f.field}: {f.words}" for f in others[: _NAMED - 1])
    return InvalidLabel(first.words + also, field=first.field, hint=first.hint)


def _no_json(words: str) -> RefusedRequest:
    where = _WHERE.search(words)
    line, column = where.groups() if where else ("1", "0")
    ends = words.startswith("EOF")
    wrong = "it ends too early" if ends else "it is malformed"
    return RefusedRequest(
        HTTPStatus.BAD_REQUEST,
        f"the body is not valid JSON: {wrong} at line {line}, column {column}",
        hint="check quotes, commas and brackets there; the body must be UTF-8",
    )


def _problem(
    detail: ErrorDetails, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> FieldProblem:
    place = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(place, details, model)
        case "model_type" | "model_attributes_type" if not place:
            return FieldProblem(
                place, "the body must be an object", f"write {shape(model)}"
            )
        case "model_type" | "model_attributes_type":
            inner = model_at(model, place)
            return FieldProblem(place, "must be an object", f"write {shape(inner)}")
        case _:
            return FieldProblem(place, *value_words(detail, model))


def _unknown(
    place: Place, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> FieldProblem:
    """Report an unknown field, with a suggestion."""
    *above, last = place
    level, name = tuple(above), str(last)
    inner, words = model_at(model, level), "unknown field"
    instead: Mapping[str, str] = getattr(inner, "instead", {})
    if name in instead:
        return FieldProblem(place, words, instead[name])
    found = meant(name, inner, _left(level, details, inner))
    if found:
        return FieldProblem(place, words, f"did you mean {found}?", (*level, found))
    known = ", ".join(names(inner))
    return FieldProblem(place, words, f"remove it; known fields: {known}")


def _left(
    level: Place, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> Sequence[str]:
    """Return the fields that are not given beside a single unknown one."""
    here = [d for d in details if d["loc"][:-1] == level and d["loc"]]
    unknown = [d for d in here if d["type"] == "extra_forbidden"]
    missing: list[Any] = [d["input"] for d in here if d["type"] == "missing"]
    if len(unknown) > 1 or not missing:
        return ()
    return [name for name in names(model) if name not in missing[0]]
