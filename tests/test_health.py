"""Failing or silent loops and reported problems are reasons not to be ready."""

import asyncio
from datetime import timedelta

from relay.health import Health


async def test_a_loop_without_success_is_a_reason() -> None:
    now = [100.0]
    health = Health(lambda: now[0])
    health.expect("reader", timedelta(seconds=30))
    now[0] = 130
    assert health.reasons() == []
    now[0] = 131
    assert health.reasons() == ["reader: no successful round for 31 s"]
    health.succeeded("reader")
    health.succeeded("unexpected")
    assert health.reasons() == []


async def test_a_failing_loop_is_a_reason_until_it_succeeds() -> None:
    health = Health()
    health.expect("reader", timedelta(seconds=30))
    health.failed("reader", OSError("the password is secret"))
    health.failed("unexpected", OSError())
    assert health.reasons() == ["reader: failing (OSError); see the log"]
    health.succeeded("reader")
    assert health.reasons() == []


async def test_a_loop_that_ended_is_a_reason() -> None:
    async def nothing() -> None:
        """End at once."""

    health = Health()
    task = asyncio.create_task(nothing())
    health.expect("reader", timedelta(seconds=30), task)
    assert health.reasons() == []
    await task
    assert health.reasons() == ["reader: the loop ended; restart the relay"]


def test_problems_are_reasons_until_they_are_cleared() -> None:
    health = Health()
    health.report_problem("store", "could not store documents")
    assert health.has_problem("store")
    assert health.reasons() == ["store: could not store documents"]
    health.clear_problem("store")
    health.clear_problem("unknown")
    assert not health.has_problem("store")
    assert health.reasons() == []
