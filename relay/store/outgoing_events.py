"""Outgoing events: stored with their cause, listed, and sent again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from relay.clock import micros, moment
from relay.domain.outgoing_events import (
    GIVE_UP_AFTER,
    OutgoingEvent,
    Subscription,
    Subscriptions,
)
from relay.store.codec import dumps, new_id, rows
from relay.store.database import Database, Row, Transaction
from relay.store.snapshots import Change

LAST: Final = (1 << 63) - 1
SLICE: Final = 200
MOST_READ: Final = 5_000
"""Events that are looked at for one page: a rare kind ends it early."""
DeliveryState = Literal["waiting", "delivered", "failed"]


def record_changes(
    event: OutgoingEvent, subscriptions: Subscriptions, now: datetime
) -> list[Change]:
    """Return what stores *event* for the receivers that want it; nothing for none."""
    wanted = [s.receiver for s in subscriptions if s.wants(event)]
    if not wanted:
        return []
    id_ = new_id(now)
    row = {
        "id": id_,
        "type": event.type,
        "account": event.account,
        "shipment_id": event.shipment,
        "occurred_at": micros(event.occurred_at),
        "recorded_at": micros(now),
        "data": dumps(event.data),
    }
    deliveries = [("add_outgoing_delivery", delivery(id_, r, now)) for r in wanted]
    return [("add_outgoing_event", row), *deliveries]


def delivery(id_: str, receiver: str, now: datetime) -> dict[str, Any]:
    """Return the row of a delivery that is due *now*."""
    return {
        "id": id_,
        "receiver": receiver,
        "next_at": micros(now),
        "give_up_at": micros(now + GIVE_UP_AFTER),
    }


async def record_outgoing(
    tx: Transaction,
    events: Iterable[OutgoingEvent],
    subscriptions: Subscriptions,
    now: datetime,
) -> list[str]:
    """Store *events* in the transaction of their cause; return the ids of those stored.

    An event that no receiver wants is not stored. Without receivers there is no
    statement. Call it before the cause is committed, never after it.
    """
    changes = [c for e in events for c in record_changes(e, subscriptions, now)]
    found: dict[str, list[Mapping[str, Any]]] = {}
    for query, row in changes:
        found.setdefault(query, []).append(row)
    for query, values in found.items():
        await tx.many(query, values)
    return [str(row["id"]) for row in found.get("add_outgoing_event", ())]


@dataclass(frozen=True, slots=True)
class OutgoingFilter:
    """Which events to list: of a receiver, a state, a type, a shipment, accounts.

    None means all.
    """

    receiver: str | None = None
    state: DeliveryState | None = None
    type: str | None = None
    shipment: str | None = None
    accounts: Iterable[str] | None = None

    def fits(self, event: Row) -> bool:
        """Whether an event's row may be listed."""
        if self.accounts is not None and event["account"] not in set(self.accounts):
            return False
        return self.type in (None, event["type"])

    def fits_delivery(self, row: Row) -> bool:
        """Whether a delivery's row is of the receiver and state."""
        if self.receiver not in (None, row["receiver"]):
            return False
        return self.state in (None, state_of(row))


def state_of(row: Row) -> DeliveryState:
    """Return the state of a delivery's row."""
    if row["next_at"] is not None:
        return "waiting"
    return "delivered" if row["delivered_at"] is not None else "failed"


StoredEvent = tuple[Row, Sequence[Row]]
"""An event's row, and those of its deliveries."""


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What to send again: events from `since` until before `until`.

    They go to the receivers of the subscriptions that want them; with `failed` only
    where the delivery was given up.
    """

    since: datetime
    until: datetime
    failed: bool = False


class OutgoingEvents:
    """The stored events and their deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, wanted: OutgoingFilter, limit: int, before: int | None = None
    ) -> tuple[list[StoredEvent], int | None]:
        """Return events, the newest first, and the number before which to go on."""
        found: list[StoredEvent] = []
        number, read = before or LAST, 0
        async with self._database.reading() as tx:
            while read < MOST_READ:
                page = await _before(tx, wanted, number)
                for event, deliveries in await _with_deliveries(tx, page):
                    if len(found) == limit:
                        return found, number
                    number = event["number"]
                    fitting = [d for d in deliveries if wanted.fits_delivery(d)]
                    if wanted.fits(event) and fitting:
                        found.append((event, deliveries))
                if len(page) < SLICE:
                    return found, None
                read += len(page)
        return found, number

    async def find(self, id_: str) -> StoredEvent | None:
        """Return one event with its deliveries; None if it is unknown."""
        async with self._database.reading() as tx:
            page = await tx.rows("outgoing_events_by_id", rows=rows([{"id": id_}]))
            found = await _with_deliveries(tx, page)
        return found[0] if found else None

    async def record(
        self, event: OutgoingEvent, receivers: Iterable[str], now: datetime
    ) -> str:
        """Store an event for *receivers*, whatever they want; return its id."""
        to = [Subscription(name) for name in receivers]
        async with self._database.writing() as tx:
            (id_,) = await record_outgoing(tx, [event], to, now)
        return id_

    async def repeat(self, id_: str, receivers: Iterable[str], now: datetime) -> None:
        """Have one event sent again to *receivers*, with its id."""
        async with self._database.writing() as tx:
            values = [delivery(id_, name, now) for name in receivers]
            await tx.many("add_outgoing_delivery", values)

    async def replay(
        self,
        order: ReplayOrder,
        subscriptions: Subscriptions,
        now: datetime,
        after: int = 0,
    ) -> tuple[int, int | None]:
        """Have a slice of events sent again, the oldest first.

        Returns how many deliveries that are, and after which number it goes on.
        """
        async with self._database.writing() as tx:
            page = await tx.rows("outgoing_after", after=after, limit=SLICE)
            since, until = micros(order.since), micros(order.until)
            chosen = [e for e in page if since <= e["recorded_at"] < until]
            found = await _with_deliveries(tx, chosen)
            again = [
                delivery(event["id"], receiver, now)
                for event, deliveries in found
                for receiver in _to(order, event, deliveries, subscriptions)
            ]
            await tx.many("add_outgoing_delivery", again)
        ends = len(page) < SLICE or page[-1]["recorded_at"] >= until
        return len(again), None if ends else page[-1]["number"]


def _to(
    order: ReplayOrder,
    event: Row,
    deliveries: Sequence[Row],
    subscriptions: Subscriptions,
) -> Iterable[str]:
    """Return the receivers that get a stored event again; what waits is sent anyway."""
    known = {d["receiver"]: state_of(d) for d in deliveries}
    wanted = stored_event(event)
    for s in subscriptions:
        state = known.get(s.receiver)
        if state == "waiting" or (order.failed and state != "failed"):
            continue
        if state is not None or s.wants(wanted):
            yield s.receiver


def stored_event(row: Row) -> OutgoingEvent:
    """Return the event of a row, without its data."""
    when = moment(row["occurred_at"])
    return OutgoingEvent(row["type"], when, {}, row["account"], row["shipment_id"])


async def _before(
    tx: Transaction, wanted: OutgoingFilter, number: int
) -> Sequence[Row]:
    values: dict[str, Any] = {"before": number, "limit": SLICE}
    if wanted.shipment is None:
        return await tx.rows("outgoing_page", **values)
    return await tx.rows("outgoing_of_shipment", shipment_id=wanted.shipment, **values)


async def _with_deliveries(tx: Transaction, page: Sequence[Row]) -> list[StoredEvent]:
    if not page:
        return []
    wanted = rows({"id": event["id"]} for event in page)
    by_event: dict[str, list[Row]] = {}
    for row in await tx.rows("deliveries_of_outgoing", rows=wanted):
        by_event.setdefault(row["id"], []).append(row)
    return [(event, by_event.get(event["id"], [])) for event in page]
