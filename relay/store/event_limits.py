"""How many events a parcel and a shipment may have: planning reads them all at once.

Real parcels have a few dozen. Further events are stored, and listed as unmatched.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from relay.domain.matching import MOST_EVENTS, Match
from relay.domain.shipment import WHOLE
from relay.store.codec import ids, numbers
from relay.store.database import Row, Transaction

MOST_OF_SHIPMENT: Final = 20_000
"""Events of all parcels of one invoice."""
MOST_OF_ALL_PARCELS: Final = 50_000
"""Events of the whole invoice count once for each of its parcels."""
LEAST_OF_INVOICE: Final = 50

Link = tuple[int, int, int]
"""Event, shipment and volume."""


async def within_limits(
    tx: Transaction,
    matched: Mapping[int, Match],
    unlimited: Collection[int],
    held: Collection[Link] = (),
) -> dict[int, Match]:
    """Return *matched* without the targets that have too many events already.

    Links that are *held* stay, so a parcel never loses an event that it has, and so do
    those of *unlimited* events.
    """
    crowded = await _crowded(tx, matched)
    if not crowded:
        return dict(matched)
    places = _Places(
        await tx.rows("count_events_of_parcels", rows=ids("shipment", crowded))
    )
    found: dict[int, Match] = {}
    for event, match in sorted(matched.items()):
        left = frozenset(
            target
            for target in sorted(match.targets)
            if target[0] not in crowded
            or event in unlimited
            or (event, *target) in held
            or places.take(*target)
        )
        if left or not match.targets:
            found[event] = replace(match, targets=left)
    return found


async def _crowded(tx: Transaction, matched: Mapping[int, Match]) -> set[int]:
    """Return the shipments that may have too many events with those of *matched*.

    Counting by parcel costs more, and is needed for very few.
    """
    more = Counter(shipment for m in matched.values() for shipment, _ in m.targets)
    if not more:
        return set()
    room = max(LEAST_OF_INVOICE - max(more.values()), 0)
    found = await tx.rows("crowded_shipments", rows=numbers(more), events=room)
    many = {shipment for shipment, events in more.items() if events > LEAST_OF_INVOICE}
    return many | {row["shipment"] for row in found}


class _Places:
    """The places for events that the parcels of some shipments have left."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._volumes: dict[int, int] = {}
        self._of_parcel: Counter[tuple[int, int]] = Counter()
        self._of_shipment: Counter[int] = Counter()
        for row in rows:
            shipment, events = row["shipment"], row["events"]
            self._volumes[shipment] = row["volumes"]
            self._of_parcel[shipment, row["volume"]] += events
            self._of_shipment[shipment] += events

    def take(self, shipment: int, volume: int) -> bool:
        """Take one place; return whether there was one."""
        most = _most_events(volume, self._volumes[shipment])
        if (
            self._of_parcel[shipment, volume] >= most
            or self._of_shipment[shipment] >= MOST_OF_SHIPMENT
        ):
            return False
        self._of_parcel[shipment, volume] += 1
        self._of_shipment[shipment] += 1
        return True


def _most_events(volume: int, volumes: int) -> int:
    """Return how many events may count for one parcel, or for the whole invoice."""
    if volume != WHOLE:
        return MOST_EVENTS
    fair = MOST_OF_ALL_PARCELS // max(volumes, 1)
    return min(MOST_EVENTS, max(LEAST_OF_INVOICE, fair))
