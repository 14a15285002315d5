"""The carrier's way in, put together for a test."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from relay.adapters.protocol import Document
from relay.config.contract import ContractSettings
from relay.domain.labels import Label, LabelParcel
from relay.health import Health
from relay.inbound.adapter_thread import PARSE_LIMIT, Watchdog
from relay.inbound.intake import Intake
from relay.inbound.reader import Reader, ReaderCallbacks
from relay.registration.contract_terms import reading_terms
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.event_rows import Pace
from relay.store.shipments import Shipments
from tests.support.acme import Acme
from tests.support.clock import Clock

DAY = timedelta(days=1)


@dataclass
class WayIn:
    """Intake and reader over one store; `published` are the calls that they make."""

    database: Database
    clock: Clock
    contracts: Mapping[str, ContractSettings]
    carriers: dict[str, Any] = field(default_factory=lambda: {"acme": Acme()})
    published: list[str] = field(default_factory=list)
    health: Health = field(default_factory=Health)

    @property
    def acme(self) -> Any:
        return self.carriers["acme"]

    @property
    def documents(self) -> Documents:
        return Documents(self.database)

    def intake(self, **more: Any) -> Intake:
        given = {
            "health": self.health,
            "on_stored": lambda: self.published.append("kept"),
        }
        return Intake(
            self.documents, self.carriers, self.contracts, self.clock, **given | more
        )

    def watchdog(self, limit: timedelta = PARSE_LIMIT) -> Watchdog:
        """Note a hang instead of ending the process."""
        return Watchdog(limit, lambda: self.published.append("hang"))

    def reader(self, **more: Any) -> Reader:
        calls = ReaderCallbacks(
            on_events=lambda: self.published.append("news"),
            on_idle=lambda: self.published.append("idle"),
        )
        terms = reading_terms(self.contracts, self.carriers, Pace())
        given = {"terms": terms, "calls": calls, "health": self.health}
        given |= {"watchdog": self.watchdog()}
        return Reader(self.documents, self.carriers, self.clock, **given | more)

    async def keep(self, *bodies: bytes, contract: str = "acme") -> None:
        """Store bodies as if the carrier had sent them."""
        headers = {"content-type": "application/json"}
        await self.documents.keep(
            [Document(b, self.clock(), headers, contract, "webhook") for b in bodies]
        )

    async def read(self, **more: Any) -> int:
        """Read until nothing is left; return how many documents there were."""
        reader = self.reader(**more)
        count = 0
        while read := await reader.step():
            count += read
        await reader.close()
        return count

    async def register(self, number: str | None, **more: Any) -> str:
        """Register a label; return the id of its shipment."""
        given = {"account": "store", "contract": "acme", "order_id": "v1-01"}
        given |= {"invoice_number": "1", "parcels": (LabelParcel(number),)}
        given |= {"send_tracking": number}
        labels = Shipments(self.database, Pace(), {})
        registered = await labels.register(Label(**given | more), self.clock())
        return registered.id

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Return a table as it is, in the order of its rows."""
        return await everything(self.database, table)


async def everything(database: Any, table: str) -> list[dict[str, Any]]:
    """Read a table behind the store's back."""
    statement = f"SELECT * FROM {table} ORDER BY 1, 2"  # noqa: S608 -- a test's own
    async with database.reading() as tx:
        if database.dialect == "postgres":
            found = await tx._connection.fetch(statement)  # noqa: SLF001
        else:
            found = await tx._connection.execute_fetchall(statement)  # noqa: SLF001
    return [dict(row) for row in found]


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Let others run until *condition* holds."""
    async with asyncio.timeout(20):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0)


def hours_after(moment: datetime, hours: float) -> datetime:
    return moment + timedelta(hours=hours)
