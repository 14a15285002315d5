"""A carrier of the plain format as the sandbox plays it: it calls, and it answers."""

import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from relay.sandbox.stage import (
    Stage,
    StagedAnswer,
    StagedCall,
    StagedParcel,
    StagedRequest,
    StagedRoute,
    StagedScan,
)

_MOST: Final = 20


class Simulator:
    """Plays the plain format; `StagedScan.code` is a milestone's name, mostly."""

    adapter = "generic"
    speaks: Final = {
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

    def webhook(self, scan: StagedScan, secret: str) -> StagedRequest:
        """Spell *scan*, and sign the body with *secret*."""
        if not secret:
            raise ValueError("the plain format signs every webhook: a secret is needed")
        if not scan.parcel.tracking_number:
            raise ValueError("the plain format gives every parcel a number")
        body = json.dumps(_tracked(scan.parcel, [scan])).encode()
        signature = hmac.digest(secret.encode(), body, "sha256").hex()
        headers = {
            "Content-Type": "application/json",
            "X-Signature": f"sha256={signature}",
        }
        return StagedRequest(headers=headers, body=body)

    def contract(self, base_url: str) -> Mapping[str, str]:
        """Return settings of the plain format; the secret is the bearer token."""
        return {"base_url": base_url, "secret": "of-the-sandbox"}

    def routes(self) -> Iterable[StagedRoute]:
        """Return the endpoint that the relay polls."""
        yield StagedRoute("GET", "/parcels", _parcels)


def _parcels(call: StagedCall, stage: Stage) -> StagedAnswer:
    """Answer for each `number`; a parcel without events is left out."""
    if not call.headers.get("Authorization", "").startswith("Bearer "):
        return _answered({"error": "no bearer token"}, 401)
    several = getattr(call.query, "getall", None)
    one = [call.query.get("number", "")]
    numbers = several("number", []) if several else one
    if not 0 < len(numbers) <= _MOST:
        return _answered({"error": f"ask for 1 to {_MOST} numbers"})
    known = [scans for number in numbers if (scans := stage.scans_of(number))]
    return _answered({"parcels": [_tracked(scans[0].parcel, scans) for scans in known]})


def _tracked(parcel: StagedParcel, scans: Iterable[StagedScan]) -> dict[str, Any]:
    names = {
        "number": parcel.tracking_number,
        "id": parcel.shipment_id,
        "invoice_key": parcel.invoice_key,
        "order": parcel.order_id,
    }
    return {"parcel": names, "events": [_event(scan) for scan in scans]}


def _event(scan: StagedScan) -> dict[str, str]:
    return {
        "code": scan.code,
        "text": scan.description,
        "at": scan.occurred_at.isoformat(),
        "city": scan.city,
        "state": scan.state,
        "country": "BR",
    }


def _answered(value: object, status: int = 200) -> StagedAnswer:
    return StagedAnswer(json.dumps(value).encode(), status)
