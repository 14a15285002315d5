"""Loops say that they live; silence is a reason not to be ready."""

import asyncio
from datetime import timedelta

from relay.health import Health


async def test_a_loop_that_is_silent_is_a_reason() -> None:
    now = [100.0]
    health = Health(lambda: now[0])
    health.expect("reader", timedelta(seconds=30))
    now[0] = 130
    assert health.reasons() == []
    now[0] = 131
    assert health.reasons() == ["reader: no sign of life for 31 s"]
    health.beat("reader")
    health.beat("nobody")
    assert health.reasons() == []


async def test_a_loop_that_ended_is_a_reason() -> None:
    async def nothing() -> None:
        """End at once."""

    health = Health()
    task = asyncio.create_task(nothing())
    health.expect("reader", timedelta(seconds=30), task)
    assert health.reasons() == []
    await task
    assert health.reasons() == ["reader: its loop ended"]


def test_troubles_are_told_until_they_are_over() -> None:
    health = Health()
    health.trouble("store", "it refuses")
    assert health.troubled("store")
    assert health.reasons() == ["store: it refuses"]
    health.well("store")
    health.well("nobody")
    assert not health.troubled("store")
    assert health.reasons() == []
