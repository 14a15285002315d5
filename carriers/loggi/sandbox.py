"""Loggi as the sandbox plays it: the webhook of one package, with Basic auth."""

import base64
import json
from datetime import UTC
from typing import Final

from relay.sandbox.simulator import SimulatedRequest, SimulatedScan


class Simulator:
    """Plays the carrier; `SimulatedScan.code` is the code of a status, `14`."""

    adapter = "loggi"
    speaks: Final = {
        "label_created": "1",
        "picked_up": "14",
        "out_for_delivery": "11",
        "delivery_failed": "21",
        "exception": "22",
        "delivered": "5",
        "cancelled": "2",
    }

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Spell *scan* as they do; the *secret* is `user:password`."""
        if ":" not in secret:
            raise ValueError("Loggi authenticates with user:password")
        if not scan.parcel.tracking_number:
            raise ValueError("Loggi gives every package a tracking code")
        credentials = base64.b64encode(secret.encode()).decode()
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Basic {credentials}",
        }
        body = json.dumps({"packages": [_package(scan)]}).encode()
        return SimulatedRequest(headers=headers, body=body)


def _package(scan: SimulatedScan) -> dict[str, object]:
    """Spell the package; its history repeats where it stands now."""
    happened = scan.occurred_at.astimezone(UTC)
    spelled = f"{happened:%Y-%m-%dT%H:%M:%S.%fZ}"
    status = {
        "code": scan.code,
        "highLevelStatus": scan.description or scan.code,
        "description": scan.description,
        "actionRequired": None,
        "updatedTime": spelled,
    }
    location = {"city": scan.city, "state": scan.state}
    return {
        "loggiKey": scan.parcel.shipment_id,
        "trackingCode": scan.parcel.tracking_number,
        "status": status,
        "location": location,
        "promisedDate": f"{happened:%Y-%m-%d}",
        "requestTime": spelled,
        "trackingHistory": [{"status": status, "location": location}],
    }
