"""A carrier of the plain format, written from the README and not from the adapter."""

import hashlib
import hmac
import json
from typing import Any


def headers(body: bytes, secret: str) -> dict[str, str]:
    """Sign *body* as they do."""
    mac = hmac.new(secret.encode(), body, hashlib.sha256)
    return {"X-Signature": f"sha256={mac.hexdigest()}"}


def event(code: str, at: str = "2026-05-20T10:40:18-03:00", **more: Any) -> Any:
    """Write one event."""
    place = {"city": "Recife", "state": "PE", "country": "BR"}
    return {"code": code, "text": None, "at": at} | place | more


def tracked(*events: Any, **parcel: Any) -> bytes:
    """Write the webhook of one parcel."""
    names = {"number": "ZZ000000001BR", "id": "P-1", "order": "1500000000001-01"}
    return json.dumps({"parcel": names | parcel, "events": list(events)}).encode()


def document(code: str) -> bytes:
    """Write the webhook of one event."""
    return tracked(event(code))
