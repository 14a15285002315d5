"""Simulator of Loggi: webhooks of one package each, with Basic auth."""

import base64
import json
from datetime import UTC
from typing import Final

from relay.sandbox.simulator import SimulatedRequest, SimulatedScan


class Simulator:
    """Loggi; `SimulatedScan.code` is the code of a status, for example `14`."""

    adapter = "loggi"
    codes: Final = {
        "label_created": "1",
        "picked_up": "14",
        "out_for_delivery": "11",
        "delivery_failed": "21",
        "exception": "22",
        "delivered": "5",
        "cancelled": "2",
    }

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        """Return the webhook of *scan*; the *secret* is `user:password`."""
        if ":" not in secret:
            raise ValueError("secret: must be user:password, for Basic auth")
        if not scan.parcel.tracking_number:
            raise ValueError("tracking code: required for every package")
        credentials = base64.b64encode(secret.encode()).decode()
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Basic {credentials}",
        }
        body = json.dumps({"packages": [_package(scan)]}).encode()
        return SimulatedRequest(headers=headers, body=body)


def _package(scan: SimulatedScan) -> dict[str, object]:
    """Return the package; its history includes the current status."""
    happened = scan.occurred_at.astimezone(UTC)
    timestamp = f"{happened:%Y-%m-%dT%H:%M:%S.%fZ}"
    status = {
        "code": scan.code,
        "highLevelStatus": scan.description or scan.code,
        "description": scan.description,
        "actionRequired": None,
        "updatedTime": timestamp,
    }
    location = {"city": scan.city, "state": scan.state}
    return {
        "loggiKey": scan.parcel.shipment_id,
        "trackingCode": scan.parcel.tracking_number,
        "status": status,
        "location": location,
        "promisedDate": f"{happened:%Y-%m-%d}",
        "requestTime": timestamp,
        "trackingHistory": [{"status": status, "location": location}],
    }
