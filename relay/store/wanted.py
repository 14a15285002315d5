"""Which shipments a list is asked for, and along which index they are found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from relay.store.database import Row
from relay.telling.state import Standing, State
from relay.tracking import compared

_BY_STATE: Final[Mapping[State, tuple[str, ...]]] = {
    State.AWAITING_NUMBER: ("list_without_number",),
    State.DUE: ("list_ready", "list_leased"),
    State.WAITING: ("list_ready", "list_leased"),
    State.IN_DOUBT: ("list_in_doubt",),
    State.STUCK: ("list_stuck",),
    State.UP_TO_DATE: ("list_open",),
    State.DELIVERED: ("list_by_account",),
    State.CLOSED: ("list_not_delivered",),
    State.CANCELLED: ("list_not_delivered",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which shipments are asked for; `accounts` None means all of them."""

    accounts: Sequence[str] | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    invoice_key: str | None = None
    tracking_number: str | None = None
    state: State | None = None
    contract: str | None = None

    def queries(self) -> tuple[tuple[str, ...], str | None]:
        """Return the queries that find the fewest rows, and their value."""
        if self.tracking_number is not None:
            return ("list_by_number",), compared(self.tracking_number)
        by_value = {
            "list_by_key": self._key,
            "list_by_order": self.order_id,
            "list_by_invoice": self.invoice_number,
        }
        for query, value in by_value.items():
            if value is not None:
                return (query,), value
        if self.state is None:
            return ("list_by_account",), None
        return _BY_STATE[self.state], None

    @property
    def _key(self) -> str | None:
        return compared(self.invoice_key) if self.invoice_key is not None else None

    def fits(self, row: Row, stands: Standing) -> bool:
        """Whether a row is one of those asked for."""
        asked = {
            "order_id": self.order_id,
            "invoice_number": self.invoice_number,
            "invoice_key": self._key,
            "contract": self.contract,
        }
        if any(v is not None and row[name] != v for name, v in asked.items()):
            return False
        return self.state is None or stands.state is self.state
