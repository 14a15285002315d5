"""Melhor Envio's side, written from its docs and not from the adapter."""

import base64
import hashlib
import hmac
import json


def headers(body: bytes, secret: str) -> dict[str, str]:
    """Sign *body* as they do."""
    mac = hmac.new(secret.encode(), body, hashlib.sha256)
    return {"X-ME-Signature": base64.b64encode(mac.digest()).decode()}


def document(code: str, **changes: object) -> bytes:
    """Write the webhook of event *code*, of a label that has been everywhere."""
    data = {
        "id": "11111111-2222-4333-8444-555555555555",
        "protocol": "ORD-20260500001",
        "status": code.removeprefix("order."),
        "tracking": "ZZ000000001BR",
        "tags": [{"tag": "1500000000001-01", "url": "https://shop.example/orders/1"}],
        "created_at": "2026-05-11 09:00:00",
        "paid_at": "2026-05-12 09:00:00",
        "generated_at": "2026-05-13 09:00:00",
        "posted_at": "2026-05-14 09:00:00",
        "delivered_at": "2026-05-15 09:00:00",
        "canceled_at": "2026-05-16 09:00:00" if "cance" in code else None,
        "expired_at": None,
        "tracking_url": "https://tracking.example/ZZ000000001BR",
    }
    return json.dumps({"event": code, "data": data | changes}).encode()
