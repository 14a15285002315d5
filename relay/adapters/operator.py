"""The relay's own contract: events entered by operators, parsed like webhooks."""

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
"""Reserved: no carrier's contract may have this name."""

SOURCE: Final = "operator"


class Operator:
    """Parses what `operator_body` wrote; it accepts no webhooks."""

    display_name = "Operator"
    identifying = ReferenceKind.SHIPMENT_ID
    stored_headers: frozenset[str] = frozenset()
    personal_fields: tuple[str, ...] = ()

    def verify(self, request: WebhookRequest) -> None:
        """Reject every request: operators use the API."""
        raise VerificationFailed(f"no webhooks are accepted here ({request.method})")

    def parse(self, document: Document) -> list[TrackingEvent]:
        """Return the event that the operator entered."""
        entered: dict[str, Any] = json.loads(document.body)
        named = Reference(kind=ReferenceKind.SHIPMENT_ID, value=entered["parcel"])
        milestone = Milestone(entered["milestone"])
        return [
            TrackingEvent(
                references=(named,),
                milestone=milestone,
                occurred_at=datetime.fromisoformat(entered["occurredAt"]),
                carrier_code=f"operator:{milestone}",
                description=entered["description"],
            )
        ]

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return None: there is no public page."""
        _ = parcel
        return None


def parcel_named(shipment: str, volume: int) -> str:
    """Return the reference of a parcel in operators' events; volume 0 means all."""
    return f"{shipment}/{volume}"


def operator_body(
    parcel: str, milestone: Milestone, occurred_at: datetime, description: str, by: str
) -> bytes:
    """Serialise an operator's event, for `Operator.parse`."""
    entered = {
        "parcel": parcel,
        "milestone": str(milestone),
        "occurredAt": occurred_at.isoformat(),
        "description": description,
        "by": by,
    }
    return json.dumps(entered).encode()
