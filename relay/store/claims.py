"""Claims of due shipments by publishers, and their settlement.

```
              registered · new event · operator · a difference was found
     at rest ───────────────────────────────────────────► due ◄─────────────┐
        ▲                                                   │ claim          │ postponed
        │ settled, no change meanwhile                        ▼                │
        ├─────────────────────────────────────────────── leased ─────────────┤
        │                                                   │ never settled  │
        │                                                   ▼                │
        │                                              unconfirmed ── read ──┘
        └── operator ◄── stuck ◄── refused for good, or refused too long
```
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from relay.clock import micros, moment
from relay.logs import logger
from relay.store.accounts import AccountState, locked
from relay.store.bisection import narrow
from relay.store.claim_writes import ClaimWrites, apply
from relay.store.codec import as_dict, numbers
from relay.store.database import Database, Row, Transaction
from relay.store.lanes import lanes
from relay.store.planned_claims import Begin, Fail, PlannedClaim, planned_claims
from relay.store.snapshots import Change, Claim, ClaimTerms, Limits, load_snapshots

_log = logger(__name__)

FOREVER: Final = (1 << 63) - 1
"""Microseconds after every possible time."""


class Claims:
    """Leases due shipments and stores the results of their calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes = ClaimWrites(database)

    async def ready_accounts(self, now: datetime) -> list[AccountState]:
        """Return the accounts with ready shipments."""

        async def ready(tx: Transaction) -> list[AccountState]:
            found = await tx.rows("accounts_with_work", now=micros(now))
            return [AccountState.of(r) for r in found]

        return await self._database.read_in_one_go(ready)

    async def next_ready(self, account: str) -> datetime | None:
        """Return when the next shipment of *account* is ready."""
        async with self._database.reading() as tx:
            first = [
                await tx.row("next_ready", account=account, lane=i) for i in lanes(0)
            ]
        times = [r["ready_at"] for r in first if r is not None]
        return moment(min(times)) if times else None

    async def unread_since(self, before: datetime) -> dict[str, datetime]:
        """Return receipt times of the oldest unparsed documents, by contract.

        Empty unless one was received before *before*.
        """

        async def unread(tx: Transaction) -> dict[str, datetime]:
            oldest = await tx.row("oldest_unread")
            if oldest is None or oldest["received_at"] >= micros(before):
                return {}
            found = await tx.rows("oldest_unread_by_contract")
            return {r["contract"]: moment(r["received_at"]) for r in found}

        return await self._database.read_in_one_go(unread)

    async def traces(self, shipments: Sequence[int]) -> dict[int, str]:
        """Return the traces of the documents that shipments are published for."""
        async with self._database.reading() as tx:
            found = await tx.rows("traces_of_shipments", rows=numbers(shipments))
        return {row["shipment"]: row["trace"] for row in found}

    async def claim(
        self,
        taking: ClaimTerms,
        now: datetime,
        begin: Begin,
        fail: Fail,
    ) -> list[Claim]:
        """Lease ready shipments, within the account's limits.

        Both run in a thread. *begin* returns what to store with the claim,
        before anything is sent. *fail* ends the lease of one that cannot be planned.
        """

        async def taken(tx: Transaction) -> list[Claim]:
            state = await locked(tx, taking.account)
            if state is None or state.closed_reason(micros(now)):
                return []
            shipments, probe = await self._take(tx, state, taking, now)
            loaded = await load_snapshots(tx, shipments)
            plan = partial(planned_claims, shipments, loaded, begin, fail, probe=probe)
            planned = await tx.compute(plan)
            await _store(tx, planned, fail)
            claims = [p.claim for p in planned if p.claim is not None]
            state.give_back(len(shipments) - len(claims))
            await tx.run("save_account", **state.columns())
            return claims

        async with self._writes.turn:
            return await self._database.write_in_one_go(taken)

    async def _take(
        self, tx: Transaction, state: AccountState, taking: ClaimTerms, now: datetime
    ) -> tuple[list[Row], bool]:
        """Lease from the lanes in turn; a probe leases the one tried longest ago."""
        instant = micros(now)
        probe = state.outage_since is not None or state.write_closed is not None
        leased = await tx.row("count_leased", account=state.account, now=instant)
        free = taking.limits.in_flight - (leased["leased"] if leased else 0)
        wanted = min(taking.wanted, free, 1 if probe else free)
        wanted = state.take(
            wanted, instant, taking.limits.per_second, taking.limits.burst
        )
        if wanted <= 0:
            return [], probe
        terms = {
            "account": state.account,
            "now": instant,
            "lease": taking.lease,
            "lease_until": micros(taking.lease_until),
        }
        if probe:
            mark_probed(state, taking.limits, now)
            taken = await tx.rows("claim_probe", **terms)
        else:
            taken = await _from_lanes(tx, state, wanted, terms)
        state.give_back(wanted - len(taken))
        return [as_dict(row) for row in taken], probe

    async def write(
        self,
        claim: Claim,
        changes: Sequence[Change],
        amend: Callable[[AccountState], None] | None = None,
    ) -> None:
        """Store the changes of one claim, in one transaction with others that wait.

        *amend* changes the account's gates. Raises `LeaseLost` if the lease expired: no
        change of the claim is stored then.
        """
        await self._writes.write(claim, changes, amend)

    async def expire(
        self,
        account: str,
        now: datetime,
        unconfirmed_wait: timedelta,
        *,
        predecessor: bool,
    ) -> int:
        """Make shipments due whose claim was never settled; return how many.

        A stored write is unconfirmed: nothing is sent until *unconfirmed_wait* after
        last moment at which it may have been sent. *predecessor*: no other process is
        running, so every lease has expired.
        """
        until = FOREVER if predecessor else micros(now)
        async with self._database.reading() as tx:
            if await tx.row("any_expired_lease", account=account, now=until) is None:
                return 0
        async with self._database.writing() as tx:
            found = await tx.rows("expired_leases", account=account, now=until)

            async def end(some: Sequence[Row]) -> None:
                async with tx.part():
                    for row in some:
                        last = now if predecessor else moment(row["lease_until"])
                        await tx.run(
                            "expire_lease",
                            shipment=row["shipment"],
                            now=micros(now),
                            not_before=micros(last + unconfirmed_wait),
                        )

            await narrow(found, end, _keep_leased)
        return len(found)


async def _keep_leased(row: Row, error: Exception) -> None:
    """Log a lease that cannot be ended; the others are."""
    _log.error("could not end a lease", shipment=row["shipment"], exc_info=error)


async def _store(tx: Transaction, planned: Sequence[PlannedClaim], fail: Fail) -> None:
    """Store the changes of all; one whose changes cannot be stored loses its claim."""

    async def store(part: Sequence[PlannedClaim]) -> None:
        async with tx.part():
            await apply(tx, [change for p in part for change in p.changes])

    async def unplan(p: PlannedClaim, error: Exception) -> None:
        p.claim = None
        await apply(tx, fail(p.row, error))

    await narrow(planned, store, unplan)


async def _from_lanes(
    tx: Transaction, state: AccountState, wanted: int, terms: Mapping[str, Any]
) -> Sequence[Row]:
    """Lease from one lane after the other until *wanted* is reached."""
    state.claims += 1
    taken: list[Row] = []
    for lane in lanes(state.claims):
        left = wanted - len(taken)
        if left > 0:
            taken += await tx.rows("claim_shipments", **terms, lane=lane, limit=left)
    return taken


def mark_probed(state: AccountState, limits: Limits, now: datetime) -> None:
    """Store when the next call may probe a closed gate."""
    if state.outage_since is not None:
        state.probe_at = micros(now + limits.probe_every)
    if state.write_closed is not None:
        state.write_retry_at = micros(now + limits.closed_gate)
