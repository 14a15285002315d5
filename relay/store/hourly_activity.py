"""How many documents and calls an hour had, without an index on their times."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros, moment
from relay.store.database import Database, Transaction

_LAST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class HourOfActivity:
    """The numbers of the hour that begins at `hour`."""

    hour: datetime
    documents: int
    calls: int


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call to VTEX as it was logged; `seconds` is None without an answer."""

    account: str
    stored_at: datetime
    status: int | None
    seconds: float | None


class HourlyActivity:
    """Counts by the keys, which grow with time: a count costs what it counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_hour(self, hour: datetime) -> HourOfActivity:
        """Count the hour that begins at *hour*."""
        end = hour + timedelta(hours=1)
        async with self._database.reading() as tx:
            first = await _first_document(tx, micros(hour))
            after = await _first_document(tx, micros(end))
            documents = await tx.row(
                "count_documents_between", first=first, after=after
            )
            calls = await tx.row(
                "count_calls_between", first=_call_id(hour), after=_call_id(end)
            )
        return HourOfActivity(
            hour,
            documents["documents"] if documents else 0,
            calls["calls"] if calls else 0,
        )

    async def latest_calls(self, since: datetime, limit: int) -> list[LoggedCall]:
        """Return the latest calls that left the relay after *since*, newest first."""
        async with self._database.reading() as tx:
            found = await tx.rows("latest_calls", first=_call_id(since), limit=limit)
        return [
            LoggedCall(
                account=r["account"],
                stored_at=moment(r["stored_at"]),
                status=r["status"],
                seconds=(r["answered_at"] - r["stored_at"]) * 1e-6
                if r["answered_at"] is not None and r["status"]
                else None,
            )
            for r in found
            if r["sent"]
        ]


async def _first_document(tx: Transaction, since: int) -> int:
    """Return the number below which documents were received before *since*.

    Numbers grow with the time of receipt, so this halves the range of numbers until
    one is left, instead of an index that every webhook would have to pay for.
    """
    newest = await tx.row("newest_document", before=_LAST)
    low, high = 1, (newest["document"] if newest else 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = await tx.row("document_from", document=middle)
        if found is not None and found["received_at"] < since:
            low = found["document"] + 1
        else:
            high = middle
    return low


def _call_id(when: datetime) -> str:
    """Return the lowest id of a call at *when*: a UUIDv7 begins with milliseconds."""
    digits = f"{max(micros(when), 0) // 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}"
