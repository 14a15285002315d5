"""Whether the disk has room left for what comes in."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from relay.health import Health

LEAST: Final = 256 * 1024 * 1024
"""Bytes below which the disk counts as nearly full: the log may grow to 64 MB."""

EVERY: Final = timedelta(seconds=30)
PART: Final = "disk"
MIB: Final = 1024 * 1024


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free where *folder* is."""
    return shutil.disk_usage(folder).free


class Room:
    """Looks at the disk of an SQLite file, at the start and every half minute."""

    def __init__(
        self, folder: Path, health: Health, free: Callable[[Path], int] = free_bytes
    ) -> None:
        self._folder = folder
        self._health = health
        self._free = free

    def step(self) -> None:
        """Look once, and say in the health what was seen."""
        free = self._free(self._folder)
        if free < LEAST:
            self._health.trouble(PART, f"nearly full, {free // MIB} MiB left")
        else:
            self._health.well(PART)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(EVERY.total_seconds())
