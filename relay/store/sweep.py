"""The safety net: what was missed is found, what is silent for long is closed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros, moment
from relay.domain.next_update import next_update, tracking_number_sent
from relay.domain.publishable import publishable
from relay.domain.shipment import Policy, Snapshot
from relay.store.database import Database, Row
from relay.store.snapshots import load_snapshots

SLICE: Final = 50
SOON: Final = timedelta(minutes=10)
"""What is due within this time is not at rest."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one slice brought: where it ended, what was missed, what expired.

    `last` is None where there are no more open shipments.
    """

    last: int | None
    found: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sweep:
    """Goes over the open shipments, a slice at a time.

    `policy` gives the settings of an account and a contract, `accounts` are
    those that are configured, and `expires_after` says, by contract, how long
    no event may come.
    """

    database: Database
    policy: Callable[[str, str], Policy]
    accounts: Collection[str]
    expires_after: Callable[[str], timedelta]
    size: int = SLICE

    async def slice(self, after: int, now: datetime) -> Swept:
        """Look at the open shipments behind *after*: wake and expire them."""
        async with self.database.reading() as tx:
            page = await tx.rows("open_shipments", after=after, limit=self.size)
            resting = [r for r in page if self._at_rest(r, now)]
            known = await load_snapshots(tx, resting)
        missed = [
            row
            for row, snapshot in zip(resting, known, strict=True)
            if unpublished(
                snapshot, now, self.policy(snapshot.account, snapshot.contract)
            )
        ]
        silent = [r for r in resting if r not in missed and self._silent(r, now)]
        last = page[-1]["shipment"] if len(page) == self.size else None
        return Swept(
            last,
            found=await self._change("wake_shipment", missed, now),
            expired=await self._change("expire_shipment", silent, now),
        )

    def _at_rest(self, row: Row, now: datetime) -> bool:
        """Whether nothing happens to a shipment by itself."""
        soon = micros(now + SOON)
        return (
            row["account"] in self.accounts
            and row["lease"] is None
            and row["stuck_reason"] is None
            and row["events_due_at"] is None
            and (row["due_at"] is None or row["due_at"] > soon)
            and (row["not_before"] or 0) <= micros(now)
        )

    def _silent(self, row: Row, now: datetime) -> bool:
        """Whether no event came, and nobody asked for a try, for too long."""
        times = (row["registered_at"], row["last_event_at"], row["tried_at"])
        latest = max(t for t in times if t is not None)
        return now - moment(latest) >= self.expires_after(row["contract"])

    async def _change(
        self, query: str, found: Sequence[Row], now: datetime
    ) -> tuple[str, ...]:
        """Change shipments that nobody else changed since they were read."""
        if not found:
            return ()
        changed: list[str] = []
        async with self.database.writing() as tx:
            for row in found:
                given = await tx.row(query, **_unchanged(row), now=micros(now))
                if given is not None:
                    changed.append(given["id"])
                    note = {"shipment": row["shipment"], "now": micros(now)}
                    await tx.run("note", **note, text=_STORIES[query])
        return tuple(changed)


_STORIES: Final = {
    "wake_shipment": "the sweep found something that VTEX was not told",
    "expire_shipment": "expired: no event came for too long; a later one reopens it",
}


def _unchanged(row: Row) -> Mapping[str, Any]:
    """Return what the row of a shipment still has to be to be changed."""
    return {
        "shipment": row["shipment"],
        "version": row["version"],
        "tried_at": row["tried_at"] or 0,
    }


def unpublished(snapshot: Snapshot, now: datetime, policy: Policy) -> bool:
    """Whether VTEX does not know all that may be told of a shipment at rest."""
    if snapshot.tracking is None or snapshot.delivered_published:
        return False
    if snapshot.pending is not None or not tracking_number_sent(snapshot):
        return True
    return next_update(snapshot, publishable(snapshot, now, policy), policy) is not None
