"""Answer errors as problem details, naming the field and the fix.

See https://www.rfc-editor.org/rfc/rfc9457.
"""

import logging
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final, cast

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, Request, StreamResponse
from pydantic_core import from_json

from relay.errors import (
    BacklogFull,
    DatabaseUnavailable,
    RefusedRequest,
    RegistrationError,
    RelayError,
    UnknownContract,
    VerificationFailed,
)
from relay.logs import Seldom, logger, request_context
from relay.problem_codes import ProblemCode
from relay.service.models import FieldError, Problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CALLER: Final = web.RequestKey("caller", str)
"""The name of the token with which a request was authorized."""
CONTENT_TYPE: Final = "application/problem+json"
REQUEST_ID: Final = "X-Request-Id"
_PLAIN_ID: Final = re.compile(r"[\w.:+/=-]{1,128}", re.ASCII)
RETRY_AFTER: Final = 5
"""Seconds after which a carrier may send a request again that was not stored."""
_HINTS: Final = {
    404: "see /openapi.json for the paths",
    405: "use a method that the header `Allow` lists",
    413: "send a smaller body",
}
"""How to fix errors that the framework reports."""
_log = logger(__name__)
_seldom = Seldom()


_CODES: Final[Mapping[int, ProblemCode]] = {
    400: ProblemCode.BAD_REQUEST,
    404: ProblemCode.PATH_NOT_FOUND,
    405: ProblemCode.METHOD_NOT_ALLOWED,
    413: ProblemCode.BODY_TOO_LARGE,
    415: ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    503: ProblemCode.TRY_AGAIN,
}
"""Codes of errors that the framework reports; of others see `_code`."""


def problem(
    status: int, title: str, detail: str, *, code: ProblemCode, hint: str = ""
) -> web.Response:
    """Return an answer that says what is wrong, and how to fix it."""
    return _answer(
        Problem(
            type=code.type,
            title=title,
            status=status,
            code=code,
            detail=detail,
            hint=hint,
            errors=(FieldError(code=code, detail=detail, hint=hint),),
        )
    )


def _answer(found: Problem) -> web.Response:
    """Answer with a problem; without empty members, as in RFC 9457."""
    body = found.model_dump_json(by_alias=True, exclude_defaults=True)
    return web.Response(status=found.status, text=body, content_type=CONTENT_TYPE)


def detail_of(answer: web.StreamResponse) -> str:
    """Return the detail of an answer that `problem` made, '' for another one."""
    if not isinstance(answer, web.Response) or answer.content_type != CONTENT_TYPE:
        return ""
    return str(from_json(cast("bytes", answer.body)).get("detail", ""))


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error with the status of its class, and each with its request id.

    The id is the caller's own `X-Request-Id`, if it is a plain one. All log lines of
    the request have it.
    """
    given = request.headers.get(REQUEST_ID, "")
    request_id = given if _PLAIN_ID.fullmatch(given) else _new_id()
    with request_context(request_id):
        answer = await _answered(request, handler)
    if not answer.prepared:
        answer.headers[REQUEST_ID] = request_id
    return answer


def _new_id() -> str:
    """Return an id that no other request has; it is public, and protects nothing."""
    # `uuid4` would make a system call for every webhook.
    return f"{random.getrandbits(128):032x}"


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusedRequest as error:
        return _of_refused(request, error)
    except web.HTTPError as error:
        return _of_aiohttp(error)
    except web.HTTPException:
        raise
    except RelayError as error:
        return _of_relay(request, error)
    except Exception:  # noqa: BLE001 -- the last handler
        return _unexpected(request)


def _of_refused(request: web.Request, error: RefusedRequest) -> web.Response:
    _log_refusal(request, [error.code], str(error))
    title = error.status.phrase
    answer = problem(error.status, title, str(error), code=error.code, hint=error.hint)
    answer.headers.update(error.headers)
    if error.status == HTTPStatus.REQUEST_TIMEOUT:
        answer.force_close()
    return answer


def _of_relay(request: web.Request, error: RelayError) -> web.Response:
    match error:
        case RegistrationError():
            codes = [e.code for e in error.each()]
            _log_refusal(request, codes, error.summary(), error.field)
            return _answer(Problem.of(error))
        case UnknownContract():
            code = ProblemCode.UNKNOWN_CONTRACT
            return problem(404, "Unknown contract", str(error), code=code)
        case VerificationFailed():
            code = ProblemCode.VERIFICATION_FAILED
            return problem(401, "Verification failed", str(error), code=code)
        case BacklogFull():
            code = ProblemCode.TRY_AGAIN
            answer = problem(503, "Try again later", str(error), code=code)
            answer.headers["Retry-After"] = str(RETRY_AFTER)
            return answer
        case DatabaseUnavailable():
            return _of_outage(error)
        case _:
            return _unexpected(request)


def _of_outage(error: DatabaseUnavailable) -> web.Response:
    """Log an outage once a minute; the answer reveals nothing about the database."""
    if _seldom(type(error.__cause__).__name__):
        _log.error("database unavailable; requests get 503", error=str(error))
    title, hint = "Database unavailable", "send the request again later"
    answer = problem(
        503,
        title,
        "the database does not take requests now",
        code=ProblemCode.TRY_AGAIN,
        hint=hint,
    )
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def _log_refusal(
    request: web.Request, codes: Iterable[ProblemCode], reason: str, field: str = ""
) -> None:
    """Log a refused request with its caller; webhooks have a log of their own."""
    if not request.path.startswith("/webhooks"):
        _log.info(
            "refused",
            route=_route(request),
            by=request.get(CALLER, ""),
            codes=[str(code) for code in codes],
            field=field,
            reason=reason,
        )


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else 'no route'}"


def _of_aiohttp(error: web.HTTPError) -> web.Response:
    """Answer an error of the framework alike, with the headers that clients need."""
    title = HTTPStatus(error.status).phrase
    hint = _HINTS.get(error.status, "")
    code = _CODES.get(error.status, ProblemCode.BAD_REQUEST)
    answer = problem(error.status, title, error.text or title, code=code, hint=hint)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in error.headers:
            answer.headers[name] = error.headers[name]
    return answer


def _unexpected(request: web.Request) -> web.Response:
    """Log an unexpected error; the answer reveals nothing about it."""
    _log.exception("request failed", route=_route(request))
    title = "Internal error"
    detail, code = "internal error; see the relay's log", ProblemCode.INTERNAL_ERROR
    return problem(500, title, detail, code=code)


REFUSED = 400


class AccessLogger(AbstractAccessLogger):
    """Access log: refused requests at info, all others at debug."""

    @property
    def enabled(self) -> bool:
        """Whether anything at all is logged."""
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        """Write one line."""
        level = logging.INFO if response.status >= REFUSED else logging.DEBUG
        if self.logger.isEnabledFor(level):
            self.logger.log(
                level,
                "%s %s %s in %.1f ms",
                request.method,
                route(request),
                response.status,
                time * 1000,
            )


def route(request: BaseRequest) -> str:
    """Return the route that *request* took, with its placeholders."""
    try:
        found = (
            request.match_info.route.resource if isinstance(request, Request) else None
        )
    except (AssertionError, AttributeError):
        # aiohttp logs malformed requests, too, which were never routed.
        found = None
    return found.canonical if found is not None else "no route"
