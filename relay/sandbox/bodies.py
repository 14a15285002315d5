"""Reads what the control API is asked, and says no clearly."""

import json
from collections.abc import Mapping
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

from relay.sandbox.checks import field_errors

_M = TypeVar("_M", bound=BaseModel)


async def read_one(request: web.Request, model: type[_M]) -> _M:
    """Read the body of *request* as one *model*, or answer 422."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise unprocessable(field_errors(error)) from error


async def read_many(request: web.Request, model: type[_M]) -> list[_M]:
    """Read a list of *model*, or one alone, or answer 422."""
    body = await request.read()
    if not body.lstrip().startswith(b"["):
        return [await read_one(request, model)]
    try:
        return TypeAdapter(list[model]).validate_json(body)  # type: ignore[valid-type]
    except ValidationError as error:
        raise unprocessable(field_errors(error)) from error


def number_in_query(request: web.Request, name: str) -> int:
    """Return a number from the query, 0 if it is not there, or answer 422."""
    text = request.query.get(name, "0")
    if not text.isdecimal():
        raise unprocessable({name: [f"{text!r} is not a whole number"]})
    return int(text)


def unprocessable(errors: Mapping[str, object]) -> web.HTTPUnprocessableEntity:
    """Return the 422 that names each wrong field."""
    body = json.dumps({"error": "this cannot be done", "errors": errors})
    return web.HTTPUnprocessableEntity(text=body, content_type="application/json")


def not_found(message: str) -> web.HTTPNotFound:
    """Return the 404 that says what there is instead."""
    body = json.dumps({"error": message})
    return web.HTTPNotFound(text=body, content_type="application/json")
