"""What comes in and goes out as JSON, checked against its model."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from relay.web.operations import OPERATIONS
from relay.web.problems import Refused
from relay.web.wording import refusal

M = TypeVar("M", bound=BaseModel)


class Answer(BaseModel):
    """Base of what goes out: camel case, instants in UTC."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, frozen=True
    )


async def parsed(request: web.Request, model: type[M]) -> M:
    """Return the body of *request* as *model*.

    Raises `Refused` if it is no JSON, and `InvalidLabel`, naming the field and the
    way out, if it is no such model.
    """
    if not request.body_exists:
        raise _empty(request, model)
    if request.content_type != "application/json":
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Only JSON is taken.",
            way_out="send it with the header `Content-Type: application/json`",
        )
    body = await request.read()
    if not body.strip():
        raise _empty(request, model)
    return checked(body, model)


def checked(body: bytes, model: type[M]) -> M:
    """Return the JSON in *body* as *model*; raise as `parsed` does."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error, model) from None


def asked(request: web.Request, model: type[M]) -> M:
    """Return the query of *request* as *model*; raise `InvalidLabel` if it is none."""
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise refusal(error, model) from None


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


def _empty(request: web.Request, model: type[BaseModel]) -> Refused:
    """Say that a body is needed, with the example that /openapi.json shows, too."""
    examples = (o.example for o in request.app[OPERATIONS] if o.body is model)
    example = to_json(next(examples, {})).decode()
    return Refused(
        HTTPStatus.BAD_REQUEST,
        "The body is empty, and JSON is needed.",
        way_out=f"send for instance {example}",
    )
