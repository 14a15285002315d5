"""Shipments: search and filters, CSV, and everything known about one of them."""

from io import StringIO
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from relay.api.bodies import parse_query
from relay.console.keys import SERVICES, USER
from relay.console.lists import following
from relay.console.page import render
from relay.console.security import caller
from relay.console.timeline import last_event, timeline
from relay.domain.status import ShipmentState
from relay.service.models import ShipmentSummary
from relay.service.queries import ShipmentQuery
from relay.service.spreadsheets import BOM, write_csv, write_rows

COLUMNS: Final = (
    "order_id", "invoice_number", "contract", "tracking_number", "state", "why",
    "registered_at", "last_event_at",
)  # fmt: skip
CSV_COLUMNS: Final = tuple(n for n in ShipmentSummary.model_fields if n != "damage")
PAGE: Final = 200
MOST_PAGES: Final = 50
"""Pages of one CSV file: 10,000 rows."""
routes = web.RouteTableDef()


@routes.get("/shipments")
async def list_(request: web.Request) -> web.Response:
    """Search by any number, or list shipments by filters."""
    services, who = request.app[SERVICES], caller(request)
    wanted = request.query.get("search", "").strip()
    shared: dict[str, Any] = {
        "columns": COLUMNS,
        "states": list(ShipmentState),
        "search": wanted,
    }
    if wanted:
        found = await services.shipments.search(who, wanted)
        if len(found) == 1:
            raise web.HTTPSeeOther(f"/console/shipments/{found[0].id}")
        return await render(
            request, "shipments.html", rows=found, query=ShipmentQuery(),
            following=None, csv="", **shared,
        )  # fmt: skip
    query = _query(request)
    page = await services.shipments.page(who, query)
    return await render(
        request,
        "shipments.html",
        rows=page.shipments,
        query=query,
        following=following(request, page.next),
        csv=f"/console/shipments.csv?{urlencode(dict(request.query))}",
        **shared,
    )


@routes.get("/shipments.csv")
async def as_csv(request: web.Request) -> web.Response:
    """Send the shipments that match the filters as CSV."""
    services, query = request.app[SERVICES], _query(request)
    file = StringIO()
    file.write(BOM)
    write_csv(file, CSV_COLUMNS, (), ";")
    for _ in range(MOST_PAGES):
        wanted = query.model_copy(update={"limit": PAGE})
        page = await services.shipments.page(caller(request), wanted)
        rows = ([getattr(s, name) for name in CSV_COLUMNS] for s in page.shipments)
        write_rows(file, rows, ";")
        if page.next is None:
            break
        query = query.model_copy(update={"cursor": page.next})
    headers = {"Content-Disposition": 'attachment; filename="shipments.csv"'}
    return web.Response(text=file.getvalue(), content_type="text/csv", headers=headers)


@routes.get("/shipments/{id}")
async def one(request: web.Request) -> web.Response:
    """Show a shipment: its state and why, its parcels, and a single timeline."""
    services, who = request.app[SERVICES], caller(request)
    found = await services.shipments.show(who, request.match_info["id"])
    return await render(
        request,
        "shipment.html",
        shipment=found,
        lines=timeline(found),
        last=last_event(found),
        may_act=request[USER].may_act,
        changes=await services.audit.of_shipment(who, found.id),
    )


def _query(request: web.Request) -> ShipmentQuery:
    """Return the filters; fields of the form that were left empty are none."""
    given = {name: text for name, text in request.query.items() if text.strip()}
    given.pop("search", None)
    return parse_query(
        request.clone(rel_url=request.rel_url.with_query(given)), ShipmentQuery
    )
