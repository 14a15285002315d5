"""Shadow mode of an account: since when, what is compared next, and what was found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from relay.clock import micros
from relay.domain.shipment import Snapshot
from relay.store.accounts import AccountState, CallLimits, locked
from relay.store.codec import as_dict, dumps
from relay.store.database import Database, Row, Transaction
from relay.store.read_permits import use, used
from relay.store.snapshots import Change, load_snapshots
from relay.text import storable

CHANGED_EVERY: Final = timedelta(hours=1)
"""How soon the order of a changed shipment, or one that was not shown, is read again:
other integrations need their time for the same event."""
UNCHANGED_EVERY: Final = timedelta(days=1)
"""How often the order of an unchanged shipment is read."""
LONGEST_PROBLEM: Final = 300


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How many orders may be read: the account's rate, and its quota of a day."""

    rate: CallLimits
    per_day: int


@dataclass(frozen=True, slots=True)
class ShadowRead:
    """A shipment whose order may be read now, and the state of its account."""

    row: Row
    snapshot: Snapshot | Exception
    state: AccountState


@dataclass(frozen=True, slots=True)
class ShadowCounts:
    """How many shipments were compared and differ; *pending* were never read."""

    compared: int = 0
    different: int = 0
    problems: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Shadow:
    """Stores which accounts are in shadow mode, and how VTEX differs meanwhile."""

    database: Database

    async def switch(self, account: str, now: datetime, *, on: bool) -> bool:
        """Begin or end shadow mode; return whether that is a change.

        At its end every open shipment is compared with VTEX before its next write.
        """

        async def switched(tx: Transaction) -> bool:
            await tx.run("add_account", account=account)
            known = await tx.row("account", account=account)
            since = known["shadow_since"] if known is not None else None
            if (since is not None) is on:
                return False
            if not on:
                # Before the account's row: shipments are always locked first.
                values = {"account": account, "now": micros(now)}
                await tx.run("end_shadow", **values, since=since)
                await tx.run("delete_shadow_comparisons", account=account)
            state = await locked(tx, account)
            if state is None or (state.shadow_since is not None) is on:
                return False
            state.shadow_since = micros(now) if on else None
            await tx.run("save_account", **state.columns())
            return True

        return await self.database.write_in_one_go(switched)

    async def take(
        self, account: str, now: datetime, limits: ReadLimits, most: int
    ) -> list[ShadowRead]:
        """Take up to *most* shipments to compare, as the account's limits allow."""
        return await self.database.write_in_one_go(
            partial(_taken, account, now, limits, most)
        )

    async def store(
        self,
        account: str,
        changes: Sequence[Change],
        amend: Callable[[AccountState], None] | None = None,
    ) -> None:
        """Store what a read showed; *amend* changes the account's gates."""

        async def stored(tx: Transaction) -> None:
            for query, values in changes:
                await tx.run(query, **values)
            state = await locked(tx, account) if amend is not None else None
            if amend is not None and state is not None:
                amend(state)
                await tx.run("save_account", **state.columns())

        await self.database.write_in_one_go(stored)

    async def page(
        self, account: str, *, limit: int, before: int, everything: bool
    ) -> Sequence[Row]:
        """Return comparisons, the newest shipments first."""
        values = {"account": account, "before": before, "limit": limit}
        async with self.database.reading() as tx:
            return await tx.rows("shadow_page", **values, all=int(everything))

    async def counts(self, account: str) -> ShadowCounts:
        """Return how many shipments of an account were compared."""
        async with self.database.reading() as tx:
            row = await tx.row("shadow_counts", account=account)
        return ShadowCounts(**as_dict(row)) if row is not None else ShadowCounts()


async def _taken(
    account: str, now: datetime, limits: ReadLimits, most: int, tx: Transaction
) -> list[ShadowRead]:
    state = await locked(tx, account)
    if state is None or state.shadow_since is None or not state.may_read(micros(now)):
        return []
    left = min(most, limits.per_day - used(state, now))
    wanted = state.take(left, micros(now), limits.rate.per_second, limits.rate.burst)
    if wanted <= 0:
        return []
    rows = await tx.rows(
        "shadow_due",
        account=account,
        now=micros(now),
        changed=micros(now - CHANGED_EVERY),
        unchanged=micros(now - UNCHANGED_EVERY),
        limit=wanted,
    )
    if not rows:
        return []
    state.give_back(wanted - len(rows))
    for row in rows:
        use(state, now)
        values = {"shipment": row["shipment"], "account": account}
        await tx.run("shadow_tried", **values, now=micros(now))
    await tx.run("save_account", **state.columns())
    loaded = await load_snapshots(tx, rows)
    return [ShadowRead(as_dict(r), s, state) for r, s in zip(rows, loaded, strict=True)]


def compared_change(
    row: Row,
    now: datetime,
    differences: Sequence[Mapping[str, str]],
    requests: Sequence[Mapping[str, Any]],
) -> Change:
    """Return the change that stores how VTEX differs from the shipment in *row*."""
    values = {
        "shipment": row["shipment"],
        "version": row["version"],
        "now": micros(now),
        "differences": dumps(list(differences)),
        "requests": dumps(list(requests)),
    }
    return ("shadow_compared", values)


def failed_comparison(row: Row, problem: str) -> Change:
    """Return the change that stores why an order was not shown."""
    text = storable(problem)[:LONGEST_PROBLEM]
    return ("shadow_failed", {"shipment": row["shipment"], "problem": text})
