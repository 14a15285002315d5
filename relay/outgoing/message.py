"""One event as a Standard Webhook: its body, and the headers that sign it; pure.

See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from relay.store.outgoing_bodies import outgoing_body

USER_AGENT = "carrier-tracking-relay (outgoing events)"


def body(row: Mapping[str, Any]) -> bytes:
    """Return the body of a stored event: the same bytes in every attempt."""
    return to_json(outgoing_body(row))


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
