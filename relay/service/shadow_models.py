"""What the report of shadow mode answers, field by field."""

from datetime import datetime
from typing import Any

from pydantic import Field

from relay.service.models import ResponseModel, StoredRow


class ShadowDifference(ResponseModel):
    """One difference: VTEX's field, what the relay would have there, what VTEX shows.

    For `events` both are a time and a text, and there is one difference per event.
    """

    field: str = Field(description="VTEX's field.")
    relay: str = Field(description="What VTEX would show if the relay had sent.")
    vtex: str = Field(description="What VTEX shows.")


class PlannedRequest(ResponseModel):
    """A request that the relay would send now, if it wrote to VTEX."""

    method: str = Field(description="`PATCH` or `PUT`.")
    path: str = Field(description="The path of VTEX's Orders API.")
    body: dict[str, Any] = Field(description="The JSON body.")


class ShadowShipment(StoredRow):
    """One shipment, compared with its order in VTEX."""

    id: str
    contract: str
    order_id: str
    invoice_number: str
    compared_at: datetime | None = Field(
        default=None, description="When the order was shown last; null: never yet."
    )
    differences: tuple[ShadowDifference, ...] = Field(
        default=(), description="What differed then; empty: nothing."
    )
    requests: tuple[PlannedRequest, ...] = Field(
        default=(), description="What the relay would send, in this order."
    )
    problem: str | None = Field(
        default=None,
        description="Why the last read did not show the order; null: it did.",
    )


class ShadowReport(ResponseModel):
    """How VTEX differs from what the relay would have sent, shipment by shipment.

    The counts are of all shipments of the account that are open, or were compared.
    """

    account: str
    shadow: bool = Field(description="The account's setting `shadow`.")
    shadow_since: datetime | None
    compared: int = Field(description="Shipments of which the order was shown.")
    different: int = Field(description="Those that differ.")
    not_compared: int = Field(description="Those of which the last read failed.")
    pending: int = Field(description="Those that were not read yet.")
    shipments: tuple[ShadowShipment, ...] = Field(
        description="Those that differ, or could not be read, the newest first; with "
        "`all=true` every one that was read."
    )
    next: str | None = None
