"""Refuse a body or a query that does not fit its model, naming the field."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from relay.errors import InvalidLabel, RefusedRequest, RegistrationError
from relay.invalid_fields import all_of
from relay.problem_codes import ProblemCode
from relay.text import UNSTORABLE, without_lone_surrogates
from relay.validation_errors import (
    JSON,
    NO_TABLE,
    FieldProblem,
    Place,
    Schema,
    Translator,
    models_at,
)

M = TypeVar("M", bound=BaseModel)

_WHERE: Final = re.compile(r" at line (\d+) column (\d+)$")
_SEE: Final = "see /openapi.json for valid values"


def parse_json(body: bytes, model: type[M]) -> M:
    """Return the JSON in *body* as *model*.

    Raises `RefusedRequest` if it is not JSON, and `InvalidLabel` naming the first
    field at fault. A lone surrogate is a fault of its field, like NUL.
    """
    try:
        return model.model_validate_json(without_lone_surrogates(body, UNSTORABLE))
    except ValidationError as error:
        raise refusal(error, model) from None


def parse_fields(fields: Mapping[str, Any], model: type[M]) -> M:
    """Return *fields*, texts by their JSON name, as *model*; raise `InvalidLabel`."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise refusal(error, model) from None


def shape(model: type[BaseModel]) -> str:
    """Return what a body of *model* must have, or may have: `{"labels": […]}`."""
    fields = list(model.model_fields.items())
    needed = [(name, field) for name, field in fields if field.is_required()]
    spelled = [
        f'"{field.alias or name}": {"[…]" if _is_list(field.annotation) else "…"}'
        for name, field in needed or fields[:1]
    ]
    return f"{{{', '.join(spelled)}}}"


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def refusal(
    error: ValidationError, model: type[BaseModel]
) -> RegistrationError | RefusedRequest:
    """Return what to raise for *error*: all its problems, a misspelt field first."""
    first_detail = error.errors(include_url=False)[0]
    if first_detail["type"] == "json_invalid":
        return _invalid_json(first_detail["ctx"]["error"])
    return all_of(
        [
            InvalidLabel(
                one.problem if one.place else f"the body {one.problem}",
                field=path(one.place),
                hint=_hint(one, model),
                code=one.code,
            )
            for one in Translator(Schema(model), JSON).problems(error)
        ]
    )


def path(place: Sequence[str | int]) -> str:
    """Return the path of a field as JSON users write it: `parcels[0].volume`."""
    found = ""
    for part in place:
        dot = "." if found else ""
        found += f"[{part}]" if isinstance(part, int) else f"{dot}{part}"
    return found


def _hint(one: FieldProblem, model: type[BaseModel]) -> str:
    if one.kind in NO_TABLE:
        return f"write {shape(_model_at(model, one.place))}"
    return one.hint or _SEE


def _model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    return next(iter(models_at(model, place)), model)


def _invalid_json(text: str) -> RefusedRequest:
    """Say where the JSON breaks off; pydantic's text ends with line and column."""
    where = _WHERE.search(text)
    line, column = where.groups() if where else ("1", "0")
    problem = "it ends too early" if text.startswith("EOF") else "syntax error"
    return RefusedRequest(
        HTTPStatus.BAD_REQUEST,
        f"The body is not valid JSON: {problem} at line {line}, column {column}.",
        hint="check quotes, commas and brackets there; the encoding must be UTF-8",
        code=ProblemCode.INVALID_JSON,
    )
