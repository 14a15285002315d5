"""The control API under `/sandbox`: orders, faults, options, and records."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from aiohttp import web

from relay.sandbox.changes import changed
from relay.sandbox.credentials import Pair
from relay.sandbox.faults import InjectedFault
from relay.sandbox.orders import Order, package_shape
from relay.sandbox.page import page
from relay.sandbox.records import Record, Records, to_json
from relay.sandbox.requests import (
    CredentialsRequest,
    ExchangeRequest,
    InvoiceRequest,
    OptionsRequest,
    OrderRequest,
    StatusRequest,
    not_found,
    number_in_query,
    parse_many,
    parse_one,
    unprocessable,
)
from relay.sandbox.world import WORLD, World

routes = web.RouteTableDef()


@routes.get("/sandbox")
async def show_page(request: web.Request) -> web.Response:
    """Show orders and complaints as a page."""
    return web.Response(text=page(request.app[WORLD]), content_type="text/html")


@routes.post("/sandbox/orders")
async def add_orders(request: web.Request) -> web.Response:
    """Add orders; an order with the same id is replaced."""
    world = request.app[WORLD]
    added = await parse_many(request, OrderRequest)
    now = world.options.clock()
    for order in added:
        world.orders.add(stored := order.to_order(now))
        changed(request.app, stored)
    return web.json_response({"added": len(added)}, status=201)


@routes.get("/sandbox/orders")
async def list_orders(request: web.Request) -> web.Response:
    """List the orders with all tracking, hidden fields included."""
    world = request.app[WORLD]
    account = request.query.get("account")
    order_id = request.query.get("orderId")
    listed = [
        _listed(order, world)
        for order in world.orders
        if account in {None, order.account} and order_id in {None, order.id}
    ]
    return web.json_response({"orders": listed})


@routes.post("/sandbox/orders/{account}/{order_id}/invoices")
async def add_invoices(request: web.Request) -> web.Response:
    """Add invoices to an order, as an ERP does when it invoices late."""
    order = _order(request)
    added = await parse_many(request, InvoiceRequest)
    now = _now(request)
    for invoice in added:
        if invoice.invoice_number in order.invoices:
            message = f"{invoice.invoice_number!r} already exists"
            raise unprocessable({"$.invoiceNumber": [message]})
        order.invoices[invoice.invoice_number] = invoice.to_invoice(now)
    changed(request.app, order)
    return web.json_response({"added": len(added)}, status=201)


@routes.delete("/sandbox/orders/{account}/{order_id}/invoices/{number}")
async def remove_invoice(request: web.Request) -> web.Response:
    """Remove an invoice of an order, as an ERP does before it issues another one."""
    order = _order(request)
    order.invoices.pop(request.match_info["number"], None)
    changed(request.app, order)
    return web.json_response({})


@routes.post("/sandbox/orders/{account}/{order_id}/status")
async def change_status(request: web.Request) -> web.Response:
    """Set an order's status, such as `canceled`; null: by its invoices again."""
    order = _order(request)
    order.given_status = (await parse_one(request, StatusRequest)).status
    changed(request.app, order)
    return web.json_response({"status": order.status(_now(request))})


@routes.post("/sandbox/orders/{account}/{order_id}/exchange")
async def exchange_invoice(request: web.Request) -> web.Response:
    """Exchange an invoice of an order for another one, which has no tracking yet."""
    order = _order(request)
    exchange = await parse_one(request, ExchangeRequest)
    if exchange.instead_of not in order.invoices:
        raise not_found(f"insteadOf: no invoice {exchange.instead_of!r}")
    other = exchange.to_invoice(_now(request))
    order.exchange(exchange.instead_of, other)
    changed(request.app, order)
    return web.json_response({})


@routes.post("/sandbox/credentials")
async def add_credentials(request: web.Request) -> web.Response:
    """Accept a key pair, beside the account's others or in place of them (`only`)."""
    added = await parse_one(request, CredentialsRequest)
    pair = Pair(added.app_key, added.app_token, frozenset(added.roles))
    request.app[WORLD].credentials.add(added.account, pair, only=added.only)
    return web.json_response({"accepted": added.app_key}, status=201)


@routes.post("/sandbox/faults")
async def add_faults(request: web.Request) -> web.Response:
    """Inject faults."""
    world = request.app[WORLD]
    now = world.options.clock()
    faults = await parse_many(request, InjectedFault)
    ids = [world.faults.add(fault, now) for fault in faults]
    return web.json_response({"ids": ids}, status=201)


@routes.get("/sandbox/faults")
async def list_faults(request: web.Request) -> web.Response:
    """List the active faults."""
    world = request.app[WORLD]
    faults = list(world.faults.listed(world.options.clock()))
    return web.json_response({"faults": faults})


@routes.delete("/sandbox/faults")
async def end_faults(request: web.Request) -> web.Response:
    """End all faults."""
    request.app[WORLD].faults.clear()
    return web.json_response({})


@routes.get("/sandbox/writes")
async def list_writes(request: web.Request) -> web.Response:
    """List the accepted writes, oldest first."""
    return web.json_response({"writes": _selected(request, _records(request).writes)})


@routes.get("/sandbox/calls")
async def list_calls(request: web.Request) -> web.Response:
    """List the requests that arrived, with counts by kind and by outcome."""
    records = _records(request)
    body = {
        "counts": {kind: records.counts[kind] for kind in _KINDS},
        "outcomes": dict(records.outcomes),
        "calls": _selected(request, records.calls),
    }
    return web.json_response(body)


@routes.get("/sandbox/complaints")
async def list_complaints(request: web.Request) -> web.Response:
    """List the violations of VTEX's rules; empty for a correct client."""
    complaints = _selected(request, _records(request).complaints)
    return web.json_response({"complaints": complaints})


@routes.get("/sandbox/emails")
async def list_emails(request: web.Request) -> web.Response:
    """List the e-mails that VTEX would send to shoppers, oldest first."""
    return web.json_response({"emails": _selected(request, _records(request).emails)})


@routes.post("/sandbox/options")
async def change_options(request: web.Request) -> web.Response:
    """Change the PUT mode, the latency or the answers of VTEX."""
    world = request.app[WORLD]
    changed = await parse_one(request, OptionsRequest)
    if changed.account is not None and changed.mode is not None:
        world.modes[changed.account] = changed.mode
    else:
        world.mode = changed.mode or world.mode
    world.no_invoice = changed.no_invoice or world.no_invoice
    if changed.latency_ms is not None:
        world.latency_ms = changed.latency_ms
    body = {
        "mode": world.mode,
        "modes": world.modes,
        "noInvoice": world.no_invoice,
        "latencyMs": world.latency_ms,
    }
    return web.json_response(body)


@routes.post("/sandbox/reset")
async def reset(request: web.Request) -> web.Response:
    """Remove all orders, credentials, faults and records."""
    request.app[WORLD].reset()
    return web.json_response({})


def _order(request: web.Request) -> Order:
    """Return the order in the path, or answer 404."""
    account, order_id = request.match_info["account"], request.match_info["order_id"]
    order = request.app[WORLD].orders.find(account, order_id)
    if order is None:
        raise not_found(f"orderId: account {account!r} has no order {order_id!r}")
    return order


def _now(request: web.Request) -> datetime:
    return request.app[WORLD].options.clock()


_KINDS = ("get", "post", "patch", "put", "other")


def _records(request: web.Request) -> Records:
    return request.app[WORLD].records


def _selected(request: web.Request, records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return what the query selects: after `since`, by field, the last `limit`."""
    since = number_in_query(request, "since")
    limit = number_in_query(request, "limit")
    wanted = {n: v for n, v in request.query.items() if n not in {"since", "limit"}}
    found = (to_json(record) for record in records if record.sequence > since)
    chosen = (f for f in found if all(str(f.get(n)) == v for n, v in wanted.items()))
    return list(deque(chosen, maxlen=limit or None))


def _listed(order: Order, world: World) -> dict[str, Any]:
    now = world.options.clock()
    return {
        "account": order.account,
        "orderId": order.id,
        "status": order.status(now),
        "invoices": [
            package_shape(invoice)
            | {
                "visible": invoice.visible_at <= now,
                "dispatchedDate": invoice.dispatched,
            }
            for invoice in order.invoices.values()
        ],
    }
