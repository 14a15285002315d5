"""Intelipost's own words: one webhook tells of one volume of one order.

Only what the adapter reads stands here; the rest is ignored. Times are instants:
milliseconds since 1970, and the same as ISO 8601 with an offset.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from relay.adapters.protocol import Unreadable
from relay.adapters.text_rules import normalised
from relay.adapters.times import iso
from relay.clock import EPOCH

_LONGEST_CODE: Final = 100
_UTC: Final = ZoneInfo("UTC")


def spelled(state: str) -> str:
    """Return a state's name as the code table spells it: `ENDERECO INCORRETO`."""
    return normalised(state).upper()[:_LONGEST_CODE].strip()


class _Words(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


class MicroState(_Words):
    """The finer state; its description speaks of returns that may never be."""

    default_name: str | None = None
    name: str | None = None


class History(_Words):
    """What happened; `event_date` is when, `created` when it reached Intelipost."""

    shipment_order_volume_state: str | None = None
    shipment_order_volume_state_localized: str | None = None
    shipment_volume_micro_state: MicroState | None = None
    provider_message: str | None = None
    event_date: int | None = None
    event_date_iso: str | None = None

    @property
    def micro_names(self) -> list[str]:
        """The micro state's names, the default one first."""
        micro = self.shipment_volume_micro_state or MicroState()
        names = (micro.default_name, micro.name)
        return list(dict.fromkeys(name for name in names if name))

    @property
    def code(self) -> str:
        """What an event is known by: the micro state, or the macro state alone."""
        macro = self.shipment_order_volume_state or ""
        return spelled(next(iter(self.micro_names), macro))

    @property
    def words(self) -> str:
        """What shoppers read: names of states, and no carrier's free text."""
        localized = self.shipment_order_volume_state_localized or ""
        return next(reversed(self.micro_names), localized)

    @property
    def return_words(self) -> Iterator[str]:
        """The words in which a carrier may speak of a return."""
        yield from self.micro_names
        yield self.provider_message or ""

    def happened_at(self) -> datetime:
        """Return when it happened; the time it was written down is no substitute."""
        if self.event_date is not None:
            return EPOCH + timedelta(milliseconds=self.event_date)
        if not self.event_date_iso:
            raise Unreadable("history.event_date is missing")
        return iso(self.event_date_iso, _UTC)


class Invoice(_Words):
    """The NF-e of the volume."""

    invoice_key: str | None = None


class Notice(_Words):
    """The body of a webhook."""

    history: History | None = None
    invoice: Invoice | None = None
    order_number: str | None = None
    tracking_code: str | None = None
    volume_number: str | None = None

    @property
    def order(self) -> str:
        """The order, without which the volume has no name."""
        if not self.order_number:
            raise Unreadable("order_number is missing")
        return self.order_number

    @property
    def volume_code(self) -> str:
        """The volume's name, `order/volume`; the number may repeat the order's."""
        volume = (self.volume_number or "").removeprefix(f"{self.order}-")
        if not volume:
            raise Unreadable("volume_number is missing")
        return f"{self.order}/{volume}"
