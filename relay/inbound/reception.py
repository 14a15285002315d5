"""Bodies that are still arriving: how many bytes of them are in memory, and how long.

Anyone can begin a body, because a signature is checked when all of it is there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from relay.config.sections import IntakeSettings as Limits

SMALL: Final = 16 * 1024
"""Bytes of each body that are not counted, so that large bodies cannot keep out the
webhooks of carriers, which are small. The number of connections bounds them."""


class Arrival:
    """The bytes of one body that have arrived so far."""

    def __init__(self, reception: "Reception") -> None:
        self._reception = reception
        self._bytes = self.counted = 0

    def add(self, size: int) -> None:
        """Count *size* bytes more; raise `BacklogFull` if there is no room for them."""
        self._bytes += size
        more = max(self._bytes - SMALL, 0) - self.counted
        if more > 0:
            self.counted += more
            self._reception.count(more)


class Reception:
    """Counts the bytes of all bodies that are arriving.

    *check* raises `BacklogFull` if there is no room for a number of bytes, beside the
    webhooks that wait to be stored.
    """

    def __init__(self, limits: Limits, check: Callable[[int], None]) -> None:
        self.seconds = limits.body_seconds.total_seconds()
        self.bytes = 0
        self._check = check

    @contextmanager
    def arrival(self) -> Iterator[Arrival]:
        """Count a body until the end of the block."""
        arrival = Arrival(self)
        try:
            yield arrival
        finally:
            self.bytes -= arrival.counted

    def check_room(self, size: int) -> None:
        """Raise `BacklogFull` if there is no room for a body of *size* bytes."""
        if size > SMALL:
            self._check(self.bytes + size)

    def count(self, more: int) -> None:
        """Count *more* bytes; raise `BacklogFull` if there is no room for them."""
        self.bytes += more
        self._check(self.bytes)
