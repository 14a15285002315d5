"""A replica whose clock is off is not ready."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.clock import utcnow
from relay.health import Health
from relay.runtime.monitors import ClockMonitor
from tests.support.clock import Clock


class Server:
    """A database whose clock is so many seconds ahead; None: it does not answer."""

    def __init__(self, clock: Clock, ahead: float | None) -> None:
        self.time = clock
        self.ahead = ahead

    async def clock(self) -> datetime:
        if self.ahead is None:
            raise OSError("gone")
        return self.time() + timedelta(seconds=self.ahead)


@pytest.mark.parametrize(
    ("ahead", "reasons"),
    [
        (0, []),
        (1.9, []),
        (-1.9, []),
        (2.5, ["clock: 2.5 s off the database's clock; check NTP"]),
        (-3, ["clock: 3.0 s off the database's clock; check NTP"]),
    ],
)
async def test_more_than_two_seconds_of_drift_are_a_reason_not_to_be_ready(
    clock: Clock, ahead: float, reasons: list[str]
) -> None:
    health = Health()
    await ClockMonitor(Server(clock, ahead), clock, health).step()
    assert health.reasons() == reasons


async def test_a_clock_that_was_set_right_is_ready_again(clock: Clock) -> None:
    health, server = Health(), Server(clock, 9)
    drift = ClockMonitor(server, clock, health)
    await drift.step()
    server.ahead = 0
    await drift.step()
    assert health.reasons() == []


async def test_the_servers_own_clock_is_measured(postgres: Any) -> None:
    assert await ClockMonitor(postgres, utcnow, Health()).step() < timedelta(seconds=2)


@pytest.mark.parametrize("ahead", [None, 5])
async def test_measuring_goes_on_whatever_happens(
    clock: Clock, ahead: float | None
) -> None:
    drift = ClockMonitor(Server(clock, ahead), clock, health := Health())
    with capture_logs() as lines:
        running = asyncio.create_task(drift.run())
        await asyncio.wait({running}, timeout=0.05)
        (reason,) = health.reasons()
        assert not running.done()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert bool(lines) is (ahead is None)
    assert ("failing (OSError)" in reason) is (ahead is None)
