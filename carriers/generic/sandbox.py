"""Simulator of a carrier with the plain format: it sends webhooks and is polled."""

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from relay.sandbox.simulator import (
    SimulatedAnswer,
    SimulatedCall,
    SimulatedParcel,
    SimulatedRequest,
    SimulatedRoute,
    SimulatedScan,
    Simulation,
)

_MOST: Final = 20


class Simulator:
    """The plain format; `SimulatedScan.code` is usually a milestone's name."""

    adapter = "generic"
    codes: Final = {
        milestone: milestone
        for milestone in (
            "label_created",
            "picked_up",
            "in_transit",
            "at_hub",
            "out_for_delivery",
            "available_for_pickup",
            "delivery_failed",
            "held",
            "exception",
            "returning",
            "returned",
            "delivered",
            "lost",
            "damaged",
            "cancelled",
        )
    }

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Return the webhook of *scan*, signed with *secret*."""
        if not secret:
            raise ValueError("secret: required, to sign every webhook")
        if not scan.parcel.tracking_number:
            raise ValueError("tracking number: required by the plain format")
        body = json.dumps(_tracked(scan.parcel, [scan])).encode()
        signature = hmac.digest(secret.encode(), body, "sha256").hex()
        headers = {
            "Content-Type": "application/json",
            "X-Signature": f"sha256={signature}",
        }
        return SimulatedRequest(headers=headers, body=body)

    def contract(self, base_url: str) -> Mapping[str, str]:
        """Return the contract's settings; the secret is the bearer token, too."""
        return {"base_url": base_url, "secret": "of-the-sandbox"}

    def routes(self) -> Iterable[SimulatedRoute]:
        """Return the endpoint that the relay polls."""
        yield SimulatedRoute("GET", "/parcels", _parcels)


def _parcels(call: SimulatedCall, stage: Simulation) -> SimulatedAnswer:
    """Answer for each `number`; parcels without events are left out."""
    if not call.headers.get("Authorization", "").startswith("Bearer "):
        return _answered({"error": "no bearer token"}, 401)
    several = getattr(call.query, "getall", None)
    one = [call.query.get("number", "")]
    numbers = several("number", []) if several else one
    if not 0 < len(numbers) <= _MOST:
        return _answered({"error": f"ask for 1 to {_MOST} numbers"})
    known = [scans for number in numbers if (scans := stage.scans_of(number))]
    return _answered({"parcels": [_tracked(scans[0].parcel, scans) for scans in known]})


def _tracked(parcel: SimulatedParcel, scans: Iterable[SimulatedScan]) -> dict[str, Any]:
    names = {
        "number": parcel.tracking_number,
        "id": parcel.shipment_id,
        "invoice_key": parcel.invoice_key,
        "order": parcel.order_id,
    }
    return {"parcel": names, "events": [_event(scan) for scan in scans]}


def _event(scan: SimulatedScan) -> dict[str, str]:
    return {
        "code": scan.code,
        "text": scan.description,
        "at": scan.occurred_at.isoformat(),
        "city": scan.city,
        "state": scan.state,
        "country": "BR",
    }


def _answered(value: object, status: int = 200) -> SimulatedAnswer:
    return SimulatedAnswer(json.dumps(value).encode(), status)
