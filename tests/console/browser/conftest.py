"""A relay with its two processes, a sandbox, and Chromium in front of both."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.console.visitors import HASH, PASSWORD
from tests.support.lacking import lacking
from tests.system.kills.processes import (
    SECRET,
    Program,
    account,
    relay_program,
    running,
    sandbox_program,
)

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SCREENSHOTS = "TESTS_SCREENSHOTS"
"""The variable with the folder in which screenshots are kept."""
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
PEOPLE = {
    f"RELAY_USERS__{name.upper()}__{key}": value
    for name, role in (("maria", "act"), ("vera", "view"))
    for key, value in (("PASSWORD_HASH", HASH), ("ROLE", role), ("LANGUAGE", "en"))
}


@dataclass
class Store:
    """A relay and the sandbox that it calls, as an ERP uses them."""

    relay: Program
    sandbox: Program
    http: aiohttp.ClientSession

    async def order(self, order: str, invoice: str) -> None:
        """Let VTEX have an order with an invoice."""
        invoices = [{"invoiceNumber": invoice}]
        body = {"account": "store", "orderId": order, "invoices": invoices}
        await self._post(f"{self.sandbox.url}/sandbox/orders", body)

    async def label(self, order: str, invoice: str, **fields: Any) -> str:
        """Register a label; return the shipment's id."""
        body = {"orderId": order, "invoiceNumber": invoice, "contract": "me"}
        answer = await self._post(f"{self.relay.url}/v1/shipments", body | fields)
        found: str = answer["id"]
        return found

    async def scan(self, number: str, order: str, code: str) -> None:
        """Let the carrier send a webhook about a parcel."""
        body = {
            "parcel": {"orderId": order, "trackingNumber": number},
            "code": code,
            "url": f"{self.relay.url}/webhooks/me",
            "secret": SECRET,
        }
        await self._post(f"{self.sandbox.url}/sandbox/carriers/melhorenvio/scans", body)

    async def refuse_once(self, order: str, call: str) -> None:
        """Let VTEX refuse the next call of a kind for an order."""
        fault = {"kind": "status", "status": 400, "orderId": order, "call": call}
        await self._post(f"{self.sandbox.url}/sandbox/faults", fault | {"times": 1})

    async def state(self, shipment: str) -> str:
        """Return the state of a shipment."""
        async with self.http.get(f"{self.relay.url}/v1/shipments/{shipment}") as got:
            found: str = (await got.json())["state"]
            return found

    async def until(self, shipment: str, state: str) -> None:
        """Wait until a shipment has a state."""
        async with asyncio.timeout(30):
            while await self.state(shipment) != state:  # noqa: ASYNC110 -- a process
                await asyncio.sleep(0.1)

    async def _post(self, url: str, body: Any) -> Any:
        async with self.http.post(url, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()


@dataclass
class Desk:
    """A person at a browser: a page, and what went wrong in it."""

    page: Any
    url: str
    wrong: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        """Go to a page of the console."""
        await self.page.goto(f"{self.url}/console/{path}")

    async def sign_in(self, name: str = "maria") -> None:
        """Sign in by mouse and keyboard."""
        await self.open("")
        await self.page.fill("#name", name)
        await self.page.fill("#password", PASSWORD)
        await self.page.click("main button")
        await self.page.wait_for_selector("header nav")

    async def keep(self, name: str) -> None:
        """Keep a screenshot, if a folder for them is named."""
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            path = Path(folder) / f"{name}.png"
            await self.page.screenshot(path=path, full_page=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Find Chromium and the library that drives it."""
    try:
        import playwright  # noqa: F401, PLC0415 -- an extra
    except ImportError:
        lacking("playwright is not installed: pip install -e '.[browser]'")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        lacking("Chromium is not installed: apt-get install chromium")
    assert found is not None
    return found


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Run a relay with two people, and a sandbox."""
    async with running(sandbox_program(tmp_path)) as sandbox:
        relay = relay_program(tmp_path, PEOPLE | account("store", sandbox.url))
        async with running(relay), aiohttp.ClientSession() as http:
            yield Store(relay, sandbox, http)


@pytest.fixture
async def desk(store: Store, chromium: str) -> AsyncIterator[Desk]:
    """Open a browser at a desk."""
    async with browsing(chromium, store.relay.url) as opened:
        yield opened


@asynccontextmanager
async def browsing(chromium: str, url: str, **context: Any) -> AsyncIterator[Desk]:
    """Open a browser; what its console complains of fails the test."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 -- an extra

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        opened = await browser.new_context(**{"viewport": DESKTOP} | context)
        page = await opened.new_page()
        at = Desk(page, url)
        page.on("pageerror", lambda error: at.wrong.append(str(error)))
        page.on("console", lambda said: _note(at, said))
        page.on("dialog", lambda dialog: at.wrong.append(dialog.message))
        yield at
        await browser.close()
    assert at.wrong == []


def _note(desk: Desk, said: Any) -> None:
    if said.type == "error" and "status of 4" not in said.text:
        desk.wrong.append(said.text)
