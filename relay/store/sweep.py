"""The sweep: find unpublished changes, and expire shipments without events."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros, moment
from relay.domain.next_update import next_update, tracking_number_sent
from relay.domain.publishable import publishable
from relay.domain.shipment import Policy, Snapshot
from relay.logs import logger
from relay.store.bisection import narrow
from relay.store.database import Database, Row, Transaction
from relay.store.snapshots import load_snapshots

_log = logger(__name__)

SLICE: Final = 50
SOON: Final = timedelta(minutes=10)
"""A shipment due within this time is not swept."""


@dataclass(frozen=True, slots=True)
class Swept:
    """The result of one slice: ids of shipments made due, and of expired ones.

    `last` is where the next slice begins, None if there are no more open shipments.
    """

    last: int | None
    found: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sweep:
    """Checks the open shipments, a slice at a time.

    `policy` returns the settings of an account and a contract, `accounts` are the
    configured ones, and `expires_after` returns how long a contract's shipments may be
    without events.
    """

    database: Database
    policy: Callable[[str, str], Policy]
    accounts: Collection[str]
    expires_after: Callable[[str], timedelta]
    size: int = SLICE

    async def slice(self, after: int, now: datetime) -> Swept:
        """Check the open shipments after *after*: make them due, or expire them."""
        async with self.database.reading() as tx:
            page = await tx.rows("open_shipments", after=after, limit=self.size)
            resting = [r for r in page if self._at_rest(r, now)]
            known = await load_snapshots(tx, resting)
        missed = [
            row
            for row, snapshot in zip(resting, known, strict=True)
            if self._missed(row, snapshot, now)
        ]
        silent = [r for r in resting if r not in missed and self._silent(r, now)]
        last = page[-1]["shipment"] if len(page) == self.size else None
        return Swept(
            last,
            found=await self._change("wake_shipment", missed, now),
            expired=await self._change("expire_shipment", silent, now),
        )

    def _at_rest(self, row: Row, now: datetime) -> bool:
        """Whether nothing is scheduled for a shipment."""
        soon = micros(now + SOON)
        return (
            row["account"] in self.accounts
            and row["lease"] is None
            and row["stuck_reason"] is None
            and row["events_due_at"] is None
            and (row["due_at"] is None or row["due_at"] > soon)
            and (row["not_before"] or 0) <= micros(now)
        )

    def _missed(self, row: Row, snapshot: Snapshot | Exception, now: datetime) -> bool:
        """Whether VTEX lacks something; also if that cannot be determined.

        Such a shipment becomes due, so that the publisher reports it with its error.
        """
        if isinstance(snapshot, Exception):
            return True
        policy = self.policy(row["account"], row["contract"])
        try:
            return unpublished(snapshot, now, policy)
        except Exception:  # noqa: BLE001 -- one bad row must not stop the sweep
            return True

    def _silent(self, row: Row, now: datetime) -> bool:
        """Whether there were no events and no attempts for too long."""
        times = (row["registered_at"], row["last_event_at"], row["tried_at"])
        latest = max(t for t in times if t is not None)
        return now - moment(latest) >= self.expires_after(row["contract"])

    async def _change(
        self, query: str, found: Sequence[Row], now: datetime
    ) -> tuple[str, ...]:
        """Change the shipments that did not change since they were read."""
        if not found:
            return ()
        changed: list[str] = []
        async with self.database.writing() as tx:

            async def change(some: Sequence[Row]) -> None:
                async with tx.part():
                    ids = [await _changed(tx, query, row, now) for row in some]
                changed.extend(filter(None, ids))

            await narrow(found, change, _skip)
        return tuple(changed)


_NOTES: Final = {
    "wake_shipment": "the sweep found an unpublished change",
    "expire_shipment": "expired: no events for too long; a later event reopens it",
}


async def _changed(tx: Transaction, query: str, row: Row, now: datetime) -> str | None:
    """Change a shipment and note it; return its id if it had not changed meanwhile."""
    given = await tx.row(query, **_unchanged(row), now=micros(now))
    if given is None:
        return None
    note = {"shipment": row["shipment"], "now": micros(now)}
    await tx.run("note", **note, text=_NOTES[query])
    return str(given["id"])


async def _skip(row: Row, error: Exception) -> None:
    """Log a shipment that cannot be changed; the next sweep tries it again."""
    _log.error("sweep failed", shipment=row["id"], exc_info=error)


def _unchanged(row: Row) -> Mapping[str, Any]:
    """Return the values that a row must still have to be changed."""
    return {
        "shipment": row["shipment"],
        "version": row["version"],
        "tried_at": row["tried_at"] or 0,
    }


def unpublished(snapshot: Snapshot, now: datetime, policy: Policy) -> bool:
    """Whether a shipment at rest has publishable changes that VTEX does not have."""
    if snapshot.tracking is None or snapshot.delivered_published:
        return False
    if snapshot.pending is not None or not tracking_number_sent(snapshot, policy):
        return True
    return next_update(snapshot, publishable(snapshot, now, policy), policy) is not None
