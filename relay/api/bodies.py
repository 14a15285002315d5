"""Read request bodies and queries as models, and write answers as JSON."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel
from pydantic_core import to_json

from relay.api.content import receive_body
from relay.api.keys import RECEPTION
from relay.api.operations import OPERATIONS
from relay.errors import NotFound, RefusedRequest
from relay.problem_codes import ProblemCode
from relay.service.validation import parse_fields, parse_json
from relay.text import UndecodableText, as_utf8

M = TypeVar("M", bound=BaseModel)


async def parse_body(request: web.Request, model: type[M]) -> M:
    """Return the body of *request* as *model*.

    Raises `RefusedRequest` if it is not JSON, and `InvalidLabel` naming the field at
    fault and its fix.
    """
    return parse_json(await receive_json(request, model), model)


async def receive_json(request: web.Request, model: type[BaseModel]) -> bytes:
    """Return the body of *request* in UTF-8, which should be JSON of a *model*.

    Raises `RefusedRequest` if it is empty or declared as something else.
    """
    if not request.body_exists:
        raise _empty(request, model)
    if request.content_type != "application/json":
        raise RefusedRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON",
            hint="send it with the header `Content-Type: application/json`",
            code=ProblemCode.UNSUPPORTED_MEDIA_TYPE,
        )
    reception = request.app[RECEPTION]
    received = await receive_body(request, request.client_max_size, reception)
    body = received.content
    if not body.strip():
        raise _empty(request, model)
    return _utf8(request, body)


def parse_query(request: web.Request, model: type[M]) -> M:
    """Return the query of *request* as *model*; raise `InvalidLabel`."""
    return parse_fields(dict(request.query), model)


def json_answer(
    body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return *body* as an answer, with its JSON names."""
    return web.Response(
        status=status,
        body=to_json(body, by_alias=True),
        headers=headers,
        content_type="application/json",
    )


def _utf8(request: web.Request, body: bytes) -> bytes:
    """Return *body* in UTF-8; raise `RefusedRequest` if it cannot be decoded."""
    try:
        return as_utf8(body, request.headers.get("Content-Type", ""))
    except UndecodableText as error:
        raise RefusedRequest(
            HTTPStatus.BAD_REQUEST,
            f"the body cannot be decoded: {error}",
            hint="send UTF-8, or declare the charset in Content-Type",
            code=ProblemCode.UNDECODABLE_BODY,
        ) from None


def _empty(request: web.Request, model: type[BaseModel]) -> RefusedRequest:
    """Return the error for an empty body, with the example of /openapi.json."""
    examples = (o.example for o in request.app[OPERATIONS] if o.body is model)
    example = to_json(next(examples, {})).decode()
    return RefusedRequest(
        HTTPStatus.BAD_REQUEST,
        "the body is empty; JSON is required",
        hint=f"send a body like {example}",
        code=ProblemCode.EMPTY_BODY,
    )


def path_number(request: web.Request, name: str, what: str = "") -> int:
    """Return the number *name* of the path; raise `NotFound` if it is not one.

    *what* is what it numbers, if that is not *name*.
    """
    text = request.match_info[name]
    # 19 digits can exceed the largest row number that both databases store.
    if not (text.isascii() and text.isdigit() and len(text) < len("9" * 19)):
        raise NotFound(
            f"there is no {what or name} {text}", hint="use a number from a list"
        )
    return int(text)
