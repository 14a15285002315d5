"""The single timeline of a shipment: what came, what was decided, what VTEX said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from relay.service.timeline_models import (
    CallLine,
    DocumentLine,
    EventLine,
    NoteLine,
    PublishedLine,
    ShipmentDetail,
)


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One line: when, what kind, a text's key with its values, and details."""

    at: datetime
    kind: str
    text: str
    values: dict[str, Any]
    detail: str = ""
    good: bool | None = None
    document: int | None = None
    event: int | None = None
    body: str | None = None


def timeline(shipment: ShipmentDetail) -> list[TimelineLine]:
    """Return everything that is stored about *shipment*, the newest first."""
    history = shipment.timeline
    lines = [
        *map(_document, history.documents),
        *map(_event, history.events),
        *map(_published, history.published),
        *map(_call, history.calls),
        *map(_note, history.notes),
        TimelineLine(shipment.registered_at, "label", "timeline.registered", {}),
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def last_event(shipment: ShipmentDetail) -> EventLine | None:
    """Return the carrier's latest event, without those that wait or were dropped."""
    counts = (
        line
        for line in shipment.timeline.events
        if line.damage is None and line.decision != "dropped"
        if line.quarantine_reason is None or line.decision == "released"
    )
    return max(counts, key=lambda line: line.occurred_at, default=None)


def _document(line: DocumentLine) -> TimelineLine:
    return TimelineLine(
        line.received_at,
        "document",
        "timeline.document",
        {"source": line.source, "contract": line.contract},
        detail=line.unreadable_reason or "",
        good=False if line.unreadable_reason else None,
        document=line.id,
    )


def _event(line: EventLine) -> TimelineLine:
    waits = line.quarantine_reason is not None
    named = "; ".join(map(str, line.named_in))
    place = ", ".join(filter(None, (line.city, line.state, line.country)))
    words = " · ".join(filter(None, (line.carrier_code, line.description, place)))
    return TimelineLine(
        line.received_at,
        "event",
        "timeline.event",
        {"milestone": line.milestone, "occurred_at": line.occurred_at},
        detail=" — ".join(
            filter(None, (words, line.quarantine_reason, named, line.decision))
        ),
        good=False if waits else None,
        event=line.id if waits else None,
    )


def _published(line: PublishedLine) -> TimelineLine:
    at = line.withdrawn_at or line.accepted_at or line.stored_at
    state = (
        "withdrawn" if line.withdrawn_at else "accepted" if line.accepted_at else "sent"
    )
    text = str(line.object.get("description", ""))
    return TimelineLine(
        at, "published", f"timeline.published_{state}", {}, detail=text,
        good=True if state == "accepted" else None,
    )  # fmt: skip


def _call(line: CallLine) -> TimelineLine:
    good = None if line.status is None else line.status < 400  # noqa: PLR2004 -- HTTP
    answer = " ".join(filter(None, (str(line.status or ""), line.message)))
    return TimelineLine(
        line.answered_at or line.stored_at,
        "call",
        "timeline.call",
        {"kind": line.kind, "answer": answer or "-"},
        good=good,
        body=line.body,
    )


def _note(line: NoteLine) -> TimelineLine:
    return TimelineLine(line.at, "note", "timeline.note", {}, detail=line.text)
