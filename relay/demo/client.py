"""The demo's own calls: as ERP, as carrier, and to look into the sandbox."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Final

from aiohttp import ClientError, ClientSession

from relay.demo import evidence
from relay.demo.bodies import label_body, scan_body
from relay.demo.evidence import Evidence, Kill, Webhook
from relay.demo.plan import (
    DemoShipment,
    LabelPrint,
    Scan,
    Speaker,
    asked,
    both,
    speakers,
)
from relay.demo.processes import DemoFailed
from relay.demo.stories import STORIES, shipments

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
class SandboxClient:
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

    async def record(self, shipment: DemoShipment, scan: Scan) -> None:
        """Let something happen to a box of which the carrier tells when asked."""
        path = f"carriers/{shipment.speaker.adapter}/scans"
        await self.tell(path, scan_body(shipment, scan))

    async def ready(self) -> bool:
        """Whether it answers."""
        return await _answers(self.session, f"{self.url}/sandbox/faults")

    async def orders(self) -> list[evidence.Package]:
        """Return what VTEX shows of every invoice."""
        return evidence.packages((await self.ask("orders"))["orders"])

    async def calls(self, since: int = 0) -> list[evidence.RecordedCall]:
        """Return the calls that came after the one numbered *since*."""
        return evidence.calls((await self.ask(f"calls?since={since}"))["calls"])

    async def evidence(
        self, webhooks: Sequence[Webhook], kill: Kill | None
    ) -> Evidence:
        """Return everything that the sandbox saw."""
        published = (await self.ask("writes"))["writes"]
        calls = await self.calls()
        complaints = (await self.ask("complaints"))["complaints"]
        return Evidence(
            packages=await self.orders(),
            calls=calls,
            writes=evidence.writes(published, calls),
            complaints=evidence.complaints(complaints),
            webhooks=webhooks,
            kill=kill,
        )


@dataclass(frozen=True, slots=True)
class RelayClient:
    """The relay at *url*, as ERP and carriers know it."""

    session: ClientSession
    url: str
    token: str = field(repr=False)

    async def ready(self) -> bool:
        """Whether it does its work."""
        return await _answers(self.session, f"{self.url}/readyz")

    async def register(self, shipment: DemoShipment, label: LabelPrint) -> None:
        """Register a label, and again until the relay has it, as an ERP does."""
        body = label_body(shipment, label)

        async def registered() -> bool:
            return await self._got("POST", "", "a label", json=body) is not None

        for _ in range(label.times):
            await until(f"the label of {shipment.order_id}", registered)

    async def ask_again(self, shipment: DemoShipment) -> None:
        """Have the carrier asked at once, as an ERP does for a shopper who calls."""
        await self._about(shipment, "POST", "/poll-now")

    async def shown(self, shipment: DemoShipment) -> Any:
        """Return all that the relay knows of a shipment."""
        return await self._about(shipment, "GET", "")

    async def _about(self, shipment: DemoShipment, method: str, path: str) -> Any:
        """Return the answer about a registered shipment, as soon as there is one."""
        path = f"/{await self._id(shipment)}{path}"
        found: list[str] = []

        async def answered() -> bool:
            text = await self._got(method, path, "a question")
            found[:] = [] if text is None else [text]
            return bool(found)

        await until(f"an answer about {shipment.order_id}", answered)
        return json.loads(found[0])

    async def _id(self, shipment: DemoShipment) -> str:
        """Return the relay's own id of a registered shipment."""
        found: list[str] = []

        async def listed() -> bool:
            query = {"orderId": shipment.order_id}
            text = await self._got("GET", "", "a list", params=query)
            found[:] = [s["id"] for s in json.loads(text or "{}").get("shipments", ())]
            return bool(found)

        await until(f"the shipment of {shipment.order_id}", listed)
        return found[0]

    async def _got(self, method: str, path: str, what: str, **sent: Any) -> str | None:
        """Return what the relay answers, None if it cannot answer just now."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/v1/shipments{path}"
        try:
            request = self.session.request(method, url, headers=headers, **sent)
            async with request as answer:
                words = await answer.text()
        except ClientError:
            return None
        if answer.status in REFUSED:
            raise DemoFailed(f"the relay refuses {what}: {words}")
        return words if answer.ok else None

    async def hear(
        self, sandbox: SandboxClient, shipment: DemoShipment, scan: Scan
    ) -> tuple[int | None, ...]:
        """Let the carrier call the relay, and return the answers.

        A carrier calls again while nobody takes what it says; what counts is
        the last answer. A forged call is made once.
        """
        path = f"carriers/{shipment.speaker.adapter}/scans"
        url = f"{self.url}/webhooks/{shipment.speaker.contract}"
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


def now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


async def available_carriers(sandbox: SandboxClient, url: str) -> list[Speaker]:
    """Return the carriers that say enough: who calls, who is asked, who does both.

    A caller must play with a secret of ours; nobody listens at *url* yet. Raises
    `DemoFailed` if none of them is left.
    """
    carriers = (await sandbox.ask("carriers"))["carriers"]
    tried = [await _auditioned(sandbox, url, s) for s in speakers(carriers)]
    found = [speaker for speaker in tried if speaker is not None]
    if not found:
        raise DemoFailed("no carrier of the sandbox says enough")
    return [*found, *asked(carriers), *both(carriers)]


async def _auditioned(
    sandbox: SandboxClient, url: str, speaker: Speaker
) -> Speaker | None:
    """Give *speaker* the first kind of secret with which it can play its whole part."""
    for secret in _secrets():
        ready = replace(speaker, secret=secret)
        if await _plays(sandbox, url, ready):
            return ready
    return None


def _secrets() -> Sequence[str]:
    """Return secrets of several kinds: user and password, and one for a signature."""
    return (f"demo:{token_hex(24)}", token_hex(32))


async def _plays(sandbox: SandboxClient, url: str, speaker: Speaker) -> bool:
    [shipment] = shipments([speaker], now(), STORIES[-1:])[:1]
    for scan in shipment.scans:
        body = scan_body(shipment, scan) | {"url": url}
        try:
            await sandbox.tell(f"carriers/{speaker.adapter}/scans", body)
        except DemoFailed:
            return False
    return True
