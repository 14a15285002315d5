"""What the lists show that people work from, row by row, times in the store's zone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic.alias_generators import to_camel

from relay.clock import moment
from relay.settings import Settings
from relay.store.workqueries import WorkList
from relay.web.bodies import Answer


class Entry(Answer):
    """Base of a row; its fields are the columns of a table, too."""


class ShipmentEntry(Entry):
    """Base of a row about one invoice of one order."""

    id: str
    account: str
    contract: str
    order_id: str
    invoice_number: str
    tracking_number: str | None


class StuckEntry(ShipmentEntry):
    """A shipment that a person must help; `vtexSaid` are VTEX's last words."""

    because: str
    since: datetime
    vtex_said: str | None


class LateEntry(ShipmentEntry):
    """A shipment that should have been delivered by now."""

    promised_on: str
    last_event_at: datetime | None


class SilentEntry(ShipmentEntry):
    """A shipment of which the carrier says nothing."""

    registered_at: datetime
    last_event_at: datetime | None


class WaitingEntry(ShipmentEntry):
    """A shipment that VTEX is told of later."""

    why: str | None


class EventEntry(Entry):
    """Base of a row about something that happened."""

    event: int
    contract: str
    occurred_at: datetime
    received_at: datetime
    milestone: str
    carrier_code: str
    description: str


class QuarantinedEntry(EventEntry):
    """An event that is not told until a person releases it, and its shipment."""

    because: str
    id: str
    account: str
    volume: int | None
    order_id: str
    invoice_number: str
    tracking_number: str | None


class EventReference(Answer):
    """A value by which the carrier names something."""

    type: str
    value: str


class UnmatchedEntry(EventEntry):
    """An event that counts for no label, and why."""

    because: str
    city: str
    state: str
    references: tuple[EventReference, ...]


class UnreadableEntry(Entry):
    """A document that no adapter could read."""

    document: int
    contract: str
    source: str
    received_at: datetime
    size: int
    because: str


class UnknownCodeEntry(Entry):
    """A carrier's code without a meaning, and the words it came with last."""

    contract: str
    carrier_code: str
    events: int
    last_seen_at: datetime
    example: str
    event: int


def entry(name: WorkList, row: Mapping[str, Any], settings: Settings) -> Entry:
    """Return a row of the list *name* as people see it."""
    zone = zone_of(row, settings)
    match name:
        case WorkList.QUARANTINED:
            return _quarantined(row, zone)
        case WorkList.UNMATCHED:
            return _unmatched(row, zone)
        case WorkList.UNREADABLE:
            names = ("document", "contract", "source", "size")
            return UnreadableEntry(
                **_some(row, *names),
                received_at=moment(row["received_at"]).astimezone(zone),
                because=row["unreadable_because"],
            )
        case WorkList.UNKNOWN_CODES:
            return UnknownCodeEntry(
                **_some(row, "contract", "events", "event"),
                carrier_code=row["code"],
                last_seen_at=moment(row["received_at"]).astimezone(zone),
                example=row["description"],
            )
        case _:
            return _shipment(name, row, zone)


def zone_of(row: Mapping[str, Any], settings: Settings) -> ZoneInfo:
    """Return the zone of the store that a row is about; UTC if it is gone."""
    name = row.get("account")
    if name is None and row["contract"] in settings.contracts:
        name = settings.contracts[row["contract"]].account
    account = settings.accounts.get(name or "")
    return account.zone if account else ZoneInfo("UTC")


def _shipment(name: WorkList, row: Mapping[str, Any], zone: ZoneInfo) -> Entry:
    names = ("id", "account", "contract", "order_id", "invoice_number")
    base = _some(row, *names, "tracking_number")
    heard = row["last_event_at"] and moment(row["last_event_at"]).astimezone(zone)
    if name is WorkList.STUCK:
        since = moment(row["stuck_at"] or 0).astimezone(zone)
        said, because = row["words"], row["stuck_because"]
        return StuckEntry(**base, because=because, since=since, vtex_said=said)
    if name is WorkList.LATE:
        return LateEntry(**base, promised_on=row["promised_on"], last_event_at=heard)
    if name is WorkList.SILENT:
        registered = moment(row["registered_at"]).astimezone(zone)
        return SilentEntry(**base, registered_at=registered, last_event_at=heard)
    return WaitingEntry(**base, why=row["why"])


def _happened(row: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    return _some(row, "event", "contract", "milestone", "description") | {
        "carrier_code": row["code"],
        "occurred_at": moment(row["occurred_at"]).astimezone(zone),
        "received_at": moment(row["received_at"]).astimezone(zone),
    }


def _quarantined(row: Mapping[str, Any], zone: ZoneInfo) -> Entry:
    names = ("id", "account", "order_id", "invoice_number", "tracking_number")
    return QuarantinedEntry(
        **_happened(row, zone),
        **_some(row, *names),
        because=row["quarantined_because"],
        volume=row["volume"] or None,
    )


def _unmatched(row: Mapping[str, Any], zone: ZoneInfo) -> Entry:
    references = tuple(
        EventReference(type=to_camel(kind), value=value)
        for kind, value in row["references"]
    )
    return UnmatchedEntry(
        **_happened(row, zone),
        **_some(row, "because", "city", "state"),
        references=references,
    )


def _some(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}
