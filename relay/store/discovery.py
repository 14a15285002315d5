"""Orders that VTEX's feed and hook named, and whether both are configured."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from relay.clock import micros, moment
from relay.domain.discovery import (
    DiscoveredOrder,
    LookOutcome,
    OrderNotification,
    Source,
    newest_of_each,
)
from relay.store.codec import at, dumps, ids, loads, rows, stored
from relay.store.database import Database, Row, Transaction
from relay.text import storable


@dataclass(slots=True)
class DiscoveryState:
    """Feed and hook of one account; times are microseconds, as stored.

    `feed_ready_at` is when VTEX last showed the configuration, `feed_emptied_at` when
    a lot was not full, so that nothing was left.
    """

    account: str
    feed_ready_at: int | None = None
    feed_problem: str | None = None
    feed_fetched_at: int | None = None
    feed_emptied_at: int | None = None
    feed_notified_at: int | None = None
    hook_ready_at: int | None = None
    hook_problem: str | None = None
    hook_pinged_at: int | None = None
    hook_notified_at: int | None = None
    order_problem: str | None = None

    @property
    def broken(self) -> bool:
        """Whether something does not work."""
        return bool(self.feed_problem or self.hook_problem or self.order_problem)


@dataclass(frozen=True, slots=True)
class SettledLook:
    """What a read of an order led to, and when it is read next, if ever."""

    outcome: LookOutcome
    detail: str = ""
    look_at: datetime | None = None
    attempts: int = 0
    repeated: bool = False
    registered: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order as the list of discovered orders shows it."""

    order: DiscoveredOrder
    look_at: datetime | None
    looked_at: datetime | None
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class WaitingOrders:
    """How many orders of an account wait to be read, and since when the first one."""

    waiting: int
    oldest_at: datetime


class Discovery:
    """The queue of orders to read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self,
        account: str,
        source: Source,
        found: Iterable[OrderNotification],
        now: datetime,
        change: Callable[[DiscoveryState], None],
    ) -> int:
        """Store notifications durably; return how many orders are to be read.

        *change* changes the account's state in the same transaction.
        """
        notifications = list(found)
        async with self._database.writing() as tx:
            await _change(tx, account, change)
            wanted = rows(
                {"order_id": name}
                for name in sorted({storable(n.order_id) for n in notifications})
            )
            known = await tx.rows("discovered_among", account=account, rows=wanted)
            by_order = {r["order_id"]: _order(r) for r in known}
            new = newest_of_each(notifications, by_order)
            about = {"account": account, "source": source, "now": micros(now)}
            await tx.many("discover_order", [about | _row(n) for n in new])
        return len(new)

    async def claim(
        self, account: str, now: datetime, again_at: datetime, limit: int
    ) -> list[DiscoveredOrder]:
        """Return orders to read now; others do not get them before *again_at*."""
        terms = {"now": micros(now), "again_at": micros(again_at), "limit": limit}
        async with self._database.writing() as tx:
            found = await tx.rows("claim_discovered", account=account, **terms)
        return [_order(r) for r in found]

    async def any_due(self, account: str, now: datetime) -> bool:
        """Whether an order of an account waits to be read."""
        values = {"account": account, "now": micros(now)}
        async with self._database.reading() as tx:
            return await tx.row("any_discovered_due", **values) is not None

    async def settle(
        self, order: DiscoveredOrder, look: SettledLook, now: datetime
    ) -> None:
        """Store what reading an order led to."""
        registered = order.registered if look.registered is None else look.registered
        async with self._database.writing() as tx:
            await tx.run(
                "settle_discovered",
                account=order.account,
                order_id=order.order_id,
                version=order.version,
                now=micros(now),
                outcome=look.outcome.value,
                detail=storable(look.detail),
                look_at=stored(look.look_at),
                attempts=look.attempts,
                repeated=int(look.repeated),
                registered=dumps(dict(registered)),
            )

    async def change(
        self, account: str, change: Callable[[DiscoveryState], None]
    ) -> None:
        """Change the state of an account's feed and hook."""
        async with self._database.writing() as tx:
            await _change(tx, account, change)

    async def states(self) -> dict[str, DiscoveryState]:
        """Return the states of feed and hook by account."""
        async with self._database.reading() as tx:
            found = await tx.rows("list_discovery_states")
        return {r["account"]: DiscoveryState(**dict(r)) for r in found}

    async def waiting(self, now: datetime) -> dict[str, WaitingOrders]:
        """Return the orders that wait to be read, by account."""
        async with self._database.reading() as tx:
            found = await tx.rows("count_discovered", now=micros(now))
        return {
            r["account"]: WaitingOrders(r["waiting"], moment(r["oldest_at"]))
            for r in found
        }

    async def latest(self, account: str, limit: int) -> list[ListedOrder]:
        """Return the orders of the latest notifications, the newest first."""
        async with self._database.reading() as tx:
            found = await tx.rows("latest_discovered", account=account, limit=limit)
        return [
            ListedOrder(
                _order(r),
                at(r["look_at"]),
                at(r["looked_at"]),
                r["outcome"],
                r["detail"],
            )
            for r in found
        ]

    async def close_shipments(
        self, order: DiscoveredOrder, reason: str, note: str, now: datetime
    ) -> tuple[int, bool]:
        """Close the open shipments of an order that ended.

        Returns how many were closed, and whether others cannot be closed yet, because
        a call of theirs is running or its response was lost.
        """
        about = {"account": order.account, "order_id": order.order_id}
        async with self._database.writing() as tx:
            found = await tx.rows("open_shipments_of_order", **about)
            free = [r for r in found if r["lease"] is None and r["pending"] is None]
            for row in free:
                values = {"shipment": row["shipment"], "now": micros(now)}
                await tx.run("end_shipment", **values, reason=reason)
                await tx.run("note", **values, text=note)
        return len(free), len(free) < len(found)

    async def published(self, shipment: int) -> list[dict[str, str]]:
        """Return the event objects that were sent for a shipment, accepted or not."""
        wanted = ids("shipment", [shipment])
        async with self._database.reading() as tx:
            found = await tx.rows("published_of_shipments", rows=wanted)
        return [loads(r["object"]) for r in found]

    async def compare_again(self, shipment: int, note: str, now: datetime) -> None:
        """Have the order read before the next write of a shipment."""
        async with self._database.writing() as tx:
            await tx.run("compare_again", shipment=shipment)
            await tx.run(
                "note", shipment=shipment, now=micros(now), text=storable(note)
            )

    async def shipment(self, account: str, order_id: str, invoice: str) -> Row | None:
        """Return the row of an invoice's shipment, if it is registered."""
        async with self._database.reading() as tx:
            return await tx.row(
                "find_shipment",
                account=account,
                order_id=order_id,
                invoice_number=invoice,
            )


async def _change(
    tx: Transaction, account: str, change: Callable[[DiscoveryState], None]
) -> None:
    await tx.run("add_discovery_state", account=account)
    row = await tx.row("lock_discovery_state", account=account)
    assert row is not None  # noqa: S101 -- inserted just above
    state = DiscoveryState(**dict(row))
    change(state)
    await tx.run("save_discovery_state", **asdict(state))


def _row(found: OrderNotification) -> dict[str, Any]:
    return {
        "order_id": storable(found.order_id),
        "state": storable(found.state),
        "event_id": storable(found.event_id),
        "changed_at": stored(found.changed_at),
    }


def _order(row: Row) -> DiscoveredOrder:
    return DiscoveredOrder(
        account=row["account"],
        order_id=row["order_id"],
        state=row["state"],
        source=row["source"],
        event_id=row["event_id"],
        notified_at=moment(row["notified_at"]),
        changed_at=at(row["changed_at"]),
        version=row["version"],
        attempts=row["attempts"],
        repeated=bool(row["repeated"]),
        registered=loads(row["registered"]),
    )
