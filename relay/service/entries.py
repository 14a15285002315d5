"""Turn rows of work lists into entries, with times in the account's zone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from relay.clock import in_zone, moment
from relay.config.settings import Settings
from relay.domain.events import as_written
from relay.service.document_states import state_of
from relay.service.unknown_to_vtex import unknown_entry, waiting_entry
from relay.service.views import event_namings, event_reference, zone_of
from relay.service.worklist_models import (
    ContradictedEntry,
    Entry,
    LateEntry,
    QuarantinedEntry,
    RefusedEntry,
    RejectedEntry,
    SilentEntry,
    StuckEntry,
    UnknownCodeEntry,
    UnmatchedEntry,
    UnreadableEntry,
)
from relay.store.worklist_queries import WorkList


def entry_of(
    name: WorkList, row: Mapping[str, Any], settings: Settings, now: datetime
) -> Entry:
    """Return a row of the list *name* at *now*, with times in the account's zone."""
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
                state=state_of(row),
                received_at=moment(row["received_at"]).astimezone(zone),
                unreadable_reason=row["unreadable_reason"],
            )
        case WorkList.REJECTED | WorkList.REFUSED:
            return _request(name, row, zone)
        case WorkList.UNKNOWN_CODES:
            return UnknownCodeEntry(
                **_some(row, "contract", "events", "event"),
                carrier_code=row["code"],
                last_received_at=moment(row["received_at"]).astimezone(zone),
                example=row["description"],
                reference=event_reference(row["kind"], row["value"]),
            )
        case _:
            return _shipment(name, row, settings, now)


def _shipment(
    name: WorkList, row: Mapping[str, Any], settings: Settings, now: datetime
) -> Entry:
    zone = zone_of(row, settings)
    if name is WorkList.UNKNOWN_TO_VTEX:
        return unknown_entry(row, zone, settings, now)
    names = ("id", "account", "contract", "order_id", "invoice_number")
    base = _some(row, *names, "tracking_number")
    last_event = row["last_event_at"] and moment(row["last_event_at"]).astimezone(zone)
    if name is WorkList.STUCK:
        since = moment(row["stuck_at"] or 0).astimezone(zone)
        response, reason = row["vtex_said"], row["stuck_reason"]
        return StuckEntry(
            **base, stuck_reason=reason, since=since, vtex_response=response
        )
    if name is WorkList.CONTRADICTED:
        return ContradictedEntry(
            **base,
            contradicted_reason=row["contradicted_reason"],
            since=moment(row["contradicted_at"]).astimezone(zone),
            last_event_at=last_event,
        )
    if name is WorkList.LATE:
        return LateEntry(
            **base, promised_on=row["promised_on"], last_event_at=last_event
        )
    if name is WorkList.SILENT:
        registered = moment(row["registered_at"]).astimezone(zone)
        return SilentEntry(**base, registered_at=registered, last_event_at=last_event)
    return waiting_entry(base, row, zone, now)


def _request(name: WorkList, row: Mapping[str, Any], zone: ZoneInfo) -> Entry:
    """Return a webhook, or webhooks of one kind, that were not accepted."""
    if name is WorkList.REJECTED:
        return RejectedEntry(
            **_some(row, "contract", "size"),
            rejected_reason=row["reason"],
            request=row["rejected_request"],
            received_at=moment(row["received_at"]).astimezone(zone),
        )
    return RefusedEntry(
        **_some(row, "path", "method", "status", "hint", "requests"),
        contract=row["contract"] or None,
        refused_reason=row["reason"],
        first_at=moment(row["first_at"]).astimezone(zone),
        last_at=moment(row["last_at"]).astimezone(zone),
    )


def _event_fields(row: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    return _some(row, "event", "contract", "milestone", "description") | {
        "carrier_code": row["code"],
        "occurred_at": in_zone(as_written(moment(row["occurred_at"])), zone),
        "received_at": moment(row["received_at"]).astimezone(zone),
    }


def _quarantined(row: Mapping[str, Any], zone: ZoneInfo) -> Entry:
    names = ("id", "account", "order_id", "invoice_number", "tracking_number")
    return QuarantinedEntry(
        **_event_fields(row, zone),
        **_some(row, *names),
        quarantine_reason=row["quarantine_reason"],
        volume=row["volume"] or None,
        named_in=event_namings(row["named_in"]),
    )


def _unmatched(row: Mapping[str, Any], zone: ZoneInfo) -> Entry:
    references = tuple(event_reference(*named) for named in row["references"])
    return UnmatchedEntry(
        **_event_fields(row, zone),
        **_some(row, "city", "state"),
        unmatched_reason=row["because"],
        references=references,
    )


def _some(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}
