"""A process whose loops stand still is ended; one that fails and retries is not."""

import asyncio
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from relay.health import STANDSTILL, Health
from relay.runtime.standstill import EVENT_LOOP_LIMIT, StandstillGuard

MINUTE = timedelta(minutes=1)


class Ticks:
    """A monotonic clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def supervised(ticks: Ticks) -> tuple[Health, StandstillGuard]:
    health = Health(ticks)
    health.expect("reader", MINUTE)
    return health, StandstillGuard(health, lambda: None, ticks)


@pytest.mark.parametrize("ends", ["succeeded", "failed"])
def test_a_loop_that_ends_its_rounds_is_alive_even_if_they_fail(ends: str) -> None:
    ticks = Ticks()
    health, supervisor = supervised(ticks)
    for _ in range(10):
        ticks.now += STANDSTILL * 60
        assert health.standstill() is None
        error = () if ends == "succeeded" else (OSError(),)
        getattr(health, ends)("reader", *error)
    assert supervisor.problem() == "the event loop was blocked for 1800 s"


def test_a_loop_without_the_end_of_a_round_stands_still() -> None:
    ticks = Ticks()
    health, _ = supervised(ticks)
    ticks.now += STANDSTILL * 60 + 1
    assert health.standstill() == "reader: no round ended for 181 s"


def test_a_stop_may_take_only_so_long() -> None:
    ticks = Ticks()
    _, supervisor = supervised(ticks)
    supervisor.stop_within(MINUTE)
    ticks.now += 60
    assert supervisor.problem() is None
    ticks.now += 1
    assert supervisor.problem() == "stopping took too long"


async def test_a_blocked_event_loop_is_noticed_by_the_thread() -> None:
    ticks, ended = Ticks(), threading.Event()
    every = timedelta(milliseconds=1)
    supervisor = StandstillGuard(Health(ticks), ended.set, ticks, every)
    running = asyncio.create_task(supervisor.run())
    await asyncio.sleep(0)
    ticks.now += EVENT_LOOP_LIMIT.total_seconds() + 1
    assert ended.wait(20), "this blocks the event loop"
    running.cancel()
    supervisor.close()


HANGING = """
import asyncio
from datetime import timedelta
from relay.health import Health
from relay.runtime.standstill import StandstillGuard
from relay.runtime.wiring import exit_hung

async def main():
    health = Health()
    health.expect("reader", timedelta(0))
    await StandstillGuard(health, exit_hung, every=timedelta(milliseconds=1)).run()

asyncio.run(main())
"""


def test_the_process_ends_with_a_code_and_says_where_it_stood() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 70
    assert b"reader: no round ended" in ended.stdout + ended.stderr
    assert b"most recent call first" in ended.stderr
