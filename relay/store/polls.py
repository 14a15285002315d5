"""Claims of calls to polled carriers, one at a time per contract, and their results.

```
        due ──► charged and claimed ──► answered ──► due at the next interval
         ▲                          ├─► failed ────► due later, in a smaller batch
         └──────────────────────────┴─► never settled: due when the claim is over
```
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from relay.adapters.protocol import Document
from relay.clock import micros
from relay.domain.poll_schedule import Next
from relay.store.codec import new_id, rows, stored
from relay.store.database import Database, Transaction
from relay.store.documents import document_columns
from relay.store.due_polls import PollState
from relay.store.poll_claims import (
    FURTHEST,
    PollClaim,
    PollFailed,
    PollKind,
    PollSucceeded,
    PollTaker,
    PollTarget,
    answered_rows,
    fetches_at,
    renewal,
    retry_after,
    unanswered_rows,
)
from relay.text import storable


class PollClaims:
    """Claims calls to carriers and stores their results."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, contracts: Iterable[str], now: datetime) -> None:
        """Create a row for each polled contract.

        Polls further ahead than `FURTHEST` were written under a wrong clock: they are
        due now.
        """
        furthest = micros(now + FURTHEST)
        given = [
            {"contract": c, "now": micros(now), "furthest": furthest}
            for c in sorted(contracts)
        ]
        async with self._database.writing() as tx:
            await tx.many("add_poll", [{"contract": g["contract"]} for g in given])
            await tx.many("reset_distant_polls", given)

    async def take_back(self, contracts: Iterable[str]) -> None:
        """Release the contracts that a killed process was calling.

        Its parcels are polled again when its claim would have ended, in small batches:
        one of them may have killed it.
        """
        given = [{"contract": c} for c in sorted(contracts)]
        async with self._database.writing() as tx:
            await tx.many("release_poll", given)

    async def orphans(self, contracts: Collection[str]) -> dict[str, int]:
        """Count open parcels of contracts other than *contracts*, by contract."""
        async with self._database.reading() as tx:
            found = await tx.rows("contracts_of_open_parcels")
        return {
            r["contract"]: r["parcels"] for r in found if r["contract"] not in contracts
        }

    async def states(self) -> dict[str, PollState]:
        """Return the state of every contract that was ever polled, by name."""
        async with self._database.reading() as tx:
            return {r["contract"]: PollState.of(r) for r in await tx.rows("list_polls")}

    async def ready(
        self, targets: Collection[PollTarget], now: datetime
    ) -> dict[str, datetime]:
        """Return the contracts with calls due, and when each may be called."""
        by_name = {c.contract: c for c in targets}
        names = rows({"contract": name} for name in sorted(by_name))
        async with self._database.reading() as tx:
            found = await tx.rows("contracts_to_poll", rows=names, now=micros(now))
        ready: dict[str, datetime] = {}
        for row in found:
            state, target = PollState.of(row), by_name[row["contract"]]
            wanted = {
                PollKind.POLL: row["polls_due"],
                PollKind.SUBSCRIBE: row["subscriptions_due"],
                PollKind.FETCH: fetches_at(state, target, now) <= now,
            }
            if any(wanted[kind] for kind in target.kinds):
                ready[target.contract] = state.free_at(now, target.allowance)
        return ready

    async def claim(self, target: PollTarget, now: datetime) -> PollClaim | None:
        """Claim one call, if the contract may be called now; None otherwise."""
        async with self._database.writing() as tx:
            row = await tx.row("poll_to_claim", contract=target.contract)
            if row is None:
                return None
            state = PollState.of(row)
            if state.free_at(now, target.allowance) > now:
                return None
            return await PollTaker(tx, target, state, now, new_id(now)).take()

    async def answered(self, called: PollSucceeded, nexts: Sequence[Next]) -> bool:
        """Settle polled parcels; *nexts* are their next polls.

        Like the methods below, it returns False if the claim had expired: a replica
        may hold it by now.
        """
        return await self._settle(
            called, {"parcel_answered": answered_rows(called, nexts)}
        )

    async def fetched(
        self, called: PollSucceeded, documents: Sequence[Document], cursor: str
    ) -> bool:
        """Store the documents of a feed and its cursor in one transaction."""
        columns = [document_columns(d) for d in documents]
        cursor = storable(cursor)
        # A feed with new documents and another page is fetched again immediately.
        more = bool(columns) and cursor != called.claim.cursor
        every = called.claim.calling.fetch_every
        fetch_at = micros(called.ended if more else called.ended + every)
        return await self._settle(
            called, {"store_document": columns}, cursor=cursor, fetch_at=fetch_at
        )

    async def subscribed(self, called: PollSucceeded, until: datetime | None) -> bool:
        """Settle a subscription valid until *until*; None means it never ends."""
        renew = None if until is None else renewal(called.ended, until)
        columns = {
            "subscribe_at": stored(renew),
            "claimed": micros(called.claim.until),
        }
        (parcel,) = called.claim.parcels
        return await self._settle(called, {"parcel_subscribed": [parcel.key | columns]})

    async def failed(self, called: PollSucceeded, failed: PollFailed) -> bool:
        """Settle a failed call; return whether it opened the circuit breaker."""
        claim, ended = called.claim, called.ended
        async with self._database.writing() as tx:
            state = await _held(tx, claim)
            if state is None:
                return False
            state.release(called.began, claim.calling.allowance)
            opened = state.fail(ended, storable(failed.reason), failed.wait)
            if claim.kind is PollKind.FETCH:
                state.fetch_at = micros(ended + retry_after(state.failures - 1))
            await tx.run("save_poll", **state.columns())
            if claim.kind is PollKind.POLL:
                await tx.many("parcel_unanswered", unanswered_rows(called))
            if claim.kind is PollKind.SUBSCRIBE:
                later = {"subscribe_at": micros(ended + retry_after(2))}
                await tx.many(
                    "move_subscription", [p.key | later for p in claim.parcels]
                )
        return opened

    async def _settle(
        self,
        called: PollSucceeded,
        changes: dict[str, list[dict[str, Any]]],
        **columns: Any,
    ) -> bool:
        claim = called.claim
        async with self._database.writing() as tx:
            state = await _held(tx, claim)
            if state is None:
                return False
            state.release(called.began, claim.calling.allowance)
            state.succeed(called.ended)
            for name, value in columns.items():
                setattr(state, name, value)
            await tx.run("save_poll", **state.columns())
            for query, given in changes.items():
                await tx.many(query, given)
        return True


async def _held(tx: Transaction, claim: PollClaim) -> PollState | None:
    """Return the contract's state, locked; None if the claim was lost."""
    row = await tx.row("lock_poll", contract=claim.calling.contract)
    if row is None or row["lease"] != claim.lease:
        return None
    return PollState.of(row)
