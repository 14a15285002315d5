"""What the report of shadow mode answers, field by field."""

from datetime import datetime
from typing import Any

from relay.service.models import ResponseModel, StoredRow


class ShadowDifference(ResponseModel):
    """One difference: VTEX's field, what the relay would have there, what VTEX shows.

    For `events` both are a time and a text, and there is one difference per event.
    """

    field: str
    relay: str
    vtex: str


class PlannedRequest(ResponseModel):
    """A request that the relay would send now, if it wrote to VTEX."""

    method: str
    path: str
    body: dict[str, Any]


class ShadowShipment(StoredRow):
    """One shipment, compared with its order in VTEX at `comparedAt`.

    `problem` says why the last read showed nothing; differences are of an earlier one.
    """

    id: str
    contract: str
    order_id: str
    invoice_number: str
    compared_at: datetime | None = None
    differences: tuple[ShadowDifference, ...] = ()
    requests: tuple[PlannedRequest, ...] = ()
    problem: str | None = None


class ShadowReport(ResponseModel):
    """How VTEX differs from what the relay would have sent, shipment by shipment.

    `shadow` is the account's setting. Since `shadowSince` nothing is written. The
    counts are of all shipments: `notCompared` could not be read, `pending` were not
    read yet.
    """

    account: str
    shadow: bool
    shadow_since: datetime | None
    compared: int
    different: int
    not_compared: int
    pending: int
    shipments: tuple[ShadowShipment, ...]
    next: str | None = None
