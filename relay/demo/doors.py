"""By which door the relay heard of each shipment, as it says itself; pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from relay.demo.plan import Shipment
from relay.demo.verdict import Finding

Doors = Mapping[str, Counter[str]]
"""For each order, how many events came by which door."""


def doors_of(shown: Mapping[str, Any]) -> Counter[str]:
    """Count the events of a shipment by the door that their document came by."""
    found = Counter[str]()
    for document in shown["timeline"]["documents"]:
        found[document["source"]] += document["newEvents"] or 0
    return +found


def wrong_doors(plan: Sequence[Shipment], doors: Doors) -> Iterator[Finding]:
    """Find the shipments of which the relay did not hear as it should have."""
    for shipment in plan:
        came = doors.get(shipment.order_id, Counter())
        if shipment.scans and set(came) != shipment.speaker.doors:
            named = " and ".join(sorted(came)) or "nothing"
            reason = f"it was heard of by {named}, not by {shipment.speaker.door}"
            yield Finding(shipment.order_id, reason)


def counted(doors: Doors) -> str:
    """Return a line that says how many events came by which door."""
    total = sum(doors.values(), Counter[str]())
    parts = [f"{count} by {door}" for door, count in sorted(total.items())[::-1]]
    return f"Events by door: {', '.join(parts) or 'none'}"
