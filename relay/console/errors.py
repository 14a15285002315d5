"""Errors as pages: what is wrong and how to fix it, in place of JSON."""

from http import HTTPStatus

from aiohttp import web

from relay.console.page import language_of, render
from relay.console.security import Handler
from relay.errors import Conflict, DatabaseUnavailable, NotFound, RegistrationError
from relay.logs import logger

_log = logger(__name__)


@web.middleware
async def error_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an error that people can cause with a page."""
    try:
        return await handler(request)
    except RegistrationError as error:
        return await _page(request, _status(error), error.summary(), error.hint)
    except web.HTTPClientError as error:
        text = error.text or HTTPStatus(error.status).phrase
        return await _page(request, error.status, text, "")
    except DatabaseUnavailable:
        text = "the database does not take requests now"
        return await _page(request, HTTPStatus.SERVICE_UNAVAILABLE, text, "")
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 -- the last handler
        _log.exception("request failed", path=request.path)
        text = language_of(request)("error.unexpected")
        return await _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, text, "")


def _status(error: RegistrationError) -> int:
    match error:
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case Conflict():
            return HTTPStatus.CONFLICT
        case _:
            return HTTPStatus.UNPROCESSABLE_ENTITY


async def _page(
    request: web.Request, status: int, detail: str, hint: str
) -> web.Response:
    return await render(request, "error.html", status, detail=detail, hint=hint)
