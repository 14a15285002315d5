"""VTEX's order management over HTTP, mounted under `/vtex/{account}`."""

from aiohttp import web

from relay.sandbox.answers import VtexAnswer
from relay.sandbox.exchange import VtexExchange
from relay.sandbox.fault_effects import apply_fault
from relay.sandbox.records import Target
from relay.sandbox.world import WORLD

routes = web.RouteTableDef()


@routes.route("*", "/vtex/{path:.*}")
async def answer_as_vtex(request: web.Request) -> web.StreamResponse:
    """Record a request, deal with it, and answer, unless a fault forbids it."""
    world = request.app[WORLD]
    target = Target.of(request.method, request.raw_path)
    call = world.records.arrived(target, world.options.clock())
    visit = VtexExchange(world, world.records, request, call, await request.read())
    if target.kind in {"patch", "put"}:
        visit.note_overlap()
    answer: VtexAnswer | None = None
    try:
        await visit.wait(world.latency_ms / 1000)
        answer = await apply_fault(
            visit, world.faults.take(target, world.options.clock())
        )
    finally:
        _end(visit, answer)
    return web.Response() if answer is None else answer.response()


@routes.route("*", "/sandbox/elsewhere")
async def complain_of_follower(request: web.Request) -> web.Response:
    """Complain of a client that followed a redirect, its token in hand."""
    world, now = request.app[WORLD], request.app[WORLD].options.clock()
    target = Target(request.method, request.raw_path, "", "other")
    call = world.records.arrived(target, now)
    message = "a redirect was followed; the key pair travels with it"
    world.records.complain(call, now, "redirect-followed", message, refused=False)
    world.records.answered(call, 200)
    return web.json_response({})


def _end(visit: VtexExchange, answer: VtexAnswer | None) -> None:
    """Record how a call ended; a late one is still under way."""
    call = visit.call
    if call.fault != "late":
        visit.world.flights.end(call)
    if answer is None:
        visit.records.answered(call, "late" if call.fault == "late" else "cut")
    else:
        visit.records.answered(call, answer.status)
