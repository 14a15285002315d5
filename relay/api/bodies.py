"""What comes in and goes out as JSON, checked against its model."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from relay.api.operations import OPERATIONS
from relay.errors import InvalidLabel, RefusedRequest
from relay.service.validation import refusal

M = TypeVar("M", bound=BaseModel)


async def parse_body(request: web.Request, model: type[M]) -> M:
    """Return the body of *request* as *model*.

    Raises `Refused` if it is no JSON, and `InvalidLabel`, naming the field and the
    way out, if it is no such model.
    """
    if not request.body_exists:
        raise _empty(request, model)
    if request.content_type != "application/json":
        raise RefusedRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Only JSON is taken.",
            hint="send it with the header `Content-Type: application/json`",
        )
    body = await request.read()
    if not body.strip():
        raise _empty(request, model)
    return validated(body, model)


def validated(body: bytes, model: type[M]) -> M:
    """Return the JSON in *body* as *model*; raise as `parsed` does."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error, model) from None


def parse_query(request: web.Request, model: type[M]) -> M:
    """Return the query of *request* as *model*; raise `InvalidLabel` if it is none."""
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise refusal(error, model) from None


def json_answer(
    body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return *body* as an answer, with VTEX's names."""
    return web.Response(
        status=status,
        body=to_json(body, by_alias=True),
        headers=headers,
        content_type="application/json",
    )


def _empty(request: web.Request, model: type[BaseModel]) -> RefusedRequest:
    """Say that a body is needed, with the example that /openapi.json shows, too."""
    examples = (o.example for o in request.app[OPERATIONS] if o.body is model)
    example = to_json(next(examples, {})).decode()
    return RefusedRequest(
        HTTPStatus.BAD_REQUEST,
        "The body is empty, and JSON is needed.",
        hint=f"send for instance {example}",
    )


MOST: Final = 200
_POSITION: Final = re.compile(rb"before ([0-9]{1,18})")


class Paging(BaseModel):
    """Base of a list's query: which page, and how much of it."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    cursor: str | None = Field(default=None, max_length=100)
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50

    @property
    def before(self) -> int | None:
        """The row before which the page begins; raises `InvalidLabel`."""
        return position(self.cursor)


def position(cursor: str | None) -> int | None:
    """Return the row before which a page begins; raise `InvalidLabel`."""
    return None if cursor is None else _read(cursor)


def cursor(position: int | None) -> str | None:
    """Return the cursor of the page that begins before *position*."""
    if position is None:
        return None
    return urlsafe_b64encode(b"before %d" % position).decode().rstrip("=")


def _read(text: str) -> int:
    try:
        found = _POSITION.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    if found is None:
        raise InvalidLabel(
            "it is not a cursor of this relay",
            field="cursor",
            hint="take it as it is from `next` of the page before",
        )
    return int(found[1])
