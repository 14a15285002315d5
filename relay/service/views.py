"""Turn stored rows into answers."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pydantic.alias_generators import to_camel

from relay.clock import moment
from relay.config.settings import Settings
from relay.service.models import (
    Parcel,
    RegisteredReference,
    ShipmentSummary,
    TrackingNumberSent,
)
from relay.service.timeline_models import (
    EventNaming,
    EventReference,
    ParcelPoll,
    ShipmentDetail,
    ShipmentHistory,
)
from relay.store.codec import at, loads
from relay.store.database import Row
from relay.store.naming_documents import NamingDocument
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
    listed: ListedShipment,
    timeline: Timeline,
    history: ShipmentHistory,
    polls: tuple[ParcelPoll, ...],
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
        timeline=history,
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


def event_reference(kind: str, value: str) -> EventReference:
    """Return a reference of an event."""
    return EventReference(type=to_camel(kind), value=value)


def event_namings(found: Iterable[NamingDocument]) -> tuple[EventNaming, ...]:
    """Return the documents of an event, with what each of them names."""
    return tuple(
        EventNaming(
            document=one.document,
            references=tuple(event_reference(*named) for named in one.named),
            denies_delivery=one.denied,
        )
        for one in found
    )


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
