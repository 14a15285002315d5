"""Melhor Envio as the sandbox plays it: the webhook of one label, signed."""

import base64
import hmac
import json
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from relay.sandbox.simulator import SimulatedRequest, SimulatedScan

_ZONE: Final = ZoneInfo("America/Sao_Paulo")
_TIMES: Final = {
    "order.released": "paid_at",
    "order.generated": "generated_at",
    "order.posted": "posted_at",
    "order.delivered": "delivered_at",
    "order.cancelled": "canceled_at",
    "order.canceled": "canceled_at",
}
_EMPTY: Final = ("paid_at", "generated_at", "posted_at", "delivered_at", "canceled_at")


class Simulator:
    """Plays the hub; `SimulatedScan.code` is the event's name, `order.posted`."""

    adapter = "melhorenvio"
    speaks: Final = {
        "label_created": "order.generated",
        "picked_up": "order.posted",
        "delivery_failed": "order.undelivered",
        "exception": "order.paused",
        "delivered": "order.delivered",
        "cancelled": "order.cancelled",
    }

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Spell *scan* as they do, and sign it with the app's client *secret*."""
        if not secret:
            raise ValueError("Melhor Envio signs every webhook: a secret is needed")
        if not scan.code.startswith("order."):
            raise ValueError(f"{scan.code!r} is no event of Melhor Envio")
        body = json.dumps({"event": scan.code, "data": _label(scan)}).encode()
        digest = hmac.digest(secret.encode(), body, "sha256")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Melhor Envio (sandbox)",
            "X-ME-Signature": base64.b64encode(digest).decode(),
        }
        return SimulatedRequest(headers=headers, body=body)


def _label(scan: SimulatedScan) -> dict[str, object]:
    """Spell the label; what is not known of it is null, as at theirs."""
    parcel, moment = scan.parcel, _spelled(scan.occurred_at)
    times = dict.fromkeys(_EMPTY) | {_TIMES.get(scan.code, "updated_at"): moment}
    return {
        "id": parcel.shipment_id,
        "protocol": f"ORD-{parcel.shipment_id}",
        "status": scan.code.removeprefix("order."),
        "tracking": parcel.tracking_number,
        "self_tracking": None,
        "user_id": "00000000-0000-4000-8000-000000000000",
        "tags": [{"tag": parcel.order_id, "url": None}],
        "created_at": moment,
        **times,
        "expired_at": None,
        "tracking_url": None,
    }


def _spelled(moment: datetime) -> str:
    return f"{moment.astimezone(_ZONE):%Y-%m-%d %H:%M:%S}"
