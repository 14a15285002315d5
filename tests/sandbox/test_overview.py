"""The help text lists every route."""

from typing import Any

import pytest
from aiohttp.web import Application

from relay.sandbox.overview import BODIES
from relay.sandbox.server import create_sandbox
from relay.sandbox.world import SandboxOptions


async def lines(sandbox: Any, path: str) -> list[str]:
    response = await sandbox.client.get(path)
    assert response.status == 200
    assert response.content_type == "text/plain"
    text: str = await response.text()
    return text.splitlines()


@pytest.mark.parametrize("path", ["/", "/sandbox/help"])
async def test_every_address_has_a_line(sandbox: Any, path: str) -> None:
    found = await lines(sandbox, path)
    for method, resource in addresses(sandbox.client.app):
        at = found.index(f"{method.replace('*', 'ANY'):<6} {resource}")
        assert found[at + 1].strip()


def addresses(app: Application) -> list[tuple[str, str]]:
    return [
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    ]


async def test_bodies_and_faults_are_described(sandbox: Any) -> None:
    found = await lines(sandbox, "/sandbox/help")
    at = found.index("POST   /sandbox/orders")
    assert found[at + 2].strip() == "account*, orderId*, value, items, status, invoices"
    assert "- outage: the same for every call; 503 unless `status` is given" in found
    assert found[-1].startswith("Fields of a scan's parcel: orderId*, shipmentId")


def test_every_body_belongs_to_an_address() -> None:
    posts = {p for m, p in addresses(create_sandbox(SandboxOptions())) if m == "POST"}
    assert set(BODIES) <= posts


async def test_a_carriers_own_addresses_are_listed(made: Any) -> None:
    found = await lines(await made(simulators=None), "/")
    assert "GET    /carriers/generic/parcels" in found


async def test_the_page_leads_there(sandbox: Any) -> None:
    page = await (await sandbox.client.get("/sandbox")).text()
    assert '<a href="/sandbox/help">' in page
