"""Rejected webhook requests: the last few of each contract, for fixing a secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.store.codec import as_dict, dumps, loads
from relay.store.database import Database, Row
from relay.text import storable

ACCEPTED_BY: Final = "relay-accepted-by"
"""The header of a document that says who accepted the rejected request."""


@dataclass(frozen=True, slots=True)
class RejectedRequest:
    """A request that failed verification; `presented` are hashes by header name."""

    contract: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    presented: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class RejectedBounds:
    """How many requests per contract are stored, their total bytes, and since when."""

    count: int
    size: int
    oldest: datetime


class RejectedRequests:
    """Rejected requests in the database; they are never parsed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, rejected_requests: Sequence[RejectedRequest], bounds: RejectedBounds
    ) -> None:
        """Store requests, and delete those that are out of bounds then."""
        async with self._database.writing() as tx:
            await tx.many("store_rejected", [_columns(a) for a in rejected_requests])
            names = sorted({a.contract for a in rejected_requests})
            await tx.many("trim_rejected", [_trim(name, bounds) for name in names])

    async def trim(self, contract: str, bounds: RejectedBounds) -> None:
        """Delete requests that are out of bounds."""
        async with self._database.writing() as tx:
            await tx.run("trim_rejected", **_trim(contract, bounds))

    async def probe(self, now: datetime) -> None:
        """Write and delete a row in one transaction; raises as a write would."""
        row = RejectedRequest("relay", now, {}, b"", {}, "probe")
        nothing = RejectedBounds(0, 0, now)
        await self.put([row], nothing)

    async def of_contract(self, contract: str) -> list[dict[str, Any]]:
        """Return the rejected requests of a contract, the oldest first."""
        async with self._database.reading() as tx:
            found = await tx.rows("rejected_of_contract", contract=contract)
        return [as_dict(r) for r in found]

    async def one(self, rejected_request: int) -> Row | None:
        """Return one rejected request, None if it was deleted or accepted."""
        async with self._database.reading() as tx:
            return await tx.row("rejected_request", rejected_request=rejected_request)

    async def accept(self, rejected_request: int, by: str, now: datetime) -> bool:
        """Store a rejected request as a document; return False if it was deleted.

        Nothing is verified: *by* is responsible, and is stored with the document.
        """
        async with self._database.writing() as tx:
            row = await tx.row("lock_rejected", rejected_request=rejected_request)
            if row is None:
                return False
            columns = {name: row[name] for name in ("contract", "received_at", "body")}
            headers = dumps({**loads(row["headers"]), ACCEPTED_BY: by})
            await tx.run(
                "store_document", source="operator", **columns, headers=headers
            )
            await tx.run(
                "accept_rejected",
                rejected_request=rejected_request,
                now=micros(now),
                empty=b"",
            )
        return True


def _columns(rejected_request: RejectedRequest) -> dict[str, Any]:
    return {
        "contract": rejected_request.contract,
        "received_at": micros(rejected_request.received_at),
        "headers": dumps({n: storable(v) for n, v in rejected_request.headers.items()}),
        "body": rejected_request.body,
        "presented": dumps(rejected_request.presented),
        "reason": storable(rejected_request.reason),
    }


def _trim(contract: str, bounds: RejectedBounds) -> dict[str, Any]:
    return {
        "contract": contract,
        "keep": bounds.count,
        "max_bytes": bounds.size,
        "oldest": micros(bounds.oldest),
    }
