"""What comes in and goes out as JSON, checked against its model."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, to_json

from relay.errors import InvalidLabel

M = TypeVar("M", bound=BaseModel)


class Answer(BaseModel):
    """Base of what goes out: camel case, instants in UTC."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, frozen=True
    )


async def parsed(request: web.Request, model: type[M]) -> M:
    """Return the body of *request* as *model*.

    Raises `HTTPUnsupportedMediaType` and `HTTPBadRequest` if it is no JSON, and
    `InvalidLabel`, naming the field and the way out, if it is no such model.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(
            text="Send JSON, with the header `Content-Type: application/json`."
        )
    return checked(await request.read(), model)


def checked(body: bytes, model: type[M]) -> M:
    """Return the JSON in *body* as *model*; raise as `parsed` does."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _translated(error, model) from None


def asked(request: web.Request, model: type[M]) -> M:
    """Return the query of *request* as *model*; raise `InvalidLabel` if it is none."""
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise _translated(error, model) from None


def answer(
    body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return *body* as an answer, with VTEX's names."""
    return web.Response(
        status=status,
        body=to_json(body, by_alias=True),
        headers=headers,
        content_type="application/json",
    )


def _translated(error: ValidationError, model: type[BaseModel]) -> Exception:
    """Spell pydantic's errors for whoever sent the body: the first, and the others."""
    details = error.errors(include_url=False, include_input=False)
    first = details[0]
    if first["type"] == "json_invalid":
        return web.HTTPBadRequest(text=f"The body is not JSON: {first['msg']}.")
    others = [f"{_field(d)}: {d['msg']}" for d in details[1:4]]
    also = f"; also {'; '.join(others)}" if others else ""
    return InvalidLabel(
        _words(first) + also, field=_field(first), way_out=_way_out(first, model)
    )


def _field(detail: ErrorDetails) -> str:
    """Return the path of the field at fault: `parcels[0].volume`."""
    path = ""
    for part in detail["loc"]:
        dot = "." if path else ""
        path += f"[{part}]" if isinstance(part, int) else f"{dot}{part}"
    return path


def _words(detail: ErrorDetails) -> str:
    return {
        "missing": "it is missing",
        "extra_forbidden": "there is no such field",
        "model_type": "the body is not an object",
    }.get(detail["type"], detail["msg"].replace("Input should be", "it should be"))


def _way_out(detail: ErrorDetails, model: type[BaseModel]) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden" if len(detail["loc"]) == 1:
            return _meant(str(detail["loc"][-1]), model)
        case "missing":
            return "add it"
        case "string_type":
            return "write it as text, in quotes: leading zeros count"
        case "enum" | "literal_error":
            return f"use {context['expected']}"
        case _:
            return "see /openapi.json"


def _meant(name: str, model: type[BaseModel]) -> str:
    known = [f.alias or n for n, f in model.model_fields.items()]
    close = get_close_matches(name, known, n=1, cutoff=0.7)
    if close:
        return f"is {close[0]} meant?"
    return f"leave it out; known are {', '.join(known)}"
