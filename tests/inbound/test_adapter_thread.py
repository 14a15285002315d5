"""Adapter code runs in a thread, and one that hangs is reported."""

import threading
from datetime import timedelta

import pytest

from relay.health import Health
from relay.inbound.adapter_thread import AdapterThread, AdapterTimeout, Watchdog

SHORT = Watchdog(timedelta(milliseconds=20))


async def test_work_runs_in_another_thread_and_its_result_is_returned() -> None:
    thread = AdapterThread("reader", Health())
    assert await thread.run(["acme"], threading.get_ident) != threading.get_ident()
    thread.close()


async def test_an_error_of_the_work_is_raised() -> None:
    thread = AdapterThread("reader", Health())
    with pytest.raises(ZeroDivisionError):
        await thread.run(["acme"], divmod, 1, 0)
    thread.close()


async def test_a_hang_is_reported_until_the_next_work_returns() -> None:
    health, held = Health(), threading.Event()
    thread = AdapterThread("reader", health, SHORT)
    with pytest.raises(AdapterTimeout):
        await thread.run(["b", "a", "b"], held.wait)
    problem = "reader: the adapter of a, b did not return within 0.02 s"
    assert health.reasons() == [problem]
    held.set()
    await thread.run(["a"], held.is_set)
    assert health.reasons() == []
    thread.close()


async def test_giving_up_ends_the_process_by_the_watchdog() -> None:
    ended: list[str] = []
    watchdog = Watchdog(on_hang=lambda: ended.append("process"))
    thread = AdapterThread("reader", Health(), watchdog)
    thread.give_up()
    assert ended == ["process"]
    thread.close()
