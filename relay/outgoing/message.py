"""One event as a Standard Webhook: its body, and the headers that sign it; pure.

See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from relay.clock import moment
from relay.domain.outgoing_events import BODY_VERSION
from relay.store.codec import loads

USER_AGENT = "carrier-tracking-relay (outgoing events)"


def body(row: Mapping[str, Any]) -> bytes:
    """Return the body of a stored event: the same bytes in every attempt.

    `sequence` grows with the time of recording; two events of one shipment may arrive
    in another order.
    """
    content = {
        "type": row["type"],
        "version": BODY_VERSION,
        "sequence": row["number"],
        "timestamp": _text(moment(row["recorded_at"])),
        "occurredAt": _text(moment(row["occurred_at"])),
        "data": loads(row["data"]),
    }
    return to_json(content)


def headers(
    id_: str, content: bytes, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """Return the headers of a call; each of *secrets* gives one signature.

    Two secrets while a receiver changes over: it accepts any signature that it knows.
    """
    # Optional, and needed only by who configures a receiver: the settings check it.
    from standardwebhooks import Webhook  # noqa: PLC0415

    text = content.decode()
    signatures = [
        Webhook(s).sign(msg_id=id_, timestamp=now, data=text) for s in secrets
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _text(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
