"""The recorder: outgoing events of shipments that no claim plans at present."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from relay.clock import Clock, micros
from relay.health import Health
from relay.loops import LoopTiming, run_forever
from relay.outbound.outgoing_events import OutgoingContext, milestone_changes
from relay.outbound.settlement import PublisherTerms
from relay.outbound.steps import Rest
from relay.store.claim_writes import apply
from relay.store.codec import ids
from relay.store.database import Database, Row, Transaction
from relay.store.snapshots import Change, load_snapshots

LOOP: Final = "recorder"
TIMING: Final = LoopTiming(timedelta(seconds=30), timedelta(minutes=10))
GRACE: Final = timedelta(minutes=1)
"""How long events wait for a claim, which records them as well."""
SLICE: Final = 50
MOST: Final = 20_000
"""Held-back shipments per account that are looked at in one round."""


@dataclass(slots=True)
class MilestoneRecorder:
    """Records milestones while VTEX is not called: other systems need not wait for it.

    Shipments are held back by an account's gate, a postponement, or because they are
    stuck. *terms* returns the publisher's settings. `_done` holds the versions that
    were looked at, by shipment: forgetting them costs a second look.
    """

    database: Database
    terms: Callable[[], PublisherTerms]
    clock: Clock
    health: Health = field(default_factory=Health)
    _done: dict[int, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Work until cancelled."""
        await run_forever(LOOP, self.step, self.health, TIMING)

    async def step(self) -> None:
        """Look at the held-back shipments of every account; without receivers none."""
        if not self.terms().subscriptions:
            return
        seen: dict[int, int] = {}
        for account in self.terms().accounts:
            found = await self._held_back(account)
            seen |= found
            new = [s for s, version in found.items() if self._done.get(s) != version]
            for start in range(0, len(new), SLICE):
                await self._record(new[start : start + SLICE])
        self._done = seen

    async def _held_back(self, account: str) -> dict[int, int]:
        """Return the versions of an account's held-back shipments."""
        before = micros(self.clock() - GRACE)
        values = {"account": account, "before": before, "limit": MOST}
        async with self.database.reading() as tx:
            found = [
                *await tx.rows("held_back_shipments", **values),
                *await tx.rows("stuck_with_events", **values),
            ]
        return {row["shipment"]: row["version"] for row in found}

    async def _record(self, shipments: Sequence[int]) -> None:
        """Record what is new of some shipments; one that is claimed now is left out."""
        async with self.database.writing() as tx:
            wanted = ids("shipment", shipments)
            rows = await tx.rows("lock_held_back", rows=wanted)
            changes = await self._changes(tx, rows)
            await apply(tx, changes)

    async def _changes(self, tx: Transaction, rows: Sequence[Row]) -> list[Change]:
        now, changes = self.clock(), list[Change]()
        for snapshot in await load_snapshots(tx, rows):
            if isinstance(snapshot, Exception):  # a claim reports it
                continue
            policy = self.terms().policy(snapshot.account, snapshot.contract)
            context = OutgoingContext(now, policy, self.terms().subscriptions, None)
            work = partial(milestone_changes, snapshot, Rest(), context)
            changes += await tx.compute(work)
        return changes
