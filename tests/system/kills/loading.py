"""An ERP and a carrier that keep a relay busy and remember what it acknowledged."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final

import aiohttp

from carriers.melhorenvio.sandbox import Simulator
from relay.sandbox.simulator import SimulatedParcel, SimulatedRequest, SimulatedScan
from tests.system.kills.processes import SECRET

READABLE_ACCOUNT: Final = "store"
BLIND_ACCOUNT: Final = "blind"
ACCOUNTS: Final = (READABLE_ACCOUNT, BLIND_ACCOUNT)
TEXTS: Final = {
    "order.posted": "Objeto postado",
    "order.undelivered": "Entrega não realizada",
    "order.paused": "Envio pausado",
    "order.delivered": "Objeto entregue ao destinatário",
}
"""What shoppers read, by the carrier's word for it."""
DELIVERED: Final = "order.delivered"
WORKERS: Final = 12
LONGEST_PAUSE: Final = 0.15
"""Seconds between two things that one worker sends."""
UNAUTHORIZED: Final = 401


@dataclass(frozen=True)
class Scan:
    """One thing that a carrier has to say of a parcel."""

    code: str
    at: datetime

    @property
    def fact(self) -> tuple[datetime, str]:
        """What VTEX has to show of it."""
        return self.at, TEXTS[self.code]


@dataclass
class Parcel:
    """One invoice, what is said of it, and what of that was acknowledged."""

    number: int
    account: str
    scans: tuple[Scan, ...]
    before_label: int
    labelled: bool = False
    acknowledged: list[Scan] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """Its account and order."""
        return self.account, f"{1500000000000 + self.number}-01"

    @property
    def delivered(self) -> bool:
        """Whether its delivery was acknowledged."""
        return any(scan.code == DELIVERED for scan in self.acknowledged)

    def label(self) -> dict[str, Any]:
        """Return what the ERP posts."""
        return {
            "account": self.account,
            "contract": "me",
            "orderId": self.key[1],
            "invoiceNumber": f"{self.number:09}",
            "trackingNumber": f"QQ{self.number:09}BR",
            # The scans are older than the label: only its dispatch makes them its own.
            "dispatchedDate": (self.scans[0].at - timedelta(hours=1)).isoformat(),
        }

    def webhook(self, scan: Scan, secret: str = SECRET) -> SimulatedRequest:
        """Return what the carrier posts."""
        number = f"QQ{self.number:09}BR"
        staged = SimulatedParcel(self.key[1], f"id-{self.number}", number)
        return Simulator().webhook(SimulatedScan(staged, scan.code, scan.at), secret)


def parcels(random: Random) -> Iterator[Parcel]:
    """Make parcels without end; one in five is never delivered."""
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    for number in count(1):
        on_the_way = random.choices(
            ["order.undelivered", "order.paused"], k=random.randint(0, 2)
        )
        codes = ["order.posted", *on_the_way, DELIVERED]
        if number % 5 == 0:
            codes.remove(DELIVERED)
        scans = [Scan(c, first + timedelta(minutes=9 * i)) for i, c in enumerate(codes)]
        early = random.choice([0, 0, 1])
        yield Parcel(number, ACCOUNTS[number % 2], tuple(scans), early)


@dataclass
class Loader:
    """Sends until it is stopped; a request without a 2xx is repeated, no other."""

    relay: str
    sandbox: str
    random: Random
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    parcels: list[Parcel] = field(default_factory=list)
    requests: int = 0
    unanswered: int = 0
    refused: int = 0

    async def run(self) -> None:
        """Begin parcel after parcel, several at a time; end those that were begun."""
        endless = parcels(self.random)
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            work = (self._work(session, endless) for _ in range(WORKERS))
            await asyncio.gather(*work)

    async def _work(
        self, session: aiohttp.ClientSession, endless: Iterator[Parcel]
    ) -> None:
        while not self.stopping.is_set():
            parcel = next(endless)
            self.parcels.append(parcel)
            await self._add_order(session, parcel)
            for scan in parcel.scans[: parcel.before_label]:
                await self._scan(session, parcel, scan)
            await self._until_taken(session, "/v1/shipments", json=parcel.label())
            parcel.labelled = True
            for scan in parcel.scans[parcel.before_label :]:
                await self._scan(session, parcel, scan)
            if parcel.scans[-1].code != DELIVERED:
                await self._forge(session, parcel)

    async def _add_order(self, session: aiohttp.ClientSession, parcel: Parcel) -> None:
        account, order = parcel.key
        invoices = [{"invoiceNumber": f"{parcel.number:09}"}]
        asked = {"account": account, "orderId": order, "invoices": invoices}
        async with session.post(f"{self.sandbox}/sandbox/orders", json=asked) as added:
            added.raise_for_status()

    async def _scan(
        self, session: aiohttp.ClientSession, parcel: Parcel, scan: Scan
    ) -> None:
        staged = parcel.webhook(scan)
        await self._until_taken(
            session, "/webhooks/me", data=staged.body, headers=dict(staged.headers)
        )
        parcel.acknowledged.append(scan)

    async def _forge(self, session: aiohttp.ClientSession, parcel: Parcel) -> None:
        """Say in the carrier's name, with another secret, that it was delivered."""
        scan = Scan(DELIVERED, parcel.scans[-1].at + timedelta(minutes=9))
        staged = parcel.webhook(scan, "secret-of-somebody-else")
        forged = {"data": staged.body, "headers": dict(staged.headers)}
        while await self._status(session, "/webhooks/me", **forged) != UNAUTHORIZED:
            await self._pause()

    async def _until_taken(
        self, session: aiohttp.ClientSession, path: str, **request: Any
    ) -> None:
        await self._pause()
        while not 200 <= await self._status(session, path, **request) < 300:
            await self._pause()

    async def _status(
        self, session: aiohttp.ClientSession, path: str, **request: Any
    ) -> int:
        """Post once; 0 stands for no answer."""
        self.requests += 1
        try:
            async with session.post(self.relay + path, **request) as response:
                self.refused += not response.ok and response.status != UNAUTHORIZED
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            self.unanswered += 1
            return 0

    async def _pause(self) -> None:
        await asyncio.sleep(self.random.uniform(0, LONGEST_PAUSE))
