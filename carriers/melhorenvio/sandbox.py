"""Simulator of Melhor Envio: signed webhooks of one label each."""

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
    """Melhor Envio; `SimulatedScan.code` is an event's name, such as `order.posted`."""

    adapter = "melhorenvio"
    codes: Final = {
        "label_created": "order.generated",
        "picked_up": "order.posted",
        "delivery_failed": "order.undelivered",
        "exception": "order.paused",
        "delivered": "order.delivered",
        "cancelled": "order.cancelled",
    }

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Return the webhook of *scan*, signed with the app's client *secret*."""
        if not secret:
            raise ValueError("secret: required, to sign every webhook")
        if not scan.code.startswith("order."):
            raise ValueError(
                f"code: unknown event {scan.code!r}; write for example order.posted"
            )
        body = json.dumps({"event": scan.code, "data": _label(scan)}).encode()
        digest = hmac.digest(secret.encode(), body, "sha256")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Melhor Envio (sandbox)",
            "X-ME-Signature": base64.b64encode(digest).decode(),
        }
        return SimulatedRequest(headers=headers, body=body)


def _label(scan: SimulatedScan) -> dict[str, object]:
    """Return the label; unknown values are null, as at Melhor Envio."""
    parcel, moment = scan.parcel, _timestamp(scan.occurred_at)
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


def _timestamp(moment: datetime) -> str:
    return f"{moment.astimezone(_ZONE):%Y-%m-%d %H:%M:%S}"
