"""Errors as RFC 9457 problem details that name the field and the way out."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, Request, StreamResponse
from pydantic_core import to_json

from relay.errors import (
    BacklogFull,
    Conflict,
    NotFound,
    RefusedRequest,
    RegistrationError,
    RelayError,
    UnknownContract,
    VerificationFailed,
)
from relay.logs import logger

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = 5
"""Seconds after which a request may be sent again that could not be kept."""
_WAYS_OUT: Final = {
    404: "/openapi.json lists what there is",
    405: "the header `Allow` lists the methods that there are",
    413: "send less at once",
}
"""What to do about errors that the framework finds."""
_log = logger(__name__)


def problem(
    status: int, title: str, detail: str, *, field: str = "", hint: str = ""
) -> web.Response:
    """Return an answer that says what is wrong, with which field, and what to do."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }
    body |= {"field": field} if field else {}
    body |= {"hint": hint} if hint else {}
    return web.Response(status=status, body=to_json(body), content_type=CONTENT_TYPE)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Translate every error into the answer that its class stands for."""
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
    except Exception:  # noqa: BLE001 -- the last one to hear of it
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
            return problem(401, "Untrusted webhook", str(error))
        case BacklogFull():
            answer = problem(503, "Try again later", str(error))
            answer.headers["Retry-After"] = str(RETRY_AFTER)
            return answer
        case _:
            return _unexpected(request)


def _why(error: RegistrationError) -> dict[str, str]:
    """Return what the log says of a refusal."""
    return {"field": error.field, "because": str(error)}


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else 'no route'}"


def _of_registration(error: RegistrationError) -> web.Response:
    status, title = meant(error)
    return problem(status, title, str(error), field=error.field, hint=error.hint)


def meant(error: RegistrationError) -> tuple[int, str]:
    """Return the status and the title that *error* stands for."""
    if isinstance(error, Conflict):
        return 409, "Conflict"
    if isinstance(error, NotFound):
        return 404, "Not found"
    return 422, "Invalid field"


def _of_aiohttp(error: web.HTTPError) -> web.Response:
    """Spell an error of the framework the same way; some of its headers count."""
    title = HTTPStatus(error.status).phrase
    hint = _WAYS_OUT.get(error.status, "")
    answer = problem(error.status, title, error.text or title, hint=hint)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in error.headers:
            answer.headers[name] = error.headers[name]
    return answer


def _unexpected(request: web.Request) -> web.Response:
    """Log an error that nobody expected, and say no more than that."""
    _log.exception("request failed", route=_route(request))
    title = "Internal error"
    return problem(500, title, "The relay failed; its log says why.")


REFUSED = 400


class AccessLogger(AbstractAccessLogger):
    """Logs what was refused as information, the rest for debugging only."""

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
    found = request.match_info.route.resource if isinstance(request, Request) else None
    return found.canonical if found is not None else "no route"
