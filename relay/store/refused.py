"""Refused requests at webhook addresses: a bounded list, counted by what was wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.store.database import Database
from relay.text import storable

MOST_KINDS: Final = 50
"""Kinds of refusals that are listed per contract: anyone can make new ones."""


@dataclass(frozen=True, slots=True)
class RefusedWebhook:
    """What was refused, and why; `contract` is empty if there is none of that name."""

    contract: str
    path: str
    method: str
    status: int
    reason: str
    hint: str = ""


@dataclass(slots=True)
class RefusalTally:
    """How often a request was refused, and when."""

    first_at: datetime
    last_at: datetime
    requests: int = 0


@dataclass(frozen=True, slots=True)
class RefusedWebhooks:
    """The list of refused requests in the database."""

    database: Database

    async def put(self, tallies: Iterable[tuple[RefusedWebhook, RefusalTally]]) -> None:
        """Add counts to the list; of each contract the latest kinds stay."""
        rows = [_columns(refusal, tally) for refusal, tally in tallies]
        rows.sort(key=lambda row: (row["contract"], row["path"], row["reason"]))
        async with self.database.writing() as tx:
            await tx.many("count_refused", rows)
            for contract in sorted({row["contract"] for row in rows}):
                await tx.run("trim_refused", contract=contract, most=MOST_KINDS)


def _columns(refusal: RefusedWebhook, tally: RefusalTally) -> dict[str, Any]:
    return {
        "contract": refusal.contract,
        "path": storable(refusal.path),
        "method": refusal.method,
        "status": refusal.status,
        "reason": storable(refusal.reason),
        "hint": storable(refusal.hint),
        "requests": tally.requests,
        "first_at": micros(tally.first_at),
        "last_at": micros(tally.last_at),
    }
