"""Deliveries that another document of the carrier denies: "não entregue"."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Self

from relay.domain.event_time import SECOND
from relay.domain.events import Effect, Milestone
from relay.domain.shipment import WHOLE, KnownEvent
from relay.records import record

CONTRADICTORY: Final = "two fields of the document contradict each other"

_Key = tuple[int, str]
"""Volume and carrier code."""
_ANY: Final = -1
"""The volume under which the denials of all volumes are found."""


@record
class DeniedDeliveries:
    """When deliveries were denied, sorted, by volume and code, then by precision.

    The code of an event whose fields contradict each other has all their values, so
    the same delivery reported without the other field is another event.
    """

    begun: Mapping[_Key, Mapping[timedelta, Sequence[datetime]]]

    @classmethod
    def of(cls, events: Iterable[KnownEvent]) -> Self | None:
        """Return the denied deliveries among *events*; None without any.

        An operator who releases one decides that it was a delivery.
        """
        denied = sorted(filter(_is_denied, events), key=lambda e: e.occurred_at)
        found: defaultdict[_Key, defaultdict[timedelta, list[datetime]]]
        found = defaultdict(lambda: defaultdict(list))
        for event in denied:
            for volume in (event.volume, _ANY):
                times = found[volume, _own_code(event)][event.precision]
                times.append(event.occurred_at)
        return cls(found) if denied else None

    def reason(self, event: KnownEvent) -> str | None:
        """Return why *event*, if it repeats a denied delivery, is quarantined."""
        if event.milestone is not Milestone.DELIVERED:
            return None
        code = _own_code(event)
        volumes = (_ANY,) if event.volume == WHOLE else (event.volume, WHOLE)
        repeated = any(
            _same_unit(event, times, precision)
            for volume in volumes
            for precision, times in self.begun.get((volume, code), {}).items()
        )
        return CONTRADICTORY if repeated else None


def _is_denied(event: KnownEvent) -> bool:
    return (
        event.effect is Effect.CONTRADICTORY
        and event.milestone is Milestone.DELIVERED
        and event.decision != "released"
        and bool(event.code)
    )


def _own_code(event: KnownEvent) -> str:
    """Return an event's code without the values that contradict it."""
    return event.code.partition(" / ")[0]


def _same_unit(
    event: KnownEvent, times: Sequence[datetime], precision: timedelta
) -> bool:
    """Whether the unit of *event* includes one of *times*, or the other way round."""
    own = max(event.precision, SECOND)
    ends_within = bisect_left(times, event.occurred_at + own)
    if bisect_left(times, event.occurred_at) < ends_within:
        return True
    before = bisect_right(times, event.occurred_at)
    return before > 0 and event.occurred_at < times[before - 1] + max(precision, SECOND)
