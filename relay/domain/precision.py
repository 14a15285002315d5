"""Comparing events of different precision: a day is compared as the whole day."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from relay.domain.event_time import SECOND
from relay.domain.events import Effect
from relay.domain.shipment import WHOLE, KnownEvent

_ORDER: Final = attrgetter("order")
_Key = tuple[int, int]
"""The event and the parcel that it counts for."""


def later(one: KnownEvent, other: KnownEvent) -> bool:
    """Whether *one* certainly occurred after *other*.

    Events that begin together are in the order of their source. Neither of two events
    is later if the unit of one includes the other.
    """
    if one.occurred_at == other.occurred_at:
        return one.order > other.order
    return one.occurred_at >= other.ends_at


def in_order(events: Iterable[KnownEvent]) -> list[KnownEvent]:
    """Return *events* oldest first.

    A rollback that is known to the day comes after the more precise events of its day:
    it may undo them, and a delivery that waits is better than a wrong one.
    """
    ordered = sorted(events, key=_ORDER)
    if not any(e.effect is Effect.ROLLBACK and e.precision > SECOND for e in ordered):
        return ordered
    starts = [e.occurred_at for e in ordered]

    def last_within(event: KnownEvent) -> datetime:
        if event.effect is not Effect.ROLLBACK or event.precision <= SECOND:
            return event.occurred_at
        return starts[bisect_left(starts, event.ends_at) - 1]

    def key(event: KnownEvent) -> tuple[datetime, bool, int, int]:
        place = last_within(event)
        return (place, place > event.occurred_at, event.position, event.event)

    return sorted(ordered, key=key)


def recognised(events: Sequence[KnownEvent], volumes: int) -> tuple[KnownEvent, ...]:
    """Return *events*, each with the second of the most precise record of its scan.

    One entry point may give a scan to the second, and another one to the minute. Each
    of several *volumes* has scans of its own.
    """
    if all(_unit(e) <= SECOND for e in events):
        return tuple(events)
    groups: defaultdict[tuple[int, str], list[KnownEvent]] = defaultdict(list)
    for event in events:
        groups[event.volume if volumes > 1 else WHOLE, event.happening[1]].append(event)
    found: dict[_Key, datetime] = {}
    for same_code in groups.values():
        found |= _most_precise(same_code)
    return tuple(
        replace(e, same_as=found[_key(e)]) if _key(e) in found else e for e in events
    )


def _most_precise(same_code: Sequence[KnownEvent]) -> dict[_Key, datetime]:
    """Return the second of the most precise record of each less precise event."""
    found: dict[_Key, datetime] = {}
    finer: list[tuple[datetime, datetime]] = []
    for unit, group in groupby(sorted(same_code, key=_unit), key=_unit):
        begun = [(e.occurred_at, e) for e in group]
        for begins, event in begun if finer and unit > SECOND else ():
            place = bisect_left(finer, (begins,))
            if place < len(finer) and finer[place][0] < event.ends_at:
                found[_key(event)] = finer[place][1]
        own = [(at, found.get(_key(e), e.happening[0])) for at, e in begun]
        finer = sorted([*finer, *own])
    return found


def _key(event: KnownEvent) -> _Key:
    return (event.event, event.volume)


def _unit(event: KnownEvent) -> timedelta:
    """Return the unit by which an event is identified.

    Exactly 00:00 of a format with a time of day identifies a record like any second.
    """
    return SECOND if event.midnight else event.precision
