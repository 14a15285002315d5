"""What a contract's adapter makes of a document; nothing is stored."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from relay.carrier.contract import Document
from relay.carrier.loading import load_carrier
from relay.carrier.redaction import redact
from relay.clock import utcnow
from relay.errors import ConfigurationError
from relay.settings import Settings
from relay.store.slices import Unread
from relay.tracking import Milestone, TrackingEvent
from relay.translating import translate


def tried(
    settings: Settings, contract: str, body: bytes, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Read *body* as the reader would; raise `ConfigurationError` by its key."""
    if contract not in settings.contracts:
        known = ", ".join(settings.contracts) or "none"
        raise ConfigurationError(f"contracts.{contract}: there is none; known: {known}")
    found = settings.contracts[contract]
    carrier = load_carrier(found.adapter, settings.contract_options(contract))
    kept = {"content-type"} | carrier.kept_headers
    document = Document(
        body, utcnow(), {n: value for n, value in headers.items() if n in kept}
    )
    unread = Unread(0, contract, body, document.received_at, document.headers, 0, False)
    [reading] = translate([unread], {contract: carrier})
    type_ = document.headers.get("content-type", "")
    cut = [f for f in carrier.personal_fields if redact(body, type_, (f,)) != body]
    unknown = (e.carrier_code for e in reading.events if _is_unknown(e))
    return {
        "unreadableBecause": reading.unreadable,
        "personalFieldsCut": cut,
        "unknownCodes": sorted(set(unknown)),
        "events": [_event(e, found.zone) for e in reading.events],
    }


def _is_unknown(event: TrackingEvent) -> bool:
    return event.milestone is Milestone.UNKNOWN


def _event(event: TrackingEvent, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "utc": event.occurred_at.isoformat(),
        "local": event.occurred_at.astimezone(zone).isoformat(),
        "milestone": event.milestone.value,
        "effect": event.effect.value,
        "reason": event.reason and event.reason.value,
        "code": event.carrier_code,
        "description": event.description,
        "place": ", ".join(filter(None, (event.city, event.state, event.country))),
        "references": "; ".join(f"{r.kind} {r.value}" for r in event.references),
    }
