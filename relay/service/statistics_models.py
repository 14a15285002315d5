"""What the statistics of a contract answer, field by field."""

from datetime import date, datetime
from typing import Literal

from relay.service.account_models import PollingEntry, RejectionEntry
from relay.service.models import ResponseModel

Within = Literal["15m", "1h", "6h", "24h", "later"]


class CarrierDay(ResponseModel):
    """One day in the contract's zone: shipments, events, and published deliveries."""

    day: date
    registered: int
    events: int
    delivered: int
    late: int


class CarrierWeek(ResponseModel):
    """Seven days that end with `until`; `late` of the deliveries that were `promised`.

    `travelDays` is the average from dispatch to delivery; null without any.
    """

    until: date
    registered: int
    events: int
    delivered: int
    promised: int
    late: int
    travel_days: float | None


class StateLine(ResponseModel):
    """The deliveries of one state, as the carrier's last scan names it."""

    state: str
    delivered: int
    promised: int
    late: int
    travel_days: float | None


class DelayLine(ResponseModel):
    """How many events arrived within a time after their scan, but not sooner.

    Events that are known to the day have no such time.
    """

    within: Within
    events: int


class ContractStatistics(ResponseModel):
    """What a carrier did in the last days.

    `countedAt` is until when all of it was counted; null: it is being counted for the
    first time. `thisWeek` ends today, `lastWeek` seven days before.
    """

    contract: str
    zone: str
    counted_at: datetime | None
    days: tuple[CarrierDay, ...]
    this_week: CarrierWeek
    last_week: CarrierWeek
    states: tuple[StateLine, ...]
    delays: tuple[DelayLine, ...]
    unknown_codes: int
    last_document_at: datetime | None
    polling: PollingEntry | None
    rejections: RejectionEntry | None
