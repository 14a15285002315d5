"""The body of an outgoing event, from its row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from relay.clock import moment
from relay.domain.outgoing_events import BODY_VERSION
from relay.store.codec import loads


def outgoing_body(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a stored event: the same in every attempt.

    `sequence` grows with the time of recording; two events of one shipment may arrive
    in another order.
    """
    return {
        "type": row["type"],
        "version": BODY_VERSION,
        "sequence": row["number"],
        "timestamp": _text(moment(row["recorded_at"])),
        "occurredAt": _text(moment(row["occurred_at"])),
        "data": loads(row["data"]),
    }


def _text(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
