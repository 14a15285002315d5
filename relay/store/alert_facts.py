"""What only alerts are judged by: counts, rhythms of carriers, reports."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros
from relay.domain.rhythm import Rhythm
from relay.store.codec import dumps, loads
from relay.store.database import Database, Row

FRESH: Final = timedelta(minutes=3)
"""An older report says nothing: its process has ended, or has no database."""
KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenShipments:
    """Open shipments of a contract, and those without an event for long."""

    open: int = 0
    stopped: int = 0


@dataclass(frozen=True, slots=True)
class StuckNow:
    """What is stuck of an account, and what has been only since a short time."""

    stuck: int = 0
    new: int = 0


class AlertFactStore:
    """Counts for the rules of alerts, rhythms of carriers, reports of processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_shipments(self, stopped_since: datetime) -> dict[str, OpenShipments]:
        """Count open shipments by contract; reads each of them."""
        async with self._database.reading() as tx:
            found = await tx.rows(
                "open_shipments_by_contract", since=micros(stopped_since)
            )
        return {
            r["contract"]: OpenShipments(r["shipments"], r["stopped"]) for r in found
        }

    async def stuck(self, new_since: datetime) -> dict[str, StuckNow]:
        """Count stuck shipments and invoices by account."""
        since = micros(new_since)
        found: dict[str, StuckNow] = {}
        async with self._database.reading() as tx:
            for query in ("newly_stuck", "newly_stuck_invoices"):
                for row in await tx.rows(query, since=since):
                    old = found.get(row["account"], StuckNow())
                    found[row["account"]] = StuckNow(
                        old.stuck + row["stuck"], old.new + row["new"]
                    )
        return found

    async def repaired(self, since: datetime) -> dict[str, int]:
        """Count the shipments that were sent again because VTEX showed otherwise."""
        async with self._database.reading() as tx:
            found = await tx.rows("repaired_since", since=micros(since))
        return {row["account"]: row["shipments"] for row in found}

    async def rhythms(self) -> dict[str, Rhythm]:
        """Return the rhythm of each contract whose carrier ever called."""
        async with self._database.reading() as tx:
            found = await tx.rows("list_rhythms")
        return {r["contract"]: rhythm for r in found if (rhythm := _rhythm(r))}

    async def save_rhythms(self, changed: Mapping[str, Rhythm]) -> None:
        """Store rhythms by contract."""
        if not changed:
            return
        async with self._database.writing() as tx:
            for contract, rhythm in changed.items():
                await tx.run(
                    "save_rhythm",
                    contract=contract,
                    first_hour=rhythm.first,
                    hours=dumps(sorted(rhythm.active)),
                )

    async def report(self, process: str, reasons: Iterable[str], now: datetime) -> None:
        """Store why a process is not ready."""
        async with self._database.writing() as tx:
            await tx.run(
                "report_process",
                process=process,
                now=micros(now),
                reasons=dumps(list(reasons)),
            )
            await tx.run("delete_process_reports", before=micros(now - KEPT))

    async def reports(self, now: datetime) -> dict[str, Sequence[str]]:
        """Return the reasons of each process that reported lately."""
        async with self._database.reading() as tx:
            found = await tx.rows("process_reports_since", since=micros(now - FRESH))
        return {row["process"]: loads(row["reasons"]) for row in found}


def _rhythm(row: Row) -> Rhythm | None:
    """Return the rhythm of a row; None if it is damaged, then it is learned again."""
    try:
        return Rhythm.of(row["first_hour"], map(int, loads(row["hours"])))
    except (TypeError, ValueError):
        return None
