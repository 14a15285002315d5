"""What somebody should look at although nothing failed; pure."""

from datetime import datetime
from typing import Final

from relay.publisher.steps import Rest
from relay.telling.facts import Facts
from relay.telling.history import of_volume, undone
from relay.tracking import Milestone

PARTLY: Final = "partly_delivered"


def alerts(facts: Facts, step: Rest, now: datetime) -> list[str]:
    """Return what is worth an alert when a shipment comes to rest.

    Some of its parcels came and the others never will; or the carrier takes a
    delivery back that VTEX was told.
    """
    found = []
    if step.closes_because == PARTLY and facts.closed_because != PARTLY:
        found.append("only some of the parcels were delivered")
    if facts.delivered_told and _taken_back(facts, now):
        found.append("the carrier took a delivery back that VTEX was told")
    return found


def _taken_back(facts: Facts, now: datetime) -> bool:
    for volume in range(1, facts.volumes + 1):
        history = of_volume(facts, volume, now)
        gone = undone(history)
        if any(e.event in gone for e in history if e.milestone is Milestone.DELIVERED):
            return True
    return False
