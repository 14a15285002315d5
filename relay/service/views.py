"""Turn stored rows into answers."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pydantic.alias_generators import to_camel

from relay.clock import moment
from relay.config.settings import Settings
from relay.service.models import (
    CallLine,
    DocumentLine,
    EventLine,
    NoteLine,
    Parcel,
    ParcelPoll,
    PublishedLine,
    RegisteredReference,
    ShipmentDetail,
    ShipmentHistory,
    ShipmentSummary,
    TrackingNumberSent,
)
from relay.store.codec import at, loads
from relay.store.database import Row
from relay.store.shipment_lists import ListedShipment, Timeline

_AS_THEY_ARE = (
    "id", "account", "order_id", "invoice_number", "invoice_key", "contract",
    "volumes", "tracking_number", "tracking_url", "courier", "dispatched_date",
)  # fmt: skip


def summary(listed: ListedShipment) -> ShipmentSummary:
    """Return a shipment as lists show it."""
    return ShipmentSummary(**_summary(listed))


def _summary(listed: ListedShipment) -> dict[str, Any]:
    row, stands = listed.row, listed.standing
    return {name: row[name] for name in _AS_THEY_ARE} | {
        "estimated_delivery_date": row["promised_on"],
        "state": stands.state,
        "why": stands.why,
        "closed_reason": stands.closed_reason,
        "registered_at": moment(row["registered_at"]),
        "last_event_at": at(row["last_event_at"]),
        "delivered_published_at": at(row["delivered_published_at"]),
        "verified_at": at(row["verified_at"]),
        "updated_at": moment(row["updated_at"]),
    }


def shipment(
    listed: ListedShipment, timeline: Timeline, polls: tuple[ParcelPoll, ...]
) -> ShipmentDetail:
    """Return a shipment with everything stored about it."""
    tracking_sent_as = listed.row["tracking_sent_as"]
    return ShipmentDetail(
        **_summary(listed),
        tracking_sent_as=TrackingNumberSent(**loads(tracking_sent_as))
        if tracking_sent_as
        else None,
        vtex_invoice_number=listed.row["vtex_invoice_number"],
        references=_references(timeline.references, 0),
        parcels=tuple(_parcel(p, timeline.references) for p in timeline.parcels),
        polls=polls,
        timeline=ShipmentHistory(
            documents=tuple(map(_document, timeline.documents)),
            events=tuple(map(_event, timeline.events)),
            published=tuple(map(_published, timeline.published)),
            calls=tuple(map(_call, reversed(timeline.calls))),
            notes=tuple(map(_note, reversed(timeline.notes))),
        ),
    )


def parcel_poll(row: Row) -> ParcelPoll:
    """Return when a carrier was and will be polled for a parcel."""
    return ParcelPoll(
        contract=row["contract"],
        volume=row["volume"],
        polled_at=at(row["polled_at"]),
        next_poll_at=at(row["poll_at"]),
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
        parsed_at=at(row["read_at"]),
        new_events=row["new_events"],
        unreadable_reason=row["unreadable_reason"],
    )


def _event(row: Row) -> EventLine:
    names = ("milestone", "reason", "effect", "description", "city", "state")
    return EventLine(
        **{name: row[name] for name in (*names, "country", "decision")},
        id=row["event"],
        volume=row["volume"] or None,
        occurred_at=moment(row["occurred_at"]),
        received_at=moment(row["received_at"]),
        carrier_code=row["code"],
        quarantine_reason=None if row["decision"] else row["quarantine_reason"],
    )


def _published(row: Row) -> PublishedLine:
    return PublishedLine(
        volume=row["volume"] or None,
        code=row["code"],
        object=loads(row["object"]),
        event=row["event"],
        stored_at=moment(row["stored_at"]),
        accepted_at=at(row["accepted_at"]),
        withdrawn_at=at(row["withdrawn_at"]),
    )


def _call(row: Row) -> CallLine:
    names = ("kind", "body", "sent", "status", "receipt")
    return CallLine(
        **{name: row[name] for name in names},
        id=row["call"],
        message=row["message"],
        stored_at=moment(row["stored_at"]),
        answered_at=at(row["answered_at"]),
    )


def _note(row: Row) -> NoteLine:
    return NoteLine(at=moment(row["noted_at"]), text=row["text"])


def zone_of(row: Mapping[str, Any], settings: Settings) -> ZoneInfo:
    """Return the zone of a row's account, UTC if it was removed from the settings."""
    name = row.get("account")
    if name is None and row["contract"] in settings.contracts:
        name = settings.contracts[row["contract"]].account
    return account_zone(name, settings)


def account_zone(name: str | None, settings: Settings) -> ZoneInfo:
    """Return the zone of an account, UTC if it was removed from the settings."""
    account = settings.accounts.get(name or "")
    return account.zone if account else ZoneInfo("UTC")
