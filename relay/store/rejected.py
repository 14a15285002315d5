"""Rejected webhook requests: stored within a limit, to be verified again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.spans import CURRENT
from relay.store.codec import as_dict, dumps, loads
from relay.store.database import Database, Row, Transaction
from relay.text import storable

ACCEPTED_BY: Final = "relay-accepted-by"
"""The header of a document that says who accepted the rejected request."""
UNVERIFIED: Final = "relay-accepted-unverified"
"""The header that says why it was accepted although it was not verified."""
UNSIGNED_HINT: Final = (
    "expected of a test without a signature; if the carrier sent them, let it sign its "
    "webhooks"
)
"""What to do about rejected requests that had no signature at all."""
OVERHEAD: Final = 256
"""Bytes counted for each request beside its content, so that empty ones are bounded."""


@dataclass(frozen=True, slots=True)
class RejectedRequest:
    """A request that failed verification.

    `headers` are those that are stored with documents, `sealed` is what verification
    needs, encrypted. `unsigned`: it had no signature at all.
    """

    contract: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    sealed: bytes
    reason: str
    unsigned: bool = False

    @property
    def size(self) -> int:
        """The bytes that count against the contract's limit."""
        return len(self.body) + len(self.sealed) + OVERHEAD


@dataclass(frozen=True, slots=True)
class RejectedBounds:
    """How many bytes of requests are stored per contract, and since when."""

    size: int
    oldest: datetime


@dataclass(slots=True)
class RejectedTally:
    """How many requests of a contract were rejected, and dropped for lack of room."""

    first_at: datetime
    last_at: datetime
    rejected: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Rejections:
    """The rejected requests of a contract that were not accepted since.

    `waiting` are stored, and `unsigned` those of them without any signature.
    Times are microseconds, as stored: a damaged one must not hide other contracts.
    """

    contract: str
    rejected: int
    waiting: int
    dropped: int
    first_at: int
    last_at: int
    unsigned: int = 0


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepts a rejected request, when, and why if it was not verified."""

    by: str
    at: datetime
    unverified: str | None = None

    @property
    def source(self) -> str:
        """The source of the document."""
        return "webhook" if self.unverified is None else "operator"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that record it in the document."""
        why = {} if self.unverified is None else {UNVERIFIED: self.unverified}
        return {ACCEPTED_BY: storable(self.by)} | {
            name: storable(text) for name, text in why.items()
        }


@dataclass(frozen=True, slots=True)
class RejectedRequests:
    """Rejected requests in the database; they are never parsed."""

    database: Database

    async def put(
        self,
        requests: Sequence[RejectedRequest],
        bounds: RejectedBounds,
        tallies: Mapping[str, RejectedTally] | None = None,
    ) -> dict[str, int]:
        """Store requests, and delete those that are out of bounds then.

        *tallies* are added to the counts by contract. Returns how many were deleted
        for lack of room, by contract.
        """
        tallies, dropped = tallies or {}, {}
        async with self.database.writing() as tx:
            await tx.many("store_rejected", [_columns(r) for r in requests])
            for contract in sorted({r.contract for r in requests}):
                dropped[contract] = await _trim(tx, contract, bounds)
            for contract, tally in sorted(tallies.items()):
                lost = tally.dropped + dropped.get(contract, 0)
                await tx.run("count_rejected", **_counts(contract, tally, lost))
        return {contract: count for contract, count in dropped.items() if count}

    async def trim(self, contract: str, bounds: RejectedBounds) -> None:
        """Delete requests that are out of bounds."""
        async with self.database.writing() as tx:
            await _trim(tx, contract, bounds)

    async def probe(self, now: datetime) -> None:
        """Write and delete a row in one transaction; raises as a write would."""
        row = RejectedRequest("relay", now, {}, b"", b"", "probe")
        await self.put([row], RejectedBounds(0, now))

    async def totals(self) -> dict[str, Rejections]:
        """Return how many requests were rejected, by contract."""
        async with self.database.reading() as tx:
            found = await tx.rows("rejections")
        return {r["contract"]: Rejections(**as_dict(r)) for r in found}

    async def of_contract(
        self, contract: str, after: int = 0, limit: int = 50
    ) -> list[dict[str, Any]]:
        """Return a page of the rejected requests of a contract, the oldest first."""
        async with self.database.reading() as tx:
            found = await tx.rows(
                "rejected_of_contract", contract=contract, after=after, limit=limit
            )
        return [as_dict(r) for r in found]

    async def one(self, rejected_request: int) -> Row | None:
        """Return one rejected request, None if it was deleted or accepted."""
        async with self.database.reading() as tx:
            return await tx.row("rejected_request", rejected_request=rejected_request)

    async def accept(
        self, rejected_requests: Collection[int], how: Acceptance
    ) -> list[int]:
        """Store rejected requests as documents; return those that still existed.

        Nothing is verified here. Each is accepted once, however often it is repeated.
        """
        accepted = []
        async with self.database.writing() as tx:
            for number in sorted(rejected_requests):
                row = await tx.row("lock_rejected", rejected_request=number)
                if row is not None:
                    await _accept(tx, row, how)
                    accepted.append(number)
        return accepted


def stored_headers(row: Mapping[str, Any] | Row) -> dict[str, str]:
    """Return the headers of a stored request; raise `ValueError` if damaged."""
    headers = loads(row["headers"])
    if not isinstance(headers, dict):
        raise ValueError("headers: not a JSON object")  # noqa: TRY004 -- stored data
    return headers


async def _accept(tx: Transaction, row: Row, how: Acceptance) -> None:
    await tx.run(
        "store_document",
        **{name: row[name] for name in ("contract", "received_at", "body")},
        source=how.source,
        headers=dumps(stored_headers(row) | how.headers),
        trace=CURRENT.get(),
    )
    await tx.run(
        "accept_rejected",
        rejected_request=row["rejected_request"],
        now=micros(how.at),
        empty=b"",
    )
    await tx.run("uncount_accepted", contract=row["contract"])


async def _trim(tx: Transaction, contract: str, bounds: RejectedBounds) -> int:
    """Delete what is out of bounds; return how many for lack of room."""
    oldest = micros(bounds.oldest)
    deleted = await tx.rows(
        "trim_rejected", contract=contract, max_bytes=bounds.size, oldest=oldest
    )
    return sum(
        row["accepted_at"] is None and row["received_at"] >= oldest for row in deleted
    )


def _columns(rejected_request: RejectedRequest) -> dict[str, Any]:
    return {
        "contract": rejected_request.contract,
        "received_at": micros(rejected_request.received_at),
        "headers": dumps({n: storable(v) for n, v in rejected_request.headers.items()}),
        "body": rejected_request.body,
        "sealed": rejected_request.sealed,
        "size": rejected_request.size,
        "reason": storable(rejected_request.reason),
        "unsigned": int(rejected_request.unsigned),
    }


def _counts(contract: str, tally: RejectedTally, dropped: int) -> dict[str, Any]:
    return {
        "contract": contract,
        "rejected": tally.rejected,
        "dropped": dropped,
        "first_at": micros(tally.first_at),
        "last_at": micros(tally.last_at),
    }
