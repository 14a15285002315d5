"""VTEX's three invoice routes at the relay's own address, with VTEX's answers.

https://developers.vtex.com/docs/api-reference/orders-api documents them, so they are
not in /openapi.json.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from functools import wraps
from http import HTTPStatus
from typing import Final
from uuid import uuid4

from aiohttp import web
from pydantic_core import to_json

from relay.api.content import receive_body
from relay.api.keys import PROCESS, RECEPTION, SERVICES
from relay.api.problems import CALLER, RETRY_AFTER, Handler, route
from relay.config.endpoint import EndpointPair
from relay.errors import (
    BacklogFull,
    Conflict,
    DatabaseUnavailable,
    NotFound,
    RefusedRequest,
    RegistrationError,
    RelayError,
    Unanswered,
    VtexError,
)
from relay.logs import logger
from relay.problem_codes import ProblemCode
from relay.service.context import ForwardedAnswer
from relay.service.endpoint import EndpointService, InvoiceAddress
from relay.text import UndecodableText, as_utf8

INVOICE: Final = "/api/oms/pvt/orders/{order}/invoice"
NUMBER: Final = INVOICE + "/{invoice}"
TRACKING: Final = NUMBER + "/tracking"
ACCOUNT: Final = web.RequestKey("account", str)
"""The account of the key pair with which a request was authorized."""
VIA: Final = "1.1 carrier-tracking-relay"
"""The header `Via` of answers that are VTEX's own."""

_log = logger(__name__)

Receiving = Callable[[web.Request, EndpointPair, bytes], Awaitable[web.Response]]


def routes() -> list[web.RouteDef]:
    """Return the three routes, and those that say why others are refused."""
    return [
        web.post(INVOICE, _guarded(post_invoice)),
        web.patch(NUMBER, _guarded(patch_invoice)),
        web.post(NUMBER, refuse_dialect),
        web.put(TRACKING, _guarded(put_tracking)),
        web.post(TRACKING, refuse_dialect),
        web.route("*", "/{slashes:/*}api/{rest:.*}", refuse_route),
    ]


def _guarded(handler: Receiving) -> Handler:
    """Return *handler* for callers with a key pair; errors are answered as VTEX's."""

    @wraps(handler)
    async def guarded(request: web.Request) -> web.Response:
        answer = await answered(request)
        labels = (request.get(ACCOUNT, ""), request.method, answer.status)
        request.app[PROCESS].metrics.endpoint_calls.labels(*labels).inc()
        return answer

    async def answered(request: web.Request) -> web.Response:
        try:
            pair = _authenticated(request)
            return await handler(request, pair, await _body(request))
        except web.HTTPRequestEntityTooLarge:
            text = "the body is too large; the relay's setting is intake.body_limit"
            return error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        except RelayError as failure:
            _log.info(
                "refused",
                route=route(request),
                by=request.get(CALLER, ""),
                reason=str(failure),
            )
            return _of_failure(failure)

    return guarded


async def post_invoice(
    request: web.Request, pair: EndpointPair, body: bytes
) -> web.Response:
    """Pass an invoice on to VTEX, and VTEX's answer back."""
    order = request.match_info["order"]
    return _forwarded(await _service(request).invoice(pair, order, body))


async def patch_invoice(
    request: web.Request, pair: EndpointPair, body: bytes
) -> web.Response:
    """Store a tracking number."""
    where = _address(request)
    await _service(request).tracking_number(pair, where, body)
    return _receipt(request, where)


async def put_tracking(
    request: web.Request, pair: EndpointPair, body: bytes
) -> web.Response:
    """Store tracking events."""
    where = _address(request)
    await _service(request).events(pair, where, body)
    return _receipt(request, where)


async def refuse_dialect(request: web.Request) -> web.Response:
    """Refuse the Marketplace Protocol's form of the calls, by name."""
    allowed = "PUT" if request.path.endswith("/tracking") else "PATCH"
    answer = error(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "POST on this route is the dialect of external sellers (Marketplace Protocol), "
        f"which the relay does not support; send {allowed}, as in the Orders API",
        ProblemCode.METHOD_NOT_ALLOWED,
    )
    answer.headers["Allow"] = allowed
    return answer


async def refuse_route(request: web.Request) -> web.Response:
    """Refuse every other route of VTEX: the relay must not stand before all of it."""
    text = (
        f"{request.method} {request.path}: not a route of the relay, which takes POST "
        "invoice, PATCH invoice/{number} and PUT invoice/{number}/tracking only; send "
        "all other calls to VTEX itself"
    )
    if request.path.startswith("//"):
        text = "the path begins with two slashes; remove the one of the base URL"
    return error(HTTPStatus.NOT_FOUND, text, ProblemCode.PATH_NOT_FOUND)


def error(
    status: int, text: str, code: str = "1", headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error in the form of VTEX's order management."""
    body = {"error": {"code": str(code), "message": text, "exception": None}}
    return web.Response(
        status=status,
        body=to_json(body),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )


def _authenticated(request: web.Request) -> EndpointPair:
    """Return the key pair of the caller; raise `RefusedRequest`."""
    key = request.headers.get("X-VTEX-API-AppKey", "").strip()
    token = request.headers.get("X-VTEX-API-AppToken", "").strip()
    pair = _service(request).pair(key, token) if key and token else None
    if pair is not None:
        request[CALLER], request[ACCOUNT] = pair.caller_name, pair.account
        return pair
    if key and token:
        detail, code = (
            "the key pair is unknown to this relay",
            ProblemCode.TOKEN_UNKNOWN,
        )
    else:
        detail = "X-VTEX-API-AppKey or X-VTEX-API-AppToken is missing"
        code = ProblemCode.TOKEN_MISSING
    raise RefusedRequest(
        HTTPStatus.UNAUTHORIZED,
        f"Unauthorized access: {detail}",
        hint="send a pair that `relay endpoint new-pair` made, not one of VTEX",
        code=code,
    )


async def _body(request: web.Request) -> bytes:
    """Return the body in UTF-8; raise `RefusedRequest` if it cannot be decoded."""
    reception, limit = request.app[RECEPTION], request.client_max_size
    received = await receive_body(request, limit, reception)
    try:
        return as_utf8(received.content, request.headers.get("Content-Type", ""))
    except UndecodableText as failure:
        raise RefusedRequest(
            HTTPStatus.BAD_REQUEST,
            f"the body cannot be decoded: {failure}",
            hint="send UTF-8",
            code=ProblemCode.UNDECODABLE_BODY,
        ) from None


def _address(request: web.Request) -> InvoiceAddress:
    named = request.match_info
    return InvoiceAddress(named["order"], named["invoice"])


def _service(request: web.Request) -> EndpointService:
    return request.app[SERVICES].endpoint


def _receipt(request: web.Request, where: InvoiceAddress) -> web.Response:
    """Return what VTEX answers to a write."""
    now = request.app[SERVICES].context.now().astimezone(UTC)
    body = {
        "date": now.isoformat(timespec="microseconds"),
        "orderId": where.order_id,
        "receipt": uuid4().hex,
    }
    return web.Response(
        body=to_json(body), content_type="application/json", charset="utf-8"
    )


def _forwarded(answer: ForwardedAnswer) -> web.Response:
    """Return VTEX's answer as it is, unless it leads elsewhere or broke off."""
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        text = "VTEX's address redirects, so the invoice was not accepted; correct the "
        return error(HTTPStatus.BAD_GATEWAY, f"{text}account's base_url")
    if not answer.complete:
        text = f"VTEX answered {answer.status}, but its answer broke off; "
        return error(HTTPStatus.BAD_GATEWAY, text + _READ_FIRST)
    headers = {"Via": VIA, "Content-Type": answer.content_type or "application/json"}
    if answer.retry_after is not None:
        headers["Retry-After"] = answer.retry_after
    return web.Response(status=answer.status, body=answer.body, headers=headers)


_READ_FIRST: Final = (
    "the invoice may exist, so read the order before you send it again; the relay does "
    "not repeat it"
)


def _of_failure(failure: RelayError) -> web.Response:
    """Answer an error of the relay; what it does not know goes to the last handler."""
    match failure:
        case Unanswered():
            text = f"VTEX did not answer: {_READ_FIRST}"
            return error(HTTPStatus.GATEWAY_TIMEOUT, text)
        case VtexError():
            text = "VTEX could not be reached, so nothing was sent; send it again later"
            return error(HTTPStatus.BAD_GATEWAY, text)
        case RefusedRequest():
            text = "; ".join(filter(None, (str(failure), failure.hint)))
            answer = error(failure.status, text, failure.code, failure.headers)
            if failure.status == HTTPStatus.REQUEST_TIMEOUT:
                answer.force_close()
            return answer
        case RegistrationError():
            return error(_status_of(failure), _sentence(failure), failure.code)
        case BacklogFull() | DatabaseUnavailable():
            text = "the relay cannot store it now, nothing was saved; send it again"
            headers = {"Retry-After": str(RETRY_AFTER)}
            code = ProblemCode.TRY_AGAIN
            return error(HTTPStatus.SERVICE_UNAVAILABLE, text, code, headers)
        case _:
            raise failure


def _status_of(failure: RegistrationError) -> HTTPStatus:
    if isinstance(failure, Conflict):
        return HTTPStatus.CONFLICT
    is_missing = isinstance(failure, NotFound)
    return HTTPStatus.NOT_FOUND if is_missing else HTTPStatus.BAD_REQUEST


def _sentence(failure: RegistrationError) -> str:
    problem = ": ".join(filter(None, (failure.field, failure.summary())))
    return "; ".join(filter(None, (problem, failure.hint)))
