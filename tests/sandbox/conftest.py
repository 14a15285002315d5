"""A sandbox in this process, a manual clock, and a client of VTEX."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from yarl import URL

from relay.sandbox.server import create_sandbox
from relay.sandbox.world import WORLD, SandboxOptions, World

HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "X-VTEX-API-AppKey": "sandbox-key",
    "X-VTEX-API-AppToken": "sandbox-token",
}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 8, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Sandbox:
    """A client of the sandbox: VTEX's API and the control API."""

    client: TestClient[Request, Application]
    world: World
    account: str = "acme"
    order: str = "1172452900788-01"
    headers: dict[str, str] = field(default_factory=lambda: dict(HEADERS))

    async def call(
        self, method: str, path: str, body: object = None, **changed: str | None
    ) -> ClientResponse:
        headers = {n: v for n, v in (self.headers | changed).items() if v is not None}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"/vtex/{self.account}/api/oms/pvt/orders/{path}"
        return await self.client.request(
            method,
            URL(url, encoded=True),
            data=None if body is None else raw,
            headers=headers,
            skip_auto_headers=["Content-Type", "Accept"],
            allow_redirects=False,
        )

    async def get(self, **changed: str | None) -> ClientResponse:
        return await self.call("GET", self.order, **changed)

    async def patch(self, number: str = "1", **fields: Any) -> ClientResponse:
        body = {
            "trackingNumber": "TN1",
            "trackingUrl": "https://carrier.example/TN1",
            "courier": "A Carrier",
            "dispatchedDate": "2026-08-01T09:00:00-03:00",
        }
        return await self.call("PATCH", f"{self.order}/invoice/{number}", body | fields)

    async def put(
        self, *events: dict[str, Any], number: str = "1", **fields: Any
    ) -> ClientResponse:
        body = {"isDelivered": False, "deliveredDate": None, "events": list(events)}
        path = f"{self.order}/invoice/{number}/tracking"
        return await self.call("PUT", path, body | fields)

    async def package(self, index: int = 0) -> dict[str, Any]:
        order = await (await self.get()).json()
        package: dict[str, Any] = order["packageAttachment"]["packages"][index]
        return package

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        response = await self.client.request(method, f"/sandbox{path}", json=body)
        assert response.status < 300, await response.text()
        return await response.json()

    async def fault(self, kind: str, **fields: Any) -> None:
        await self.ask("POST", "/faults", {"kind": kind, **fields})

    async def listed(self, what: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("GET", f"/{what}{query}"))[what]
        return found

    async def rules(self) -> list[str]:
        return [complaint["rule"] for complaint in await self.listed("complaints")]

    async def add_order(self, *invoices: dict[str, Any]) -> None:
        body = {"account": self.account, "orderId": self.order, "invoices": invoices}
        await self.ask("POST", "/orders", body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(
    aiohttp_client: Callable[..., Awaitable[TestClient[Request, Application]]],
    clock: Clock,
) -> Callable[..., Awaitable[Sandbox]]:
    """Return a function that makes a sandbox with other options."""

    async def make(**options: Any) -> Sandbox:
        chosen = {"clock": clock, "simulators": {}, "retry_pause": 0.0} | options
        app = create_sandbox(SandboxOptions(**chosen))
        return Sandbox(await aiohttp_client(app), app[WORLD])

    return make


@pytest.fixture
async def sandbox(made: Callable[..., Awaitable[Sandbox]]) -> Sandbox:
    """Return a sandbox with one order that has the invoice 1."""
    sandbox = await made()
    await sandbox.add_order({"invoiceNumber": "1", "invoiceKey": "3526" + "0" * 40})
    return sandbox


@pytest.fixture
def scan() -> Callable[..., dict[str, str]]:
    """Return a function that makes an event as PUT takes it."""

    def event(
        description: str = "Posted", hour: int = 10, **fields: str
    ) -> dict[str, str]:
        date = f"2026-08-01T{hour:02}:00:00+00:00"
        made = {"city": "São Paulo", "state": "SP", "description": description}
        return made | {"date": date} | fields

    return event
