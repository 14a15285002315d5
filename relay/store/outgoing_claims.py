"""Claims of deliveries of outgoing events, their outcomes, and the receivers' state.

```
    recorded ──► due ──► leased ──► delivered
                  ▲        ├─► failed: due again later ──► given up after three days
                  └────────┴─► never settled: due when the lease ends
```
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros, moment
from relay.domain.outgoing_events import GIVE_UP_AFTER
from relay.store.codec import at, new_id, readable_at, rows, stored
from relay.store.database import Database, Row, Transaction
from relay.text import storable

OVERDUE: Final = timedelta(hours=1)
"""How long after its end a delivery is given up that nothing tried to send."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A leased delivery: its event's row, and which attempt this is."""

    event: Row
    receiver: str
    lease: str
    attempts: int
    give_up_at: datetime

    @property
    def id(self) -> str:
        """The event's id, the same in every attempt."""
        return str(self.event["id"])


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of an attempt: delivered, to be tried `next_at`, or given up.

    `pause_until`: the receiver itself fails, and gets no call before. `gone`: it wants
    no more calls.
    """

    status: int | None = None
    error: str | None = None
    next_at: datetime | None = None
    pause_until: datetime | None = None
    gone: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the receiver has the event."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """Whether a receiver works; a receiver that was never called has no times."""

    receiver: str
    disabled_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    not_before: datetime | None = None
    reason: str | None = None
    delivered_at: datetime | None = None

    @property
    def broken(self) -> bool:
        """Whether it fails or is disabled."""
        return self.disabled_at is not None or self.failing_since is not None

    @classmethod
    def of(cls, row: Row) -> "ReceiverState":
        """Return the state in a row."""
        return cls(
            row["receiver"],
            readable_at(row["disabled_at"]),
            readable_at(row["failing_since"]),
            row["failures"],
            readable_at(row["not_before"] or None),
            row["reason"],
            readable_at(row["delivered_at"]),
        )


@dataclass(frozen=True, slots=True)
class ReceiverBacklog:
    """What waits for a receiver, since when the oldest, and what was given up."""

    waiting: int = 0
    oldest_at: datetime | None = None
    failed: int = 0


class OutgoingClaims:
    """Leases due deliveries, so that no two processes send one at the same time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enroll(self, addresses: Iterable[tuple[str, str]]) -> None:
        """Know receivers by name and digest of the address; a new one is enabled."""
        values = [{"receiver": name, "address": a} for name, a in addresses]
        async with self._database.writing() as tx:
            await tx.many("enroll_outgoing_receiver", values)

    async def claim(
        self, receiver: str, limit: int, now: datetime, until: datetime
    ) -> list[DueDelivery]:
        """Lease up to *limit* due deliveries until *until*; one while it fails."""
        instant = micros(now)
        async with self._database.reading() as tx:
            found = await tx.row("outgoing_receiver", receiver=receiver)
            due = await tx.row("due_outgoing", receiver=receiver, now=instant)
        if due is None:
            return []
        if found and (
            found["disabled_at"] is not None or found["not_before"] > instant
        ):
            return []
        terms = {
            "receiver": receiver,
            "now": instant,
            "lease": new_id(now),
            "lease_until": micros(until),
            "limit": 1 if found and found["failing_since"] is not None else limit,
        }
        async with self._database.writing() as tx:
            return await _claimed(tx, await tx.rows("claim_outgoing", **terms), terms)

    async def settle(
        self, due: DueDelivery, outcome: DeliveryOutcome, now: datetime
    ) -> None:
        """Store what became of an attempt, and what it says about its receiver."""
        ended = outcome.next_at is None
        row = {
            "id": due.id,
            "receiver": due.receiver,
            "lease": due.lease,
            "next_at": stored(outcome.next_at),
            "status": outcome.status,
            "error": None if outcome.error is None else storable(outcome.error),
            "delivered_at": micros(now) if outcome.delivered else None,
            "failed_at": micros(now) if ended and not outcome.delivered else None,
        }
        about = {"receiver": due.receiver, "now": micros(now)}
        async with self._database.writing() as tx:
            await tx.run("settle_outgoing", **row)
            if outcome.delivered:
                await tx.run("hurry_after_outage", **about)
                await tx.run("outgoing_receiver_works", **about)
            elif outcome.gone:
                reason = row["error"]
                await tx.run("disable_outgoing_receiver", **about, reason=reason)
            elif outcome.pause_until is not None:
                until = micros(outcome.pause_until)
                await tx.run(
                    "outgoing_receiver_fails",
                    **about,
                    reason=row["error"],
                    not_before=until,
                )

    async def give_up(self, receiver: str, now: datetime) -> int:
        """Give up what waits for a receiver longer than it may; return how much."""
        values = {"receiver": receiver, "now": micros(now)}
        before = micros(now - OVERDUE)
        async with self._database.writing() as tx:
            return len(await tx.rows("give_up_outgoing", **values, before=before))

    async def enable(self, receiver: str, now: datetime) -> bool:
        """Send what waits for a receiver at once; False if it was never known."""
        async with self._database.writing() as tx:
            found = await tx.row("enable_outgoing_receiver", receiver=receiver)
            await tx.run("hurry_outgoing", receiver=receiver, now=micros(now))
        return found is not None

    async def states(self) -> dict[str, ReceiverState]:
        """Return the state of each receiver that was ever configured."""
        async with self._database.reading() as tx:
            found = await tx.rows("outgoing_receivers")
        return {row["receiver"]: ReceiverState.of(row) for row in found}

    async def backlogs(self, receivers: Collection[str]) -> dict[str, ReceiverBacklog]:
        """Return what waits for each of *receivers*."""
        async with self._database.reading() as tx:
            return {name: await _backlog(tx, name) for name in receivers}


async def _claimed(
    tx: Transaction, leased: Iterable[Row], terms: dict[str, object]
) -> list[DueDelivery]:
    """Return leased deliveries with their events, in the order of events."""
    by_id = {row["id"]: row for row in leased}
    wanted = rows({"id": id_} for id_ in by_id)
    events = await tx.rows("outgoing_events_by_id", rows=wanted) if by_id else ()
    return [
        DueDelivery(
            event,
            str(terms["receiver"]),
            str(terms["lease"]),
            by_id[event["id"]]["attempts"],
            moment(by_id[event["id"]]["give_up_at"]),
        )
        for event in events
    ]


async def _backlog(tx: Transaction, receiver: str) -> ReceiverBacklog:
    waits = await tx.row("count_outgoing", receiver=receiver)
    failed = await tx.row("count_outgoing_failed", receiver=receiver)
    end = at(waits["first_end"]) if waits else None
    return ReceiverBacklog(
        waits["waiting"] if waits else 0,
        None if end is None else end - GIVE_UP_AFTER,
        failed["failed"] if failed else 0,
    )
