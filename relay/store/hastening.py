"""News that cannot wait: its parcel is asked for soon, whatever was planned."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros
from relay.store.database import Transaction
from relay.store.found import Found
from relay.store.spelling import ids
from relay.tracking import Milestone

URGENT_MILESTONES: Final = frozenset({Milestone.OUT_FOR_DELIVERY})
SOON: Final = timedelta(minutes=5)
"""At the latest then the poller plans anew."""


async def hasten(tx: Transaction, new: Iterable[Found], now: datetime) -> None:
    """Bring forward the polls of parcels of which *new* events are urgent."""
    urgent = [f.number for f in new if f.event.milestone in URGENT_MILESTONES]
    if urgent:
        soon = micros(now + SOON)
        await tx.run("hasten_polls", rows=ids("event", urgent), soon=soon)
