"""Intelipost's webhook: one event of one volume of one order.

Times are instants: milliseconds since 1970, and the same in ISO 8601 with an offset.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from relay.adapters.codes import LONGEST_CODE, SAME_TIME
from relay.adapters.payload import Payload
from relay.adapters.protocol import Unreadable
from relay.adapters.texts import normalised
from relay.adapters.times import iso
from relay.clock import EPOCH
from relay.domain.event_time import SECOND, EventTime, event_time

_UTC: Final = ZoneInfo("UTC")


def normalised_state(state: str) -> str:
    """Return a state's name as in the code table, for example `ENDERECO INCORRETO`."""
    return normalised(state).upper()[:LONGEST_CODE].strip()


class MicroState(Payload):
    """The fine state, named by the shop or the carrier.

    Its `description` is not used: it mentions returns that may never happen.
    """

    default_name: str | None = None
    name: str | None = None


class History(Payload):
    """One event; `created`, when it reached Intelipost, is not used."""

    shipment_order_volume_state: str | None = None
    shipment_order_volume_state_localized: str | None = None
    shipment_volume_micro_state: MicroState | None = None
    provider_message: str | None = None
    event_date: int | None = None
    event_date_iso: str | None = None

    @property
    def micro_names(self) -> list[str]:
        """The micro state's names, Intelipost's default first."""
        micro = self.shipment_volume_micro_state or MicroState()
        names = (micro.default_name, micro.name)
        return list(dict.fromkeys(name for name in names if name))

    @property
    def code(self) -> str:
        """The carrier code: the micro state, or else the macro state."""
        macro = self.shipment_order_volume_state or ""
        return normalised_state(next(iter(self.micro_names), macro))

    @property
    def public_text(self) -> str:
        """The text for shoppers: names of states, never the carrier's free text."""
        localized = self.shipment_order_volume_state_localized or ""
        return next(reversed(self.micro_names), localized)

    @property
    def return_texts(self) -> Iterator[str]:
        """The texts that may mention a return."""
        yield from self.micro_names
        yield self.shipment_order_volume_state_localized or ""
        yield self.provider_message or ""

    def happened_at(self) -> EventTime:
        """Return the time of the event; raise `Unreadable` without one."""
        # `created` is no substitute: it differs in a repeated webhook.
        if self.event_date is not None:
            at = EPOCH + timedelta(milliseconds=self.event_date)
            return event_time(at, SECOND, _UTC)
        if not self.event_date_iso:
            raise Unreadable("history.event_date: missing", fixed=True)
        return iso(self.event_date_iso, _UTC)

    def contradicting_dates(self) -> list[str]:
        """Return both dates with their names if they differ by more than a day."""
        if self.event_date is None or not self.event_date_iso:
            return []
        happened = self.happened_at().at
        try:
            again = iso(self.event_date_iso, _UTC).at
        except (ValueError, OverflowError):
            return ["event_date_iso: not a date"]
        if abs(again - happened) <= SAME_TIME:
            return []
        return [
            f"event_date {happened:%Y-%m-%d}",
            f"event_date_iso {self.event_date_iso[:10]}",
        ]


class Invoice(Payload):
    """The NF-e of the volume."""

    invoice_key: str | None = None


class Notice(Payload):
    """The body of a webhook."""

    history: History | None = None
    invoice: Invoice | None = None
    order_number: str | None = None
    tracking_code: str | None = None
    volume_number: str | None = None

    @property
    def order(self) -> str:
        """The order number, which identifies the volume together with its number."""
        if not self.order_number:
            raise Unreadable("order_number: missing", fixed=True)
        return self.order_number

    @property
    def volume_code(self) -> str:
        """The volume's reference, `order/volume`."""
        # Some senders write the volume as `<order>-<volume>`.
        volume = (self.volume_number or "").removeprefix(f"{self.order}-")
        if not volume:
            raise Unreadable("volume_number: missing", fixed=True)
        return f"{self.order}/{volume}"
