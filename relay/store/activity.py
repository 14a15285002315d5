"""When each part last worked, for the status; and a probe of the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.clock import micros
from relay.store.codec import at, readable_at
from relay.store.database import Database, Transaction

LATEST: Final = 20_000
"""Documents among which the latest one of each contract is looked up."""
PROBE_CHARACTERS: Final = 64 * 1024
"""A database that can store this can store a webhook."""


@dataclass(frozen=True, slots=True)
class ContractActivity:
    """What a carrier last sent, and its rejected requests that are not accepted yet.

    `rejected` are those since the last good one, and not too long ago; `unsigned` of
    them had no signature at all. `waiting` are all. Times are microseconds, as stored:
    a damaged one must not hide other contracts.
    """

    received_at: int | None
    unreadable_reason: str | None
    rejected: int
    rejected_at: int | None
    rejected_since: int | None = None
    unsigned: int = 0
    waiting: int = 0
    waiting_at: int | None = None


class Activity:
    """Reads when carriers and publisher last worked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_contracts(
        self, names: Iterable[str], since: datetime
    ) -> dict[str, ContractActivity]:
        """Return the latest document and rejected requests of each contract.

        What was rejected before *since* only waits.
        """
        async with self._database.reading() as tx:
            return {name: await _of_contract(tx, name, micros(since)) for name in names}

    async def oldest_due(self, now: datetime) -> dict[str, datetime | None]:
        """Return since when the oldest due shipment of each account is due."""
        async with self._database.reading() as tx:
            found = await tx.rows("oldest_due", now=micros(now))
        return {row["account"]: at(row["ready_at"]) for row in found}

    async def unconfirmed(self) -> dict[str, int]:
        """Return how many shipments of each account have an unconfirmed write."""
        async with self._database.reading() as tx:
            found = await tx.rows("count_unconfirmed")
        return {row["account"]: row["shipments"] for row in found}

    async def last_webhooks(self, names: Iterable[str]) -> dict[str, datetime]:
        """Return when each contract's latest webhook came, if among the `LATEST`."""
        async with self._database.reading() as tx:
            found = {n: await _last_webhook(tx, n) for n in names}
        return {name: time for name, time in found.items() if time is not None}

    async def probe(self, now: datetime) -> None:
        """Write and delete as much as a webhook; raises as a write would."""
        async with self._database.writing() as tx:
            text = "x" * PROBE_CHARACTERS
            await tx.run("add_probe", text=text, now=micros(now))
            await tx.run("delete_probe")


async def _last_webhook(tx: Transaction, name: str) -> datetime | None:
    latest = await tx.row("last_webhook", contract=name, most=LATEST)
    return readable_at(latest["received_at"]) if latest else None


async def _of_contract(tx: Transaction, name: str, since: int) -> ContractActivity:
    latest = await tx.row("last_received", contract=name, most=LATEST)
    received = latest["received_at"] if latest else None
    waiting = await tx.row("rejected_after", contract=name, since=-1)
    after = max(since, received or since)
    rejected = await tx.row("rejected_after", contract=name, since=after)
    return ContractActivity(
        received_at=received,
        unreadable_reason=latest["unreadable_reason"] if latest else None,
        rejected=rejected["requests"] if rejected else 0,
        rejected_at=rejected["latest"] if rejected else None,
        rejected_since=rejected["first"] if rejected else None,
        unsigned=rejected["unsigned"] if rejected else 0,
        waiting=waiting["requests"] if waiting else 0,
        waiting_at=waiting["latest"] if waiting else None,
    )
