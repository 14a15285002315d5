"""What the sandbox can do: its addresses with a line each, as its routes say it."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from relay.sandbox.faults import InjectedFault
from relay.sandbox.requests import (
    CredentialsRequest,
    InvoiceRequest,
    OptionsRequest,
    OrderRequest,
    ParcelScanRequest,
    ScanRequest,
)

LINE: Final = "\n"

routes = web.RouteTableDef()

BODIES: Final[Mapping[str, type[BaseModel]]] = {
    "/sandbox/orders": OrderRequest,
    "/sandbox/orders/{account}/{order_id}/invoices": InvoiceRequest,
    "/sandbox/credentials": CredentialsRequest,
    "/sandbox/faults": InjectedFault,
    "/sandbox/options": OptionsRequest,
    "/sandbox/carriers/{adapter}/scans": ScanRequest,
}
"""What a POST to an address takes."""


@routes.get("/")
@routes.get("/sandbox/help")
async def show_help(request: web.Request) -> web.Response:
    """Show this: what the sandbox can do."""
    return web.Response(text="\n".join([*_lines(request.app), ""]))


def _lines(app: web.Application) -> Iterator[str]:
    yield "A VTEX to try the relay with. Its addresses, and the fields of the JSON that"
    yield "they take, * where one is needed:"
    yield ""
    routes = (route for route in app.router.routes() if route.method != "HEAD")
    for route in sorted(routes, key=_place):
        yield from _address(route)
    yield ""
    yield from (inspect.getdoc(InjectedFault) or "").splitlines()
    yield ""
    yield f"The parcel of a scan has {_fields(ParcelScanRequest)}."


def _place(route: web.AbstractRoute) -> tuple[bool, str, str]:
    """Return where a route stands: the sandbox's own first."""
    path = _path(route)
    return not path.startswith("/sandbox"), path, route.method


def _address(route: web.AbstractRoute) -> Iterator[str]:
    path, method = _path(route), route.method.replace("*", "ANY")
    words = inspect.getdoc(route.handler) or "Answer as this carrier does."
    yield f"{method:<6} {path}"
    yield f"       {words.partition(LINE)[0]}"
    if method == "POST" and path in BODIES:
        yield f"       {_fields(BODIES[path])}"


def _path(route: web.AbstractRoute) -> str:
    return "" if route.resource is None else route.resource.canonical


def _fields(model: type[BaseModel]) -> str:
    """Name the fields of a body; those that it needs are marked."""
    names = (
        f"{field.alias}{'*' if field.is_required() else ''}"
        for field in model.model_fields.values()
    )
    return ", ".join(names)
