"""The relay's own contract: what operators say happened, read as any document is."""

import json
from datetime import datetime
from typing import Any, Final

from relay.adapters.protocol import Document, WebhookRequest
from relay.domain.events import (
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.errors import VerificationFailed

CONTRACT: Final = "relay"
"""The reserved name: no carrier's contract has it."""

SOURCE: Final = "operator"


class Operator:
    """Reads what `spelled` wrote; nobody sends it from outside."""

    display_name = "Operator"
    identifying = ReferenceKind.SHIPMENT_ID
    stored_headers: frozenset[str] = frozenset()
    personal_fields: tuple[str, ...] = ()

    def verify(self, request: WebhookRequest) -> None:
        """Refuse every request: operators come by the API."""
        raise VerificationFailed(f"nobody sends {request.method} under this contract")

    def read(self, document: Document) -> list[TrackingEvent]:
        """Return the event that the operator told of."""
        published: dict[str, Any] = json.loads(document.body)
        named = Reference(kind=ReferenceKind.SHIPMENT_ID, value=published["parcel"])
        milestone = Milestone(published["milestone"])
        return [
            TrackingEvent(
                references=(named,),
                milestone=milestone,
                occurred_at=datetime.fromisoformat(published["occurredAt"]),
                carrier_code=f"operator:{milestone}",
                description=published["description"],
            )
        ]

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return nothing: there is no page."""
        _ = parcel
        return None


def parcel_named(shipment: str, volume: int) -> str:
    """Return under what operators speak of a parcel; volume 0 is all of them."""
    return f"{shipment}/{volume}"


def operator_body(
    parcel: str, milestone: Milestone, occurred_at: datetime, description: str, by: str
) -> bytes:
    """Write down what an operator says, for `Operator.read`."""
    published = {
        "parcel": parcel,
        "milestone": str(milestone),
        "occurredAt": occurred_at.isoformat(),
        "description": description,
        "by": by,
    }
    return json.dumps(published).encode()
