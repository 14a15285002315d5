"""A disk that is nearly full is a reason not to be ready."""

import asyncio
from contextlib import suppress
from pathlib import Path

from relay.health import Health
from relay.runtime.monitors import LEAST_FREE, DiskMonitor


async def test_a_disk_that_is_nearly_full_is_a_reason_until_there_is_room(
    tmp_path: Path,
) -> None:
    free = [LEAST_FREE - 1]
    health = Health()
    room = DiskMonitor(tmp_path, health, lambda _: free[0])
    await room.step()
    assert health.reasons() == ["disk: nearly full, 255 MiB left; free some space"]
    free[0] = LEAST_FREE
    await room.step()
    assert health.reasons() == []


async def test_the_disk_is_looked_at_from_the_start(tmp_path: Path) -> None:
    health = Health()
    running = asyncio.create_task(DiskMonitor(tmp_path, health, lambda _: 0).run())
    await asyncio.sleep(0)
    assert health.reasons() == ["disk: nearly full, 0 MiB left; free some space"]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_real_disk_is_measured(tmp_path: Path) -> None:
    health = Health()
    await DiskMonitor(tmp_path, health).step()
    assert all(reason.startswith("disk: ") for reason in health.reasons())
