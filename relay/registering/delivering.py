"""A person says that a parcel was delivered: checked, and put into words."""

from datetime import datetime
from typing import Final

from relay.errors import InvalidLabel
from relay.labels import Delivery
from relay.registering import linting
from relay.registering.correcting import Known
from relay.registering.requests import DeliveredRequest
from relay.settings import Settings

TEXTS: Final = {"pt": "Entregue", "es": "Entregado", "en": "Delivered"}
"""What shoppers read of a delivery that a person told of, by language."""


def delivery(
    request: DeliveredRequest, known: Known, settings: Settings, now: datetime
) -> Delivery:
    """Return what a person says of a shipment; raise `InvalidLabel`."""
    account, field = settings.account(known.account), "occurredAt"
    if request.volume is not None and request.volume not in known.numbers:
        raise InvalidLabel(
            f"the invoice has volumes 1 to {len(known.numbers)}",
            field="volume",
            way_out="leave it out if all of them were delivered",
        )
    occurred_at = linting.happened(request.occurred_at, account.zone, field)
    if occurred_at > now:
        raise InvalidLabel(
            "it is in the future", field=field, way_out="say when it happened"
        )
    text = request.description or TEXTS[account.language]
    return Delivery(occurred_at, request.volume or 0, text)
