"""The days of a label or of its correction, read in the zone of the store."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from relay.registering import linting
from relay.registering.requests import CorrectionRequest, LabelRequest


def dated(
    request: LabelRequest | CorrectionRequest, zone: ZoneInfo, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Return the dates that *request* gives, and what is worth a look.

    Raises `InvalidLabel` with the field at fault.
    """
    dates: dict[str, Any] = {}
    warnings: list[str] = []
    if request.dispatched_date is not None:
        moment, told = linting.dispatched(request.dispatched_date, zone)
        dates |= {"dispatched_at": moment, "dispatched_date": told}
        if moment > now:
            warnings.append(
                "dispatchedDate: it is in the future; a delivery before it "
                "would wait for a person"
            )
    if request.estimated_delivery_date is not None:
        dates["promised_on"] = linting.promised(request.estimated_delivery_date)
    return dates, warnings
