"""Base of writers that callers never wait for: they write at most once a second."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

REST: Final = timedelta(seconds=1)
"""At most one write in this time: a flood of forged requests must not fill the disk."""


class BackgroundWriter:
    """Collects entries, and writes them in a task that ends when none is left.

    Subclasses have `waiting`, and `step`, which writes what waits.
    """

    def __init__(self, rest: timedelta = REST) -> None:
        self._rest = rest.total_seconds()
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    @property
    def waiting(self) -> bool:
        """Whether an entry waits to be written."""
        raise NotImplementedError

    @property
    def resting(self) -> bool:
        """Whether no entry waits, and none is being written."""
        return self._writer is None

    async def step(self) -> None:
        """Write the entries that wait; drop them if that fails."""
        raise NotImplementedError

    def wake(self) -> None:
        """Write soon."""
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Write the entries that still wait; a write under way is not interrupted."""
        self._closing.set()
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        try:
            while self.waiting:
                await self.step()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._rest):
                        await self._closing.wait()
        finally:
            self._writer = None
