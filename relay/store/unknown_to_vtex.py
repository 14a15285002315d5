"""The work list of shipments of which VTEX does not know something yet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.domain.status import ShipmentState, ShipmentStatus, status_of
from relay.domain.unknown_to_vtex import Lack, lack_of
from relay.store.accounts import AccountState
from relay.store.codec import as_dict, ids
from relay.store.database import Database, Row, Transaction
from relay.store.shipment_lists import BATCH, NEWEST, ROUNDS
from relay.store.worklist_queries import Position

QUERIES: Final = (
    "list_without_number",
    "list_ready",
    "list_leased",
    "list_in_doubt",
    "list_stuck",
    "list_quarantined",
)
"""What VTEX lacks is in one of these, and they hold few other shipments."""
CHUNK: Final = 100
"""Rows of one query that are read at once."""


@dataclass(frozen=True, slots=True)
class UnknownPage:
    """A page of rows, newest first; `next` is the position of the next page."""

    rows: tuple[dict[str, Any], ...]
    next: Position | None = None


@dataclass(frozen=True, slots=True)
class UnknownToVtex:
    """Lists shipments that VTEX does not know fully, of some accounts.

    `fits` looks at a row's columns alone, before the rest of it is read.
    """

    database: Database
    batch: int = BATCH
    rounds: int = ROUNDS
    fits: Callable[[Mapping[str, Any]], bool] = field(default=lambda _: True)

    async def page(
        self,
        accounts: list[str],
        now: datetime,
        *,
        limit: int,
        after: Position | None = None,
        wanted: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> UnknownPage:
        """Return up to *limit* rows after a position that match *wanted*.

        A row has the columns of `shipments`, `state`, `why`, `lack`, `quarantined_at`
        and `opens_at`, when the account's gate opens.
        """
        before = after.id if after else NEWEST
        found: list[dict[str, Any]] = []
        async with self.database.reading() as tx:
            gates = {s.account: s for s in await _states(tx)}
            merged = _Merged(tx, accounts, before)
            for _ in range(self.rounds):
                rows = await merged.take(self.batch)
                fitting = [row for row in rows if self.fits(as_dict(row))]
                for row in await _described(tx, fitting, gates, now):
                    if len(found) == limit:
                        return UnknownPage(tuple(found), Position(id=before))
                    if row["lack"] is not None and wanted(row):
                        before = row["shipment"]
                        found.append(row)
                before = rows[-1]["shipment"] if rows else before
                if len(rows) < self.batch:
                    return UnknownPage(tuple(found))
            return UnknownPage(tuple(found), Position(id=before))


class _Merged:
    """The rows of all queries, the newest first and each once.

    Each query is read in chunks, when its rows are used up: reading a whole batch of
    each for every batch of all would read most rows many times.
    """

    def __init__(self, tx: Transaction, accounts: list[str], before: int) -> None:
        self._tx = tx
        self._next = {(a, q): before for a in accounts for q in QUERIES}
        self._rows: dict[tuple[str, str], list[Row]] = {}

    async def take(self, count: int) -> list[Row]:
        """Return the next *count* rows, fewer at the end."""
        found: list[Row] = []
        while len(found) < count:
            for key in [k for k in self._next if not self._rows.get(k)]:
                await self._read(key)
            heads = [rows[-1] for rows in self._rows.values() if rows]
            if not heads:
                break
            newest = max(heads, key=lambda row: row["shipment"])
            for rows in self._rows.values():
                if rows and rows[-1]["shipment"] == newest["shipment"]:
                    rows.pop()
            found.append(newest)
        return found

    async def _read(self, key: tuple[str, str]) -> None:
        """Read the next chunk of a query; one that has no more is left out."""
        account, query = key
        terms = {"before": self._next[key], "limit": CHUNK, "value": None}
        rows = list(await self._tx.rows(query, account=account, **terms))
        if len(rows) < CHUNK:
            del self._next[key]
        else:
            self._next[key] = rows[-1]["shipment"]
        self._rows[key] = rows[::-1]


async def _states(tx: Transaction) -> Iterator[AccountState]:
    return map(AccountState.of, await tx.rows("list_accounts"))


async def _described(
    tx: Transaction,
    rows: list[Row],
    gates: Mapping[str, AccountState],
    now: datetime,
) -> list[dict[str, Any]]:
    """Return *rows* with their state and with what VTEX lacks."""
    these = ids("shipment", (row["shipment"] for row in rows))
    held = {r["shipment"]: r for r in await tx.rows("quarantined_of", rows=these)}
    return [
        _describe(row, held.get(row["shipment"]), gates.get(row["account"]), now)
        for row in rows
    ]


def _describe(
    row: Row, held: Row | None, gate: AccountState | None, now: datetime
) -> dict[str, Any]:
    closed = gate.closed_reason(micros(now)) if gate else None
    status = status_of(row, now, closed)
    lack = lack_of(status.state, status.why, quarantined=held is not None)
    is_gate = closed is not None and status.why == closed
    return as_dict(row) | {
        "state": status.state,
        "why": _why(status, lack, held),
        "lack": lack,
        "quarantined_at": held["received_at"] if held is not None else None,
        "opens_at": gate.opens_at(micros(now)) if gate and is_gate else None,
        "gated": is_gate,
    }


def _why(status: ShipmentStatus, lack: Lack | None, held: Row | None) -> str | None:
    if lack is Lack.QUARANTINED and held is not None:
        return f"event {held['event']} is quarantined: {held['quarantine_reason']}"
    if status.state is ShipmentState.DUE:
        return status.why or "it is sent next"
    return status.why
