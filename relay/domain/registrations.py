"""Registrations of a reference, and whose turn it is when a number is used again."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from heapq import nlargest
from operator import itemgetter
from typing import Final, NamedTuple

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Registration(NamedTuple):
    """A shipment that registered a reference; `volume` 0 is the whole invoice."""

    shipment: int
    volume: int
    registered_at: datetime
    dispatched_at: datetime | None = None
    closed_at: datetime | None = None
    volumes: int = 1


class Turns:
    """The turns of a reused number: one shipment has it after the other is closed."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._is_alone = len(registrations) == 1
        if self._is_alone:
            return
        ends = {r.shipment: r.closed_at for r in registrations if r.closed_at}
        self._ends = sorted(ends.values())
        begins: dict[int, datetime] = {}
        for r in registrations:
            begins[r.shipment] = max(r.registered_at, begins.get(r.shipment, _NEVER))
        # Two are enough to know the latest of all other shipments.
        self._latest = nlargest(2, begins.items(), key=itemgetter(1))

    def include(self, registration: Registration, occurred_at: datetime) -> bool:
        """Whether an event falls into the turn of *registration*."""
        if self._is_alone:
            return True
        registered, closed = registration.registered_at, registration.closed_at
        own = closed is not None and occurred_at <= closed <= registered
        until = bisect_right(self._ends, registered)
        if until - bisect_left(self._ends, occurred_at) > own:
            return False  # an earlier shipment still had it
        if closed is None or occurred_at <= closed:
            return True
        return not any(
            began >= closed
            for shipment, began in self._latest
            if shipment != registration.shipment
        )
