"""Rows of a shipment as the API shows them."""

from collections.abc import Iterable
from typing import Any

from pydantic.alias_generators import to_camel

from relay.clock import moment
from relay.store.database import Row
from relay.store.lists import Listed, Timeline
from relay.store.spelling import at, loads
from relay.web.models import (
    Announced,
    CallLine,
    DocumentLine,
    EventLine,
    History,
    NoteLine,
    Parcel,
    RegisteredReference,
    Shipment,
    ShipmentSummary,
    ToldLine,
)

_AS_THEY_ARE = (
    "id", "account", "order_id", "invoice_number", "invoice_key", "contract",
    "volumes", "tracking_number", "tracking_url", "courier", "dispatched_date",
)  # fmt: skip


def summary(listed: Listed) -> ShipmentSummary:
    """Return a shipment as lists show it."""
    return ShipmentSummary(**_summary(listed))


def _summary(listed: Listed) -> dict[str, Any]:
    row, stands = listed.row, listed.standing
    return {name: row[name] for name in _AS_THEY_ARE} | {
        "estimated_delivery_date": row["promised_on"],
        "state": stands.state,
        "why": stands.why,
        "closed_because": stands.closed_because,
        "registered_at": moment(row["registered_at"]),
        "last_event_at": at(row["last_event_at"]),
        "delivered_told_at": at(row["delivered_told_at"]),
    }


def shipment(listed: Listed, timeline: Timeline) -> Shipment:
    """Return a shipment with everything that is known of it."""
    announced_as = listed.row["announced_as"]
    return Shipment(
        **_summary(listed),
        announced_as=Announced(**loads(announced_as)) if announced_as else None,
        vtex_invoice_number=listed.row["vtex_invoice_number"],
        references=_references(timeline.references, 0),
        parcels=tuple(_parcel(p, timeline.references) for p in timeline.parcels),
        timeline=History(
            documents=tuple(map(_document, timeline.documents)),
            events=tuple(map(_event, timeline.events)),
            told=tuple(map(_told, timeline.told)),
            calls=tuple(map(_call, reversed(timeline.calls))),
            notes=tuple(map(_note, reversed(timeline.notes))),
        ),
    )


def _parcel(row: Row, references: Iterable[Row]) -> Parcel:
    return Parcel(
        volume=row["volume"],
        contract=row["contract"],
        tracking_number=row["tracking_number"],
        references=_references(references, row["volume"]),
    )


def _references(rows: Iterable[Row], volume: int) -> tuple[RegisteredReference, ...]:
    return tuple(
        RegisteredReference(
            type=to_camel(r["kind"]),
            value=r["given"],
            contract=r["contract"],
            registered_at=moment(r["registered_at"]),
            voided_at=at(r["voided_at"]),
        )
        for r in rows
        if r["volume"] == volume
    )


def _document(row: Row) -> DocumentLine:
    return DocumentLine(
        id=row["document"],
        contract=row["contract"],
        source=row["source"],
        received_at=moment(row["received_at"]),
        read_at=at(row["read_at"]),
        new_events=row["brought"],
        unreadable_because=row["unreadable_because"],
    )


def _event(row: Row) -> EventLine:
    names = ("milestone", "reason", "effect", "description", "city", "state")
    return EventLine(
        **{name: row[name] for name in (*names, "country", "judged")},
        id=row["event"],
        volume=row["volume"] or None,
        occurred_at=moment(row["occurred_at"]),
        received_at=moment(row["received_at"]),
        carrier_code=row["code"],
        quarantined_because=None if row["judged"] else row["quarantined_because"],
    )


def _told(row: Row) -> ToldLine:
    return ToldLine(
        volume=row["volume"] or None,
        code=row["code"],
        object=loads(row["object"]),
        event=row["event"],
        stored_at=moment(row["stored_at"]),
        accepted_at=at(row["accepted_at"]),
        withdrawn_at=at(row["withdrawn_at"]),
    )


def _call(row: Row) -> CallLine:
    names = ("kind", "body", "sent", "status", "words", "receipt")
    return CallLine(
        **{name: row[name] for name in names},
        id=row["call"],
        stored_at=moment(row["stored_at"]),
        answered_at=at(row["answered_at"]),
    )


def _note(row: Row) -> NoteLine:
    return NoteLine(at=moment(row["noted_at"]), text=row["text"])
