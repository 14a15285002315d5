"""VTEX's order management over HTTP, mounted under `/vtex/{account}`.

Every answer passes through the injected fault that matches the call, if there is one.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from relay.sandbox import answers
from relay.sandbox.answers import VtexAnswer
from relay.sandbox.exchange import VtexExchange
from relay.sandbox.faults import FaultKind, InjectedFault
from relay.sandbox.world import WORLD

routes = web.RouteTableDef()

_CHECK_SECONDS: Final = 0.02

_ERRORS: Final = {
    401: answers.unauthorized(),
    403: answers.forbidden(),
    409: answers.error(409, "1", "Conflict"),
    429: answers.error(429, "1", "Too Many Requests"),
    503: answers.error(503, "1", "Service Unavailable"),
}


@routes.route("*", "/vtex/{path:.*}")
async def answer_as_vtex(request: web.Request) -> web.StreamResponse:
    """Answer one of VTEX's calls, or apply the fault that matches it."""
    world = request.app[WORLD]
    now = world.options.clock()
    call = world.records.arrived(request.method, request.raw_path, now)
    exchange = VtexExchange(world, world.records, request, call, await request.read())
    if call.kind in {"post", "patch", "put"}:
        exchange.check_overlap()
    answer: VtexAnswer | None = None
    try:
        await exchange.wait(world.latency_ms / 1000)
        fault = world.faults.take(call, world.options.clock())
        answer = await _answer(exchange, fault)
    finally:
        _end(exchange, answer)
    return web.Response() if answer is None else answer.response()


@routes.route("*", "/sandbox/elsewhere")
async def complain_of_redirect(request: web.Request) -> web.Response:
    """Complain about a client that followed a redirect, which leaks its token."""
    world, now = request.app[WORLD], request.app[WORLD].options.clock()
    call = world.records.arrived(request.method, request.raw_path, now)
    message = "a redirect was followed; the app key and token travel with it"
    world.records.complain(call, now, "redirect-followed", message, refused=False)
    world.records.answered(call, 200)
    return web.json_response({})


def _end(exchange: VtexExchange, answer: VtexAnswer | None) -> None:
    """Record how a call ended."""
    call = exchange.call
    # A late call stays pending: its write is still to come.
    if call.fault != "late":
        exchange.world.pending.end(call)
    if answer is None:
        exchange.records.answered(call, "late" if call.fault == "late" else "cut")
    else:
        exchange.records.answered(call, answer.status)


_PAGE: Final = "<html><body><h1>We will be back soon</h1></body></html>"


async def _answer(
    exchange: VtexExchange, fault: InjectedFault | None
) -> VtexAnswer | None:
    """Return the answer to a call; `None` means that the connection was dropped."""
    if fault is None:
        return exchange.perform()
    exchange.call.fault = fault.kind
    return await _EFFECTS[fault.kind](exchange, fault)


async def _status(exchange: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    headers = fault.headers(exchange.world.options.clock())
    if fault.body is not None:
        plain = isinstance(fault.body, str)
        content_type = "text/plain" if plain else "application/json"
        return VtexAnswer(fault.answered, fault.body, content_type, headers)
    usual = answers.error(fault.answered, "1", "An error has occurred")
    usual = _ERRORS.get(fault.answered, usual)
    return VtexAnswer(usual.status, usual.body, usual.content_type, headers)


async def _refuse_after(exchange: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    exchange.perform()
    return await _status(exchange, fault)


async def _redirect(exchange: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    elsewhere = f"{exchange.request.url.origin()}/sandbox/elsewhere"
    location = fault.location or elsewhere
    return VtexAnswer(fault.answered, "", "text/plain", {"Location": location})


async def _cut_before(exchange: VtexExchange, _: InjectedFault) -> None:
    exchange.cut()


async def _cut_after(exchange: VtexExchange, _: InjectedFault) -> None:
    exchange.perform()
    exchange.cut()


async def _slow(exchange: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    answer = exchange.perform()
    await exchange.wait(fault.delay_seconds)
    return answer


async def _vanish(exchange: VtexExchange, _: InjectedFault) -> VtexAnswer:
    """Answer 200, which does not prove an effect (community.vtex.com, topic 17467)."""
    answer, _carry_out = exchange.accept()
    return answer


async def _stale(exchange: VtexExchange, _: InjectedFault) -> VtexAnswer:
    """Answer a read from a copy that lacks the last write, as replicas can."""
    answer, call = exchange.perform(), exchange.call
    order = exchange.world.orders.find(call.account, call.order_id or "")
    if call.kind != "get" or order is None or order.before is None:
        return answer
    return VtexAnswer(200, order.before)


async def _page(_: VtexExchange, fault: InjectedFault) -> VtexAnswer:
    """Answer as a proxy, a firewall or a page of maintenance does."""
    page = fault.body if isinstance(fault.body, str) else _PAGE
    return VtexAnswer(fault.answered, page, "text/html")


async def _late(exchange: VtexExchange, fault: InjectedFault) -> None:
    _, carry_out = exchange.accept()
    pending = exchange.world.pending

    async def carry_out_later() -> None:
        try:
            await exchange.world.options.sleep(fault.delay_seconds)
            carry_out()
        finally:
            pending.end(exchange.call)

    if exchange.call.kind != "get":
        pending.begin(exchange.call, lambda: True)
    exchange.world.run_later(carry_out_later())
    if not fault.hang:
        return exchange.cut()
    # aiohttp does not cancel a handler when its client goes, hence the checks
    while exchange.request.transport is not None:
        if exchange.world.closing.is_set():
            break
        await exchange.wait(_CHECK_SECONDS)
    return None


_Effect = Callable[[VtexExchange, InjectedFault], Awaitable[VtexAnswer | None]]

_EFFECTS: Final[Mapping[FaultKind, _Effect]] = {
    "status": _status,
    "outage": _status,
    "cut_before": _cut_before,
    "cut_after": _cut_after,
    "late": _late,
    "slow": _slow,
    "refuse_after": _refuse_after,
    "vanish": _vanish,
    "stale": _stale,
    "redirect": _redirect,
    "page": _page,
}
