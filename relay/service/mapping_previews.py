"""The answer of a dry run: what a change of a code's meaning would change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from relay.domain.events import Milestone
from relay.logs import counted
from relay.service.code_models import (
    ChangeLine,
    CodeRequest,
    MappingPreview,
    PreviewedEventLine,
    ShipmentChangeLine,
)
from relay.service.mapping_trials import PreviewedEvent, ShipmentOutlook, TrialResult

EXAMPLES: Final = 50
"""Shipments that a preview names; all are counted."""


def preview_of(
    request: CodeRequest, meaning: Mapping[str, Any] | None, found: TrialResult
) -> MappingPreview:
    """Return what a change would change; without a *meaning* it is a removal."""
    updates = [one for one in found.shipments if one.changes]
    others = [one for one in found.shipments if not one.changes]
    orders = {(one.account, one.order_id) for one in found.shipments}
    return MappingPreview(
        contract=request.contract,
        carrier_code=request.carrier_code,
        meaning=None if meaning is None else dict(meaning),
        events=found.events,
        documents=found.documents,
        complete=found.complete,
        tried=found.tried,
        changes=tuple(ChangeLine(**asdict(one)) for one in found.changes),
        unmatched=found.unmatched,
        shipments=len(found.shipments),
        orders=len(orders),
        vtex_updates=len(updates),
        deliveries=sum(one.delivered_at is not None for one in updates),
        examples=tuple(map(_line, [*updates, *others][:EXAMPLES])),
        warnings=tuple(_warnings(meaning, found, updates)),
    )


def _warnings(
    meaning: Mapping[str, Any] | None,
    found: TrialResult,
    updates: Sequence[ShipmentOutlook],
) -> Iterator[str]:
    """Yield what to know before the change is made."""
    delivered = sum(one.delivered_at is not None for one in updates)
    if meaning is not None and meaning["milestone"] == Milestone.DELIVERED:
        yield (
            "a delivery ends the parcel's tracking, and VTEX does not take it back: "
            "map only a code that never means anything else"
        )
    if delivered:
        yield f"{counted(delivered, 'shipment')} would be published as delivered"
    kept = sum(one.kept for one in found.shipments)
    if kept:
        yield f"{counted(kept, 'event')} published already: what VTEX shows stays"
    if found.lost:
        yield (
            f"{counted(found.lost, 'event')} stay as they are: their documents are no "
            "longer stored"
        )
    if found.tried < found.documents or not found.complete:
        yield f"only the latest {counted(found.tried, 'document')} were tried"
    if not found.events:
        yield "no stored event has this code: it would count for later ones only"
    elif found.tried and not found.changes:
        yield (
            "no event would change: the adapter does not use this code alone; see the "
            "carrier's page"
        )


def _line(one: ShipmentOutlook) -> ShipmentChangeLine:
    return ShipmentChangeLine(
        id=one.id,
        account=one.account,
        order_id=one.order_id,
        invoice_number=one.invoice_number,
        published=_lines(one.published),
        no_longer_published=_lines(one.no_longer_published),
        kept=one.kept,
        delivered_at=one.delivered_at,
        quarantined=one.quarantined,
    )


def _lines(
    events: Sequence[PreviewedEvent],
) -> tuple[PreviewedEventLine, ...]:
    return tuple(PreviewedEventLine(**asdict(one)) for one in events)
