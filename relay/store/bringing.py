"""News of shipments: they become due, and it is known when a carrier was heard."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros
from relay.store.database import Transaction
from relay.store.spelling import ids

MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long news waits for more of it, and for how long at the most."""

    quiet: timedelta = timedelta(seconds=3)
    longest: timedelta = timedelta(seconds=10)


async def bring_news(
    tx: Transaction,
    shipments: Iterable[int],
    now: datetime,
    pace: Pace,
    *,
    heard: bool = False,
) -> None:
    """Make shipments due for what just became known, after the quiet time.

    *heard*: a carrier said it just now. Else a label or a person brought it, and
    when the carrier was last heard of is looked up.
    """
    wanted = ids("shipment", shipments)
    if wanted == "[]":
        return
    await tx.run("lock_shipments", rows=wanted)
    await tx.run(
        "bring_news",
        rows=wanted,
        now=micros(now),
        quiet=pace.quiet // MICROSECOND,
        longest=pace.longest // MICROSECOND,
        heard=int(heard),
    )
    if not heard:
        await tx.run("heard_of", rows=wanted)
