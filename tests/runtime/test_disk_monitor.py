"""A disk that is nearly full is a reason not to be ready."""

import asyncio
from contextlib import suppress
from pathlib import Path

from relay.health import Health
from relay.runtime.monitors import MIB, DiskMonitor


async def test_a_disk_that_is_nearly_full_is_a_reason_until_there_is_room(
    tmp_path: Path,
) -> None:
    free = [100 * MIB - 1]
    health = Health()
    room = DiskMonitor(tmp_path, health, 100, lambda _: free[0])
    await room.step()
    problem = "disk: nearly full, 99 MiB left"
    hint = "free some space, at least 100 MiB (disk_free_mb)"
    assert health.reasons() == [f"{problem}; {hint}"]
    free[0] = 100 * MIB
    await room.step()
    assert health.reasons() == []


async def test_the_disk_is_looked_at_from_the_start(tmp_path: Path) -> None:
    health = Health()
    running = asyncio.create_task(DiskMonitor(tmp_path, health, 1, lambda _: 0).run())
    await asyncio.sleep(0)
    (reason,) = health.reasons()
    assert reason.startswith("disk: nearly full, 0 MiB left; ")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_real_disk_is_measured(tmp_path: Path) -> None:
    health = Health()
    await DiskMonitor(tmp_path, health, 0).step()
    assert health.reasons() == [], "no limit"
    await DiskMonitor(tmp_path, health, 1 << 40).step()
    assert [r.split(":")[0] for r in health.reasons()] == ["disk"]
