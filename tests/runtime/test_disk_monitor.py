"""A disk that is nearly full is a reason not to be ready."""

import asyncio
from contextlib import suppress
from pathlib import Path

from relay.health import Health
from relay.runtime.monitors import LEAST, DiskMonitor


def test_a_disk_that_is_nearly_full_is_a_reason_until_there_is_room(
    tmp_path: Path,
) -> None:
    free = [LEAST - 1]
    health = Health()
    room = DiskMonitor(tmp_path, health, lambda _: free[0])
    room.step()
    assert health.reasons() == ["disk: nearly full, 255 MiB left"]
    free[0] = LEAST
    room.step()
    assert health.reasons() == []


async def test_the_disk_is_looked_at_from_the_start(tmp_path: Path) -> None:
    health = Health()
    running = asyncio.create_task(DiskMonitor(tmp_path, health, lambda _: 0).run())
    await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert health.reasons() == ["disk: nearly full, 0 MiB left"]


def test_a_real_disk_is_measured(tmp_path: Path) -> None:
    health = Health()
    DiskMonitor(tmp_path, health).step()
    assert all(reason.startswith("disk: ") for reason in health.reasons())
