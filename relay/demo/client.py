"""HTTP clients of the demo: the sandbox's control API, and the relay's API."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Final

from aiohttp import ClientError, ClientSession

from relay.demo.evidence import Evidence, Kill, Package, Webhook, packages
from relay.demo.plan import (
    WEBHOOK,
    DemoCarrier,
    DemoShipment,
    LabelPrint,
    Scan,
    demo_carriers,
)
from relay.demo.processes import DemoFailed
from relay.demo.stories import STORIES, shipments
from relay.sandbox.records import AcceptedWrite, Call, Complaint, from_json

TIMEOUT_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.1
CLIENT_ERRORS: Final = range(400, 500)
SHIPMENTS: Final = "/v1/shipments"


async def until(
    what: str,
    condition: Callable[[], Awaitable[bool]],
    *,
    seconds: float = TIMEOUT_SECONDS,
    pause: float = PAUSE_SECONDS,
) -> None:
    """Wait until *condition* holds; raise `DemoFailed` after *seconds*."""
    try:
        async with asyncio.timeout(seconds):
            # the condition depends on another process: there is no event to wait for
            while not await condition():  # noqa: ASYNC110
                await asyncio.sleep(pause)
    except TimeoutError:
        raise DemoFailed(f"{what}: timed out after {seconds:.0f} s") from None


@dataclass(frozen=True, slots=True)
class SandboxClient:
    """A client of the sandbox's control API at *url*."""

    session: ClientSession
    url: str

    async def get(self, path: str) -> Any:
        """Return the JSON of a GET."""
        async with self.session.get(f"{self.url}/sandbox/{path}") as answer:
            return await answer.json()

    async def post(self, path: str, body: object) -> Any:
        """Return the JSON of a POST; raise `DemoFailed` if it is refused."""
        url = f"{self.url}/sandbox/{path}"
        async with self.session.post(url, json=body) as answer:
            if not answer.ok:
                raise DemoFailed(f"sandbox refused {path}: {await answer.text()}")
            return await answer.json()

    async def scan(
        self, shipment: DemoShipment, scan: Scan, url: str | None = None
    ) -> list[int | None]:
        """Add a carrier event; return the answers of its webhook, if sent to *url*."""
        path = f"carriers/{shipment.carrier.adapter}/scans"
        sent = await self.post(path, shipment.scan_body(scan) | {"url": url})
        return [attempt["status"] for attempt in sent["attempts"]]

    async def ready(self) -> bool:
        """Return whether it answers."""
        return await _answers(self.session, f"{self.url}/sandbox/faults")

    async def orders(self) -> list[Package]:
        """Return what VTEX shows of every invoice."""
        return packages((await self.get("orders"))["orders"])

    async def calls(self, since: int = 0) -> list[Call]:
        """Return the calls after the one with the number *since*."""
        return from_json(Call, (await self.get(f"calls?since={since}"))["calls"])

    async def evidence(
        self, webhooks: Sequence[Webhook], kill: Kill | None
    ) -> Evidence:
        """Return everything that the sandbox recorded."""
        writes = from_json(AcceptedWrite, (await self.get("writes"))["writes"])
        complaints = (await self.get("complaints"))["complaints"]
        return Evidence(
            packages=await self.orders(),
            calls=await self.calls(),
            writes=[write for write in writes if write.carried_out],
            complaints=from_json(Complaint, complaints),
            webhooks=webhooks,
            kill=kill,
        )


@dataclass(frozen=True, slots=True)
class RelayClient:
    """A client of the relay at *url*, as ERP and carriers use it."""

    session: ClientSession
    url: str
    token: str = field(repr=False)

    async def ready(self) -> bool:
        """Return whether the relay is ready."""
        return await _answers(self.session, f"{self.url}/readyz")

    async def register(self, shipment: DemoShipment, label: LabelPrint) -> None:
        """Register a label; retry until it is accepted, as an ERP does."""
        body = shipment.label_body(label.box)
        for _ in range(label.times):
            what = f"label of {shipment.order_id}"
            await self._answered("POST", SHIPMENTS, what, json=body)

    async def register_fields(self, label: Mapping[str, str]) -> None:
        """Register a label of these fields."""
        await self._answered(
            "POST", SHIPMENTS, f"label of {label['orderId']}", json=label
        )

    async def poll_now(self, shipment: DemoShipment) -> None:
        """Poll the shipment's carrier now."""
        path = f"{SHIPMENTS}/{await self._id(shipment)}/poll-now"
        await self._answered("POST", path, f"poll of {shipment.order_id}")

    async def shipment(self, shipment: DemoShipment) -> Any:
        """Return a shipment with its timeline."""
        path = f"{SHIPMENTS}/{await self._id(shipment)}"
        text = await self._answered("GET", path, f"shipment {shipment.order_id}")
        return json.loads(text)

    async def list_mode(self, account: str) -> str | None:
        """Return what the relay knows of an account's updates, or `None`."""
        text = await self._answered("GET", "/v1/accounts", "accounts")
        listed = {one["name"]: one for one in json.loads(text)["accounts"]}
        mode: str | None = listed[account]["listMode"]
        return mode

    async def _id(self, shipment: DemoShipment) -> str:
        """Return the relay's id of a registered shipment."""
        found: list[str] = []
        query = {"orderId": shipment.order_id}

        async def listed() -> bool:
            text = await self._request("GET", SHIPMENTS, "list", params=query)
            found[:] = [s["id"] for s in json.loads(text or "{}").get("shipments", ())]
            return bool(found)

        await until(f"shipment of {shipment.order_id}", listed)
        return found[0]

    async def _answered(self, method: str, path: str, what: str, **sent: Any) -> str:
        """Send a request until it is answered, and return the answer's text."""
        found: list[str] = []

        async def answered() -> bool:
            text = await self._request(method, path, what, **sent)
            found[:] = [] if text is None else [text]
            return bool(found)

        await until(what, answered)
        return found[0]

    async def _request(
        self, method: str, path: str, what: str, **sent: Any
    ) -> str | None:
        """Return the answer's text, or `None` if the relay is not available."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.url}{path}"
        try:
            request = self.session.request(method, url, headers=headers, **sent)
            async with request as answer:
                text = await answer.text()
        except ClientError:
            return None
        if answer.status in CLIENT_ERRORS:
            raise DemoFailed(f"relay refused {what}: {text}")
        return text if answer.ok else None

    async def receive(
        self, sandbox: SandboxClient, shipment: DemoShipment, scan: Scan
    ) -> tuple[int | None, ...]:
        """Let the carrier send its webhook to the relay, and return the answers.

        Carriers repeat a webhook until it is answered below 500; the last answers
        count. A forged webhook is sent once.
        """
        url = f"{self.url}/webhooks/{shipment.carrier.contract}"
        answers: list[int | None] = []

        async def accepted() -> bool:
            answers[:] = await sandbox.scan(shipment, scan, url)
            return scan.forged or all(map(_final, answers))

        await until(f"webhook of {shipment.order_id}", accepted)
        return tuple(answers)


def _final(status: int | None) -> bool:
    """Return whether a carrier accepts an answer: it does not repeat after a 4xx."""
    return status is not None and status < CLIENT_ERRORS.stop


async def _answers(session: ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.ok
    except ClientError:
        return False


def now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


async def available_carriers(sandbox: SandboxClient, url: str) -> list[DemoCarrier]:
    """Return the sandbox's carriers that can take part, by webhook, poll or both.

    A webhook carrier must accept one of the demo's secrets; nothing listens at *url*
    yet. Raises `DemoFailed` if no webhook carrier is left.
    """
    # No relay runs yet: the secrets found here are part of its settings.
    listed = demo_carriers((await sandbox.get("carriers"))["carriers"])
    found = [await _with_secret(sandbox, url, carrier) for carrier in listed]
    usable = [carrier for carrier in found if carrier is not None]
    if not any(carrier.channel == WEBHOOK for carrier in usable):
        raise DemoFailed("the sandbox has no carrier with webhooks and enough codes")
    return usable


async def _with_secret(
    sandbox: SandboxClient, url: str, carrier: DemoCarrier
) -> DemoCarrier | None:
    """Give a webhook carrier the first kind of secret with which it can sign."""
    if carrier.channel != WEBHOOK:
        return carrier
    for secret in (f"demo:{token_hex(24)}", token_hex(32)):  # basic auth, HMAC
        ready = replace(carrier, secret=secret)
        if await _can_sign(sandbox, url, ready):
            return ready
    return None


async def _can_sign(sandbox: SandboxClient, url: str, carrier: DemoCarrier) -> bool:
    [shipment] = shipments([carrier], now(), STORIES[-1:])[:1]
    try:
        for scan in shipment.scans:
            await sandbox.scan(shipment, scan, url)
    except DemoFailed:
        return False
    return True
