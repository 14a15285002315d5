"""What is wrong with a body or a query, in the relay's own words, and the way out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from relay.errors import InvalidLabel
from relay.web.problems import Refused
from relay.web.shapes import Place, meant, model_at, names, shape
from relay.web.values import value_words

_LOOKED_AT: Final = 10
"""Faults of one body that are looked at; a body may have as many as it has fields."""
_NAMED: Final = 4
_WHERE: Final = re.compile(r" at line (\d+) column (\d+)$")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; of a misspelt field, `meant` is where it belongs."""

    place: Place
    words: str
    way_out: str
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
    return InvalidLabel(first.words + also, field=first.field, way_out=first.way_out)


def _no_json(words: str) -> Refused:
    where = _WHERE.search(words)
    line, column = where.groups() if where else ("1", "0")
    ends = words.startswith("EOF")
    wrong = "it ends too early" if ends else "it cannot be read any further"
    return Refused(
        HTTPStatus.BAD_REQUEST,
        f"The body is not JSON: {wrong}, at line {line}, column {column}.",
        way_out="look there for a quote, a comma or a bracket too few or too many; "
        "it has to be UTF-8",
    )


def _fault(
    detail: ErrorDetails, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> Fault:
    place = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(place, details, model)
        case "model_type" | "model_attributes_type" if not place:
            return Fault(place, "the body is not an object", f"write {shape(model)}")
        case "model_type" | "model_attributes_type":
            inner = model_at(model, place)
            return Fault(place, "it is not an object", f"write {shape(inner)}")
        case _:
            return Fault(place, *value_words(detail, model))


def _unknown(
    place: Place, details: Sequence[ErrorDetails], model: type[BaseModel]
) -> Fault:
    """Say of a field that there is none, and which one was probably meant."""
    *above, last = place
    level, name = tuple(above), str(last)
    inner, words = model_at(model, level), "there is no such field"
    instead: Mapping[str, str] = getattr(inner, "instead", {})
    if name in instead:
        return Fault(place, words, instead[name])
    found = meant(name, inner, _left(level, details, inner))
    if found:
        return Fault(place, words, f"is {found} meant?", (*level, found))
    known = ", ".join(names(inner))
    return Fault(place, words, f"leave it out; known are {known}")


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
