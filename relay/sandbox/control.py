"""The control API, under `/sandbox`: what there is, what goes wrong, what was told."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from aiohttp import web

from relay.sandbox.credentials import Pair
from relay.sandbox.faults import InjectedFault
from relay.sandbox.orders import Order, package_shape
from relay.sandbox.page import page
from relay.sandbox.records import Records
from relay.sandbox.requests import (
    CredentialsRequest,
    InvoiceRequest,
    OptionsRequest,
    OrderRequest,
    not_found,
    number_in_query,
    read_many,
    read_one,
    unprocessable,
)
from relay.sandbox.world import WORLD, World

routes = web.RouteTableDef()


@routes.get("/sandbox")
async def show_page(request: web.Request) -> web.Response:
    """Show orders and complaints to a person."""
    return web.Response(text=page(request.app[WORLD]), content_type="text/html")


@routes.post("/sandbox/orders")
async def add_orders(request: web.Request) -> web.Response:
    """Add orders; one already known is replaced."""
    world = request.app[WORLD]
    asked = await read_many(request, OrderRequest)
    now = world.options.clock()
    for order in asked:
        world.orders.add(order.made(now))
    return web.json_response({"added": len(asked)}, status=201)


@routes.get("/sandbox/orders")
async def list_orders(request: web.Request) -> web.Response:
    """List the orders with all that VTEX knows of them, and what it does not show."""
    world = request.app[WORLD]
    account = request.query.get("account")
    order_id = request.query.get("orderId")
    shown = [
        _shown(order, world)
        for order in world.orders
        if account in {None, order.account} and order_id in {None, order.id}
    ]
    return web.json_response({"orders": shown})


@routes.post("/sandbox/orders/{account}/{order_id}/invoices")
async def add_invoices(request: web.Request) -> web.Response:
    """Add invoices to an order, as an ERP does when it invoices late."""
    world = request.app[WORLD]
    account, order_id = request.match_info["account"], request.match_info["order_id"]
    order = world.orders.find(account, order_id)
    if order is None:
        raise not_found(f"account {account!r} has no order {order_id!r}")
    asked = await read_many(request, InvoiceRequest)
    now = world.options.clock()
    for invoice in asked:
        if invoice.invoice_number in order.invoices:
            message = f"{invoice.invoice_number!r} is there already"
            raise unprocessable({"$.invoiceNumber": [message]})
        order.invoices[invoice.invoice_number] = invoice.made(now)
    return web.json_response({"added": len(asked)}, status=201)


@routes.post("/sandbox/credentials")
async def add_credentials(request: web.Request) -> web.Response:
    """Accept a key pair, beside the others of the account or instead of them."""
    asked = await read_one(request, CredentialsRequest)
    pair = Pair(asked.app_key, asked.app_token, frozenset(asked.roles))
    request.app[WORLD].credentials.add(asked.account, pair, only=asked.only)
    return web.json_response({"accepted": asked.app_key}, status=201)


@routes.post("/sandbox/faults")
async def add_faults(request: web.Request) -> web.Response:
    """Put faults in force."""
    world = request.app[WORLD]
    now = world.options.clock()
    faults = await read_many(request, InjectedFault)
    ids = [world.faults.add(fault, now) for fault in faults]
    return web.json_response({"ids": ids}, status=201)


@routes.get("/sandbox/faults")
async def list_faults(request: web.Request) -> web.Response:
    """List the faults in force."""
    world = request.app[WORLD]
    faults = list(world.faults.shown(world.options.clock()))
    return web.json_response({"faults": faults})


@routes.delete("/sandbox/faults")
async def end_faults(request: web.Request) -> web.Response:
    """End all faults."""
    request.app[WORLD].faults.clear()
    return web.json_response({})


@routes.get("/sandbox/writes")
async def list_writes(request: web.Request) -> web.Response:
    """List every write that was accepted, in order."""
    return web.json_response(
        {"writes": _selected(request, _records(request).published)}
    )


@routes.get("/sandbox/calls")
async def list_calls(request: web.Request) -> web.Response:
    """List every request that arrived, and count them by kind and by outcome."""
    records = _records(request)
    body = {
        "counts": {kind: records.counts[kind] for kind in _KINDS},
        "outcomes": dict(records.outcomes),
        "calls": _selected(request, records.calls),
    }
    return web.json_response(body)


@routes.get("/sandbox/complaints")
async def list_complaints(request: web.Request) -> web.Response:
    """List what callers did that they must not do."""
    complaints = _selected(request, _records(request).complaints)
    return web.json_response({"complaints": complaints})


@routes.post("/sandbox/options")
async def change_options(request: web.Request) -> web.Response:
    """Change what a PUT does to older events, or how slow VTEX is."""
    world = request.app[WORLD]
    asked = await read_one(request, OptionsRequest)
    world.mode = asked.mode or world.mode
    if asked.latency_ms is not None:
        world.latency_ms = asked.latency_ms
    body = {"mode": world.mode, "latencyMs": world.latency_ms}
    return web.json_response(body)


@routes.post("/sandbox/reset")
async def reset(request: web.Request) -> web.Response:
    """Begin anew."""
    request.app[WORLD].reset()
    return web.json_response({})


_KINDS = ("get", "patch", "put", "other")


class _Recorded(Protocol):
    @property
    def sequence(self) -> int: ...

    def shown(self) -> dict[str, Any]: ...


def _records(request: web.Request) -> Records:
    return request.app[WORLD].records


def _selected(
    request: web.Request, recorded: Iterable[_Recorded]
) -> list[dict[str, Any]]:
    """Show what the query selects: after `since`, by field, the last `limit`."""
    since = number_in_query(request, "since")
    limit = number_in_query(request, "limit")
    wanted = {n: v for n, v in request.query.items() if n not in {"since", "limit"}}
    shown = (item.shown() for item in recorded if item.sequence > since)
    chosen = (s for s in shown if all(str(s.get(n)) == v for n, v in wanted.items()))
    return list(deque(chosen, maxlen=limit or None))


def _shown(order: Order, world: World) -> dict[str, Any]:
    now = world.options.clock()
    return {
        "account": order.account,
        "orderId": order.id,
        "invoices": [
            package_shape(invoice)
            | {
                "visible": invoice.visible_at <= now,
                "dispatchedDate": invoice.dispatched,
            }
            for invoice in order.invoices.values()
        ],
    }
