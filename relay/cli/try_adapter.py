"""Run a contract's adapter on a document, without storing anything."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from relay.adapters.personal_data import personal_paths, redact
from relay.adapters.protocol import (
    AnswerUnpacker,
    Carrier,
    CarrierFailure,
    Document,
    SettingsReviewer,
)
from relay.cli.output import write_fields, write_line, write_table
from relay.cli.table import CARRIERS_TEXT, Column
from relay.clock import in_zone, utcnow
from relay.config.contract import ContractSettings
from relay.config.settings import Settings
from relay.domain.events import (
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
    as_written,
)
from relay.errors import ConfigurationError
from relay.inbound.translate import parse_documents
from relay.logs import counted
from relay.runtime import wiring
from relay.service.access import not_configured
from relay.service.views import event_reference
from relay.store.event_rows import ParsedDocument

MOST_NAMED = 5


def sample_warnings(
    contract: ContractSettings,
    carrier: Carrier,
    events: Sequence[TrackingEvent],
    left: Sequence[str],
    now: datetime,
) -> Iterator[str]:
    """Yield what is unusual about *events*, although they were parsed.

    *left* are fields that may be personal data and are not redacted.
    """
    if isinstance(carrier, SettingsReviewer):
        yield from carrier.review(events)
    unmapped = [event for event in events if event.unmapped]
    if any(event.carrier_code for event in unmapped):
        yield f"unknown codes: map them in contracts.{contract.name}.codes"
    if any(event.description and not event.carrier_code for event in unmapped):
        yield "unknown texts without a code: map them in text_rules, or in codes.toml"
    if events and left:
        fields = ", ".join(left[:MOST_NAMED])
        yield (
            f"{fields}: may be personal data, and would stay; if so, name it in "
            "personal_fields"
        )
    without = sum(not event.description for event in events)
    if without:
        yield (
            f"text: missing in {without} of {counted(len(events), 'event')}; shoppers "
            "read the relay's default text, unless a row of "
            f"contracts.{contract.name}.codes has one"
        )
    yield from _too_old(contract, events, now)


def unknown_codes(events: Sequence[TrackingEvent]) -> list[str]:
    """Return the codes among *events* without a mapping, or else their texts."""
    unmapped = (event for event in events if event.unmapped)
    return sorted({e.carrier_code or e.description for e in unmapped} - {""})


def _too_old(
    contract: ContractSettings, events: Sequence[TrackingEvent], now: datetime
) -> Iterator[str]:
    """Warn if all events are too old for a label, where numbers are reused."""
    bound = contract.lower_bound_days
    exact = any(not r.kind.used_again for e in events for r in e.references)
    newest = max((event.occurred_at for event in events), default=now)
    if not exact and newest < now - bound:
        yield (
            f"the newest event is of {newest:%Y-%m-%d}: a label registered today "
            f"would not match it (lower_bound_days = {bound.days})"
        )


TEXTS = frozenset({"description", "place", "references"})
"""Columns of a table of events that stay on one line."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample: a document, or a response to a poll for *polled*."""

    body: bytes
    headers: Mapping[str, str]
    answer: bool = False
    polled: Sequence[Reference] = ()

    @property
    def parcels(self) -> list[ParcelView]:
        """What was polled for, as one parcel; empty if not given."""
        if not self.polled:
            return []
        parcel = ParcelView(tuple(self.polled))
        number = parcel.value(ReferenceKind.TRACKING_NUMBER)
        key = parcel.value(ReferenceKind.INVOICE_KEY)
        return [ParcelView(tuple(self.polled), number, key)]


def try_sample(settings: Settings, contract: str, sample: Sample) -> dict[str, Any]:
    """Parse *sample* as the reader would.

    Raises `InvalidLabel` for an unknown contract, `ConfigurationError` for wrong
    settings.
    """
    if contract not in settings.contracts:
        raise not_configured("contract", contract, settings.contracts)
    found = settings.contracts[contract]
    carrier = wiring.carrier(settings, contract)
    kept = {"content-type"} | carrier.stored_headers
    headers = {n: value for n, value in sample.headers.items() if n in kept}
    document = Document(sample.body, utcnow(), headers)
    if not sample.answer:
        return _parse(found, carrier, [document])
    if not isinstance(carrier, AnswerUnpacker):
        raise ConfigurationError(
            f"contracts.{contract}: not a polling carrier, or its adapter cannot split "
            "a response; try a document without --answer"
        )
    try:
        documents = carrier.unpack(document, sample.parcels)
    except CarrierFailure as failure:
        return _parse(found, carrier, []) | {"unreadableReason": str(failure)}
    return {"pieces": len(documents), **_parse(found, carrier, documents)}


def _parse(
    contract: ContractSettings, carrier: Carrier, documents: Sequence[Document]
) -> dict[str, Any]:
    """Parse *documents*, and return the result."""
    mine = [replace(document, contract=contract.name) for document in documents]
    readings = parse_documents(mine, {contract.name: carrier})
    events = [event for reading in readings for event in reading.events]
    fields = carrier.personal_fields
    left = list(dict.fromkeys(p for d in documents for p in _persons(d, fields)))
    cut = [f for f in fields if any(_is_cut(d, f) for d in documents)]
    return {
        "unreadableReason": _reason(readings),
        "unreadableParts": [
            f"{part.position}: {part.reason}"
            for reading in readings
            for part in reading.parts
        ],
        "personalFieldsCut": cut,
        "personalFieldsNotFound": [field for field in fields if field not in cut],
        "unknownCodes": unknown_codes(events),
        "notes": list(sample_warnings(contract, carrier, events, left, utcnow())),
        "events": [_event(event, contract.zone) for event in events],
    }


def _reason(readings: Sequence[ParsedDocument]) -> str | None:
    """Return why documents cannot be parsed, and how many of several."""
    reasons = [r.unreadable for r in readings if r.unreadable is not None]
    if len(readings) < 2:  # noqa: PLR2004 -- several
        return next(iter(reasons), None)
    each = ((reasons.count(reason), reason) for reason in dict.fromkeys(reasons))
    of = len(readings)
    return "; ".join(f"{n} of {of} pieces: {reason}" for n, reason in each) or None


def _persons(document: Document, fields: tuple[str, ...]) -> Iterator[str]:
    """Yield what may be personal data in a document after redacting *fields*."""
    type_ = document.headers.get("content-type", "")
    try:
        value = json.loads(redact(document.body, type_, fields))
    except (ValueError, RecursionError):
        return
    yield from (".".join(path) for path in personal_paths(value))


def _is_cut(document: Document, field: str) -> bool:
    type_ = document.headers.get("content-type", "")
    return redact(document.body, type_, (field,)) != document.body


def _event(event: TrackingEvent, zone: ZoneInfo) -> dict[str, Any]:
    """Return an event with the names of the API, its time in the contract's zone."""
    return {
        "occurredAt": in_zone(as_written(event.occurred_at), zone).isoformat(),
        "milestone": event.milestone.value,
        "effect": event.effect.value,
        "reason": event.reason and event.reason.value,
        "carrierCode": event.carrier_code,
        "description": event.description,
        "city": event.city,
        "state": event.state,
        "country": event.country,
        "references": [
            event_reference(r.kind, r.value).model_dump(by_alias=True)
            for r in event.references
        ],
    }


def write_result(made: dict[str, Any]) -> None:
    """Write what all events share above them, and the rest as a table."""
    events, notes = [_row(event) for event in made.pop("events")], made.pop("notes")
    alike = {
        column: events[0][column]
        for column in ("references", "place")
        if events and len({event[column] for event in events}) == 1
    }
    write_fields(
        {k: ", ".join(v) if isinstance(v, list) else v for k, v in made.items()} | alike
    )
    for note in notes:
        write_line(f"note: {note}")
    if not events:
        write_line("no events")
        return
    columns = [c for c in events[0] if c not in alike and any(e[c] for e in events)]
    heads = [Column(c, is_text=c in TEXTS) for c in columns]
    write_table(heads, [[event[c] for c in columns] for event in events])


def _row(event: dict[str, Any]) -> dict[str, Any]:
    """Shorten an event for a line: times to the minute, without the normal effect."""
    at = datetime.fromisoformat(event["occurredAt"])
    place = (event["city"], event["state"], event["country"])
    named = (f"{r['type']} {r['value']}" for r in event["references"])
    return {
        "utc": f"{in_zone(at, UTC):%Y-%m-%d %H:%M}",
        "local": f"{at:%m-%d %H:%M}",
        "milestone": event["milestone"],
        "effect": "" if event["effect"] == "normal" else event["effect"],
        "reason": event["reason"],
        "code": event["carrierCode"],
        "description": CARRIERS_TEXT.cut(event["description"]),
        "place": ", ".join(filter(None, place)),
        "references": "; ".join(named),
    }
