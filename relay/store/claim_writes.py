"""Writes of claims: what several calls settle at the same time shares a transaction."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relay.errors import LeaseLost
from relay.store.accounts import AccountState, locked
from relay.store.bisection import narrow
from relay.store.change_order import ORDER
from relay.store.codec import rows
from relay.store.database import Database, Transaction
from relay.store.snapshots import Change, Claim


@dataclass(slots=True)
class _Waiting:
    """Changes of one claim, waiting to share a transaction."""

    claim: Claim
    changes: Sequence[Change]
    amend: Callable[[AccountState], None] | None
    done: asyncio.Future[None]


class ClaimWrites:
    """Stores changes of claims in groups; a claim that cannot be stored fails alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self.turn = asyncio.Lock()

    async def write(
        self,
        claim: Claim,
        changes: Sequence[Change],
        amend: Callable[[AccountState], None] | None = None,
    ) -> None:
        """Store the changes of one claim; see `Claims.write`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(claim, changes, amend, done))
        async with self.turn:
            if not done.done():
                await self._flush()
        await done

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            await narrow(waiting, self._store, _fail)
        except BaseException as error:
            for w in waiting:
                if not w.done.done():
                    w.done.set_exception(error)
                    w.done.exception()
            raise

    async def _store(self, waiting: Sequence[_Waiting]) -> None:
        """Store the changes of claims in one transaction, and resolve their futures."""

        async def stored(tx: Transaction) -> set[int]:
            held = await _held(tx, waiting)
            theirs = [w for w in waiting if w.claim.snapshot.shipment in held]
            await apply(tx, [change for w in theirs for change in w.changes])
            await _amend(tx, theirs)
            return held

        held = await self._database.write_in_one_go(stored)
        for w in waiting:
            if w.claim.snapshot.shipment in held:
                w.done.set_result(None)
            else:
                w.done.set_exception(LeaseLost("another publisher has the shipment"))


async def _fail(waiting: _Waiting, error: Exception) -> None:
    waiting.done.set_exception(error)


async def apply(tx: Transaction, changes: Sequence[Change]) -> None:
    """Run the changes of many claims, one query after the other, in `ORDER`."""
    by_query: dict[str, list[Mapping[str, Any]]] = {}
    for query, values in changes:
        by_query.setdefault(query, []).append(values)
    for query in sorted(by_query, key=ORDER.index):
        await tx.many(query, by_query[query])


async def _held(tx: Transaction, waiting: Sequence[_Waiting]) -> set[int]:
    """Return the shipments whose leases are still held, and lock them."""
    wanted = rows(
        {"shipment": w.claim.snapshot.shipment, "lease": w.claim.lease} for w in waiting
    )
    return {r["shipment"] for r in await tx.rows("leases_held", rows=wanted)}


async def _amend(tx: Transaction, held: Sequence[_Waiting]) -> None:
    """Apply the claims' changes of the accounts' gates."""
    states: dict[str, AccountState] = {}
    for w in held:
        account = w.claim.snapshot.account
        if w.amend is None:
            continue
        if account not in states:
            state = await locked(tx, account)
            assert state is not None  # noqa: S101 -- a claim is of an account
            states[account] = state
        w.amend(states[account])
    for state in states.values():
        await tx.run("save_account", **state.columns())
