"""Where rules are applied: large shipments in a thread, so that the loop goes on."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from relay.domain.shipment import Snapshot

T = TypeVar("T")

LARGE: Final = 100
"""The size from which it takes milliseconds; changing to a thread takes 0.1 ms."""


def size_of(snapshot: Snapshot) -> int:
    """Return what the work for a shipment grows with.

    Events of the whole invoice count once per parcel.
    """
    return len(snapshot.events) * snapshot.volumes + len(snapshot.published)


async def compute(snapshot: Snapshot, work: Callable[[], T]) -> T:
    """Return what *work* on a shipment returns; of a large one it runs in a thread.

    With thousands of events it takes up to a second.
    """
    if size_of(snapshot) < LARGE:
        return work()
    return await asyncio.to_thread(work)
