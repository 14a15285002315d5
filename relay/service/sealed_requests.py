"""What verification needs of a rejected request, as it is stored: encrypted."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relay.adapters.protocol import WebhookRequest
from relay.clock import moment
from relay.config.seal import Seal


@dataclass(frozen=True, slots=True)
class PresentedRequest:
    """A request and the secret in its URL, None without one."""

    request: WebhookRequest
    url_secret: str | None = None


def seal_request(presented: PresentedRequest, seal: Seal) -> bytes:
    """Return all of a request but its body, encrypted."""
    request = presented.request
    plain = {
        "method": request.method,
        "headers": dict(request.headers),
        "sent": b64encode(request.sent).decode(),
        "query": dict(request.query),
        "url_secret": presented.url_secret,
    }
    return seal.close(json.dumps(plain).encode())


def open_request(row: Mapping[str, Any], seal: Seal) -> PresentedRequest:
    """Return the request of a stored row as it was received; raise `BrokenSeal`."""
    plain = json.loads(seal.open(bytes(row["sealed"])))
    request = WebhookRequest(
        plain["headers"],
        bytes(row["body"]),
        plain["method"],
        sent=b64decode(plain["sent"]),
        query=plain["query"],
        received_at=moment(row["received_at"]),
    )
    return PresentedRequest(request, plain["url_secret"])
