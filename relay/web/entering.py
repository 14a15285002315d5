"""Rows of the lists that people work from, times in the store's zone."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pydantic.alias_generators import to_camel

from relay.clock import moment
from relay.settings import Settings
from relay.store.workqueries import WorkList
from relay.web.entries import (
    Entry,
    EventReference,
    LateEntry,
    QuarantinedEntry,
    SilentEntry,
    StuckEntry,
    UnknownCodeEntry,
    UnmatchedEntry,
    UnreadableEntry,
    UntrustedEntry,
    WaitingEntry,
)


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
        case WorkList.UNTRUSTED:
            return UntrustedEntry(
                **_some(row, "contract", "size", "because"),
                request=row["aside"],
                received_at=moment(row["received_at"]).astimezone(zone),
            )
        case WorkList.UNKNOWN_CODES:
            return UnknownCodeEntry(
                **_some(row, "contract", "events", "event"),
                carrier_code=row["code"],
                last_seen_at=moment(row["received_at"]).astimezone(zone),
                example=row["description"],
                reference=_reference(row["kind"], row["value"]),
            )
        case _:
            return _shipment(name, row, zone)


def zone_of(row: Mapping[str, Any], settings: Settings) -> ZoneInfo:
    """Return the zone of the store that a row is about; UTC if it is gone."""
    name = row.get("account")
    if name is None and row["contract"] in settings.contracts:
        name = settings.contracts[row["contract"]].account
    return account_zone(name, settings)


def account_zone(name: str | None, settings: Settings) -> ZoneInfo:
    """Return the zone of an account; UTC if it is gone."""
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
    references = tuple(_reference(*named) for named in row["references"])
    return UnmatchedEntry(
        **_happened(row, zone),
        **_some(row, "because", "city", "state"),
        references=references,
    )


def _reference(kind: str, value: str) -> EventReference:
    return EventReference(type=to_camel(kind), value=value)


def _some(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}
