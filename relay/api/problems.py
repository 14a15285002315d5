"""Answer errors as problem details, naming the field and the fix.

See https://www.rfc-editor.org/rfc/rfc9457.
"""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, Request, StreamResponse
from pydantic_core import from_json, to_json

from relay.errors import (
    BacklogFull,
    RefusedRequest,
    RegistrationError,
    RelayError,
    UnknownContract,
    VerificationFailed,
)
from relay.logs import logger
from relay.service.models import Problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = 5
"""Seconds after which a carrier may send a request again that was not stored."""
_HINTS: Final = {
    404: "see /openapi.json for the paths",
    405: "use a method that the header `Allow` lists",
    413: "send a smaller body",
}
"""How to fix errors that the framework reports."""
_log = logger(__name__)


def problem(
    status: int, title: str, detail: str, *, field: str = "", hint: str = ""
) -> web.Response:
    """Return an answer that says what is wrong, with which field, and how to fix it."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    body |= {"field": field} if field else {}
    body |= {"hint": hint} if hint else {}
    return web.Response(status=status, body=to_json(body), content_type=CONTENT_TYPE)


def detail_of(answer: web.StreamResponse) -> str:
    """Return the detail of an answer that `problem` made, '' for another one."""
    if not isinstance(answer, web.Response) or answer.content_type != CONTENT_TYPE:
        return ""
    return str(from_json(cast("bytes", answer.body)).get("detail", ""))


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error with the status of its class."""
    try:
        return await handler(request)
    except RefusedRequest as error:
        return _of_refused(error)
    except web.HTTPError as error:
        return _of_aiohttp(error)
    except web.HTTPException:
        raise
    except RelayError as error:
        return _of_relay(request, error)
    except Exception:  # noqa: BLE001 -- the last handler
        return _unexpected(request)


def _of_refused(error: RefusedRequest) -> web.Response:
    title = error.status.phrase
    answer = problem(error.status, title, str(error), hint=error.hint)
    answer.headers.update(error.headers)
    return answer


def _of_relay(request: web.Request, error: RelayError) -> web.Response:
    match error:
        case RegistrationError():
            _log.info("refused", route=_route(request), **_why(error))
            return _of_registration(error)
        case UnknownContract():
            return problem(404, "Unknown contract", str(error))
        case VerificationFailed():
            return problem(401, "Verification failed", str(error))
        case BacklogFull():
            answer = problem(503, "Try again later", str(error))
            answer.headers["Retry-After"] = str(RETRY_AFTER)
            return answer
        case _:
            return _unexpected(request)


def _why(error: RegistrationError) -> dict[str, str]:
    """Return the log fields of a refusal."""
    return {"field": error.field, "reason": str(error)}


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else 'no route'}"


def _of_registration(error: RegistrationError) -> web.Response:
    of = Problem.of(error)
    return problem(of.status, of.title, of.detail, field=of.field, hint=of.hint)


def _of_aiohttp(error: web.HTTPError) -> web.Response:
    """Answer an error of the framework alike, with the headers that clients need."""
    title = HTTPStatus(error.status).phrase
    hint = _HINTS.get(error.status, "")
    answer = problem(error.status, title, error.text or title, hint=hint)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in error.headers:
            answer.headers[name] = error.headers[name]
    return answer


def _unexpected(request: web.Request) -> web.Response:
    """Log an unexpected error; the answer reveals nothing about it."""
    _log.exception("request failed", route=_route(request))
    title = "Internal error"
    return problem(500, title, "internal error; see the relay's log")


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
