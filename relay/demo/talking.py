"""The demo's own calls: as ERP, as carrier, and to look into the sandbox."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import ClientError, ClientSession

from relay.demo import evidence
from relay.demo.evidence import Evidence, Kill, Webhook
from relay.demo.plan import Label, Scan, Shipment
from relay.demo.programs import ACCOUNT, DemoFailed

PATIENCE_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.1
REFUSED: Final = range(400, 500)


async def until(
    what: str,
    holds: Callable[[], Awaitable[bool]],
    *,
    seconds: float = PATIENCE_SECONDS,
    pause: float = PAUSE_SECONDS,
) -> None:
    """Wait until *holds*; raise `DemoFailed` if that takes too long."""
    try:
        async with asyncio.timeout(seconds):
            while not await holds():  # noqa: ASYNC110 -- it holds in another process
                await asyncio.sleep(pause)
    except TimeoutError:
        raise DemoFailed(f"{what}: not within {seconds:.0f} s") from None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The control API of the sandbox at *url*."""

    session: ClientSession
    url: str

    async def ask(self, path: str) -> Any:
        """Return the answer to a GET."""
        async with self.session.get(f"{self.url}/sandbox/{path}") as answer:
            return await answer.json()

    async def tell(self, path: str, body: object) -> Any:
        """Return the answer to a POST, which must be accepted."""
        url = f"{self.url}/sandbox/{path}"
        async with self.session.post(url, json=body) as answer:
            if not answer.ok:
                raise DemoFailed(f"the sandbox refuses {path}: {await answer.text()}")
            return await answer.json()

    async def ready(self) -> bool:
        """Whether it answers."""
        return await _answers(self.session, f"{self.url}/sandbox/faults")

    async def orders(self) -> list[evidence.Package]:
        """Return what VTEX shows of every invoice."""
        return evidence.packages((await self.ask("orders"))["orders"])

    async def calls(self, since: int = 0) -> list[evidence.Call]:
        """Return the calls that came after the one numbered *since*."""
        return evidence.calls((await self.ask(f"calls?since={since}"))["calls"])

    async def evidence(
        self, webhooks: Sequence[Webhook], kill: Kill | None
    ) -> Evidence:
        """Return everything that the sandbox saw."""
        told = (await self.ask("told"))["told"]
        calls = await self.calls()
        complaints = (await self.ask("complaints"))["complaints"]
        return Evidence(
            packages=await self.orders(),
            calls=calls,
            writes=evidence.writes(told, calls),
            complaints=evidence.complaints(complaints),
            webhooks=webhooks,
            kill=kill,
        )


@dataclass(frozen=True, slots=True)
class Relay:
    """The relay at *url*, as ERP and carriers know it."""

    session: ClientSession
    url: str
    token: str = field(repr=False)

    async def ready(self) -> bool:
        """Whether it does its work."""
        return await _answers(self.session, f"{self.url}/readyz")

    async def register(self, shipment: Shipment, label: Label) -> None:
        """Register a label, and again until the relay has it, as an ERP does."""
        body = label_body(shipment, label)
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/v1/shipments"

        async def registered() -> bool:
            try:
                async with self.session.post(url, json=body, headers=headers) as answer:
                    if answer.status in REFUSED:
                        words = await answer.text()
                        raise DemoFailed(f"the relay refuses a label: {words}")
                    return answer.ok
            except ClientError:
                return False

        for _ in range(label.times):
            await until(f"the label of {shipment.order_id}", registered)

    async def hear(
        self, sandbox: Sandbox, shipment: Shipment, scan: Scan
    ) -> tuple[int | None, ...]:
        """Let the carrier call the relay, and return the answers.

        A carrier calls again while nobody takes what it says; what counts is
        the last answer. A forged call is made once.
        """
        path = f"carriers/{shipment.speaker.adapter}/scans"
        url = f"{self.url}/webhooks/{shipment.speaker.adapter}"
        body = scan_body(shipment, scan) | {"url": url}
        answers: list[int | None] = []

        async def heard() -> bool:
            attempts = (await sandbox.tell(path, body))["attempts"]
            answers[:] = [attempt["status"] for attempt in attempts]
            return scan.forged or all(map(_final, answers))

        await until(f"a scan of {shipment.order_id}", heard)
        return tuple(answers)


def _final(status: int | None) -> bool:
    """Whether a carrier leaves it at an answer: it does not repeat after a 4xx."""
    return status is not None and status < REFUSED.stop


async def _answers(session: ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.ok
    except ClientError:
        return False


def order_body(shipment: Shipment) -> dict[str, Any]:
    """Return the order and its invoice as the sandbox takes them."""
    invoice = {
        "invoiceNumber": shipment.invoice_number,
        "visibleAfterSeconds": shipment.visible_after,
    }
    return {
        "account": ACCOUNT,
        "orderId": shipment.order_id,
        "invoices": [invoice],
    }


def label_body(shipment: Shipment, label: Label) -> dict[str, Any]:
    """Return a label as the relay takes it."""
    box = label.box
    return {
        "account": ACCOUNT,
        "contract": shipment.speaker.adapter,
        "orderId": shipment.order_id,
        "invoiceNumber": shipment.invoice_number,
        "trackingNumber": box.number,
        "volume": box.volume,
        "volumes": len(shipment.boxes),
        "dispatchedDate": shipment.dispatched_at.isoformat(),
        "references": [{"type": "shipmentId", "value": box.shipment_id}],
    }


def scan_body(shipment: Shipment, scan: Scan) -> dict[str, Any]:
    """Return a scan as the sandbox takes it; an older parcel is somebody else's."""
    box = scan.box
    prefix = "OLD-" if scan.older else ""
    return {
        "parcel": {
            "orderId": f"{prefix}{shipment.order_id}",
            "shipmentId": f"{prefix}{box.shipment_id}",
            "trackingNumber": box.number,
            "volume": box.volume,
            "volumes": len(shipment.boxes),
        },
        "code": shipment.speaker.speaks[scan.milestone],
        "secret": shipment.speaker.secret,
        "occurredAt": scan.occurred_at.isoformat(),
        "forged": scan.forged,
        "repeat": scan.times,
    }


def now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)
