"""Rows of a shipment, put together as the facts that the rules see."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from relay.clock import micros, moment
from relay.store.database import Row, Transaction
from relay.store.spelling import at, dumps, ids, loads
from relay.telling.facts import Announcement, Facts, KnownEvent, Pending, Told
from relay.tracking import Effect, Milestone


async def gather(tx: Transaction, shipments: Sequence[Row]) -> list[Facts]:
    """Read the events and the told objects of *shipments*, all in two queries."""
    wanted = ids("shipment", (s["shipment"] for s in shipments))
    if wanted == "[]":
        return []
    events = _grouped(await tx.rows("events_of_shipments", rows=wanted))
    told = _grouped(await tx.rows("told_of_shipments", rows=wanted))
    return [facts(s, events[s["shipment"]], told[s["shipment"]]) for s in shipments]


def _grouped(rows: Iterable[Row]) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["shipment"]].append(row)
    return groups


def facts(row: Row, events: Iterable[Row], told: Iterable[Row]) -> Facts:
    """Put the rows of one shipment together."""
    announced_as = row["announced_as"]
    return Facts(
        shipment=row["shipment"],
        id=row["id"],
        account=row["account"],
        order_id=row["order_id"],
        invoice_number=row["invoice_number"],
        contract=row["contract"],
        volumes=max(row["volumes"], 1),
        registered_at=moment(row["registered_at"]),
        announcement=_announcement(row),
        announced_as=Announcement(**loads(announced_as)) if announced_as else None,
        invoice_key=row["invoice_key"],
        dispatched_at=at(row["dispatched_at"]),
        vtex_invoice_number=row["vtex_invoice_number"],
        looked=row["looked_at"] is not None,
        pending=_pending(row["pending"]),
        in_doubt_since=at(row["in_doubt_since"]),
        true_sent=row["true_sent_at"] is not None,
        delivered_told=row["delivered_told_at"] is not None,
        closed_because=row["closed_because"],
        imported=bool(row["imported"]),
        compared=row["compared_at"] is not None,
        retold=row["retold_at"] is not None,
        events=tuple(known_event(e) for e in events),
        told=tuple(_told(t) for t in told),
    )


def _announcement(row: Row) -> Announcement | None:
    if not row["tracking_number"]:
        return None
    return Announcement(
        tracking_number=row["tracking_number"],
        tracking_url=row["tracking_url"],
        courier=row["courier"],
        dispatched_date=row["dispatched_date"],
    )


def announced(told: Announcement) -> str:
    """Spell what VTEX accepted as `announced_as` keeps it."""
    return dumps(
        {
            "tracking_number": told.tracking_number,
            "tracking_url": told.tracking_url,
            "courier": told.courier,
            "dispatched_date": told.dispatched_date,
        }
    )


def _pending(text: str | None) -> Pending | None:
    return Pending(**loads(text)) if text else None


def known_event(row: Row) -> KnownEvent:
    """Read one row of `events_of_shipments`."""
    return KnownEvent(
        event=row["event"],
        volume=row["volume"],
        milestone=Milestone(row["milestone"]),
        effect=Effect(row["effect"]),
        occurred_at=moment(row["occurred_at"]),
        received_at=moment(row["received_at"]),
        position=row["position"],
        code=row["code"],
        description=row["description"],
        city=row["city"],
        state=row["state"],
        final=bool(row["final"]),
        undoes=tuple(loads(row["undoes"])),
        ambiguous=bool(row["ambiguous"]),
        judged=row["judged"],
        quarantined_because=row["quarantined_because"],
    )


def _told(row: Row) -> Told:
    return Told(
        volume=row["volume"],
        occurred_at=moment(row["occurred_at"]),
        code=row["code"],
        position=row["position"],
        object=loads(row["object"]),
        event=row["event"],
        accepted=row["accepted_at"] is not None,
    )


def told_key(told: Told, shipment: int) -> dict[str, Any]:
    """Return the key columns of a row of `told`."""
    return {
        "shipment": shipment,
        "volume": told.volume,
        "occurred_at": micros(told.occurred_at),
        "code": told.code,
    }
