"""The help text: every address with a line, generated from the routes."""

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
    StatusRequest,
)

LINE: Final = "\n"

routes = web.RouteTableDef()

BODIES: Final[Mapping[str, type[BaseModel]]] = {
    "/sandbox/orders": OrderRequest,
    "/sandbox/orders/{account}/{order_id}/invoices": InvoiceRequest,
    "/sandbox/orders/{account}/{order_id}/status": StatusRequest,
    "/sandbox/credentials": CredentialsRequest,
    "/sandbox/faults": InjectedFault,
    "/sandbox/options": OptionsRequest,
    "/sandbox/carriers/{adapter}/scans": ScanRequest,
}
"""The body of a POST, by address."""


@routes.get("/")
@routes.get("/sandbox/help")
async def show_help(request: web.Request) -> web.Response:
    """Show this help."""
    return web.Response(text="\n".join([*_lines(request.app), ""]))


def _lines(app: web.Application) -> Iterator[str]:
    yield "A sandbox of VTEX and of carriers. Its addresses, each with the JSON fields"
    yield "of its body; * marks the required ones:"
    yield ""
    routes = (route for route in app.router.routes() if route.method != "HEAD")
    for route in sorted(routes, key=_place):
        yield from _address(route)
    yield ""
    yield from (inspect.getdoc(InjectedFault) or "").splitlines()
    yield ""
    yield f"Fields of a scan's parcel: {_fields(ParcelScanRequest)}."


def _place(route: web.AbstractRoute) -> tuple[bool, str, str]:
    """Return the sort key of a route: the sandbox's own come first."""
    path = _path(route)
    return not path.startswith("/sandbox"), path, route.method


def _address(route: web.AbstractRoute) -> Iterator[str]:
    path, method = _path(route), route.method.replace("*", "ANY")
    summary = inspect.getdoc(route.handler) or "Answer as this carrier does."
    yield f"{method:<6} {path}"
    yield f"       {summary.partition(LINE)[0]}"
    if method == "POST" and path in BODIES:
        yield f"       {_fields(BODIES[path])}"


def _path(route: web.AbstractRoute) -> str:
    return "" if route.resource is None else route.resource.canonical


def _fields(model: type[BaseModel]) -> str:
    """Return the fields of a body; required ones are marked with `*`."""
    names = (
        f"{field.alias}{'*' if field.is_required() else ''}"
        for field in model.model_fields.values()
    )
    return ", ".join(names)
