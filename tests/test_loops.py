"""Loops rest, pause longer after each failure, and miss no wake-up."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from relay.errors import DatabaseUnavailable
from relay.health import Health
from relay.loops import NOW, LoopTiming, run_forever

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("every", "failures", "seconds"),
    [
        (NOW, 1, 1),
        (timedelta(milliseconds=5), 9, 1),
        (timedelta(seconds=3), 2, 2),
        (timedelta(seconds=3), 3, 3),
        (10 * MINUTE, 1, 1),
        (10 * MINUTE, 5, 16),
        (10 * MINUTE, 7, 60),
        (10 * MINUTE, 10_000, 60),
    ],
)
def test_pauses_double_up_to_the_usual_rest_or_a_minute(
    every: timedelta, failures: int, seconds: int
) -> None:
    assert LoopTiming(every, MINUTE).pause(failures) == timedelta(seconds=seconds)


async def test_a_wake_up_during_a_step_ends_the_next_rest() -> None:
    steps = 0
    wake, done = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        nonlocal steps
        steps += 1
        (wake if steps < 3 else done).set()

    timing = LoopTiming(timedelta(hours=1), MINUTE)
    task = asyncio.create_task(run_forever("reader", step, Health(), timing, wake))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    await asyncio.wait({task})
    assert steps == 3


async def test_a_step_that_hangs_is_no_sign_of_life() -> None:
    now = [0.0]
    health = Health(lambda: now[0])
    hanging = asyncio.Event()

    async def step() -> None:
        hanging.set()
        await asyncio.Event().wait()

    timing = LoopTiming(NOW, MINUTE)
    task = asyncio.create_task(run_forever("reader", step, health, timing))
    await asyncio.wait_for(hanging.wait(), 30)
    now[0] = 61
    assert health.reasons() == ["reader: no successful round for 61 s"]
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnavailable("disk full"),
        ExceptionGroup("accounts", [DatabaseUnavailable("disk full")]),
    ],
)
async def test_an_outage_of_the_database_is_logged_once_a_minute_without_a_traceback(
    error: Exception,
) -> None:
    tries = 0
    done = asyncio.Event()

    async def step() -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            done.set()
        raise error

    timing = LoopTiming(NOW, MINUTE)
    with capture_logs() as lines:
        task = asyncio.create_task(run_forever("reader", step, Health(), timing))
        await asyncio.wait_for(done.wait(), 30)
        task.cancel()
        await asyncio.wait({task})
    (line,) = lines
    assert line["event"] == "database unavailable; retrying"
    assert "exc_info" not in line


async def test_other_errors_beside_an_outage_are_logged_in_full() -> None:
    failed = asyncio.Event()

    async def step() -> None:
        failed.set()
        raise ExceptionGroup("accounts", [DatabaseUnavailable("away"), ValueError()])

    timing = LoopTiming(NOW, MINUTE)
    with capture_logs() as lines:
        task = asyncio.create_task(run_forever("reader", step, Health(), timing))
        await asyncio.wait_for(failed.wait(), 30)
        task.cancel()
        await asyncio.wait({task})
    assert [line["event"] for line in lines] == ["loop failed; retrying"]
