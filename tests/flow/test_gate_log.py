"""The log of an account's gates: one line when one closes, one when it opens."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.health import Health
from relay.outbound import gates
from relay.runtime.gate_monitor import GateMonitor
from relay.store.accounts import Accounts, locked
from tests.support.world import ACCOUNT, World


def monitor(world: World) -> GateMonitor:
    return GateMonitor(Accounts(world.database), lambda: world.now, Health())


async def steps(world: World, watching: GateMonitor, seconds: int) -> None:
    """Let time pass, with a step of the monitor every half minute."""
    for _ in range(seconds // 30):
        await world.wait(seconds=30)
        await watching.step()


def gate_lines(logged: list[Any]) -> list[tuple[str, str]]:
    found = [line for line in logged if line["event"].startswith("gate ")]
    assert all(line["account"] == ACCOUNT for line in found)
    return [(line["event"], line["gate"]) for line in found]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_forbidden_account_is_logged_once_although_it_is_probed(
    world: World, status: int
) -> None:
    watching = monitor(world)
    await world.vtex.status(status, call="patch")
    with capture_logs() as logged:
        await world.label()
        await steps(world, watching, 3600)
        assert gate_lines(logged) == [("gate closed", "write_forbidden")]
        [closed] = [line for line in logged if line["event"] == "gate closed"]
        assert closed["log_level"] == "error"
        assert closed["because"].startswith(f"VTEX answered {status}")
        await world.vtex.recover()
        await steps(world, watching, 3600)
    assert gate_lines(logged)[1:] == [("gate opened", "write_forbidden")]
    [opened] = [line for line in logged if line["event"] == "gate opened"]
    assert 3600 - 60 <= opened["after"] <= 3600 + 11 * 60


async def test_the_right_to_read_is_logged_once(world: World) -> None:
    watching = monitor(world)
    await world.vtex.status(403, call="get")
    with capture_logs() as logged:
        await world.label()
        await steps(world, watching, 1800)
    assert gate_lines(logged) == [("gate closed", "read_forbidden")]


async def test_pauses_that_follow_each_other_are_logged_as_one(world: World) -> None:
    watching = monitor(world)
    await world.vtex.status(429)
    with capture_logs() as logged:
        await world.label()
        await steps(world, watching, 1200)
        assert gate_lines(logged) == [("gate closed", "throttled")]
        await world.vtex.recover()
        await steps(world, watching, 600)
    assert gate_lines(logged)[1:] == [("gate opened", "throttled")]


async def test_an_outage_is_logged_once_it_has_lasted_a_minute(world: World) -> None:
    await world.label()
    await world.rest()
    watching = monitor(world)
    with capture_logs() as logged:
        await _amended(world, gates.unavailable(world.now))
        await watching.step()
        await world.wait(seconds=59)
        await watching.step()
        assert gate_lines(logged) == []
        await world.wait(seconds=1)
        await watching.step()
        await _amended(world, gates.accepted(world.now))
        await watching.step()
    assert gate_lines(logged) == [("gate closed", "outage"), ("gate opened", "outage")]


async def test_an_operator_who_opens_the_gates_is_logged(world: World) -> None:
    watching = monitor(world)
    await world.label()
    await world.rest()
    for _ in range(gates.SAME_REFUSALS):
        await _amended(world, gates.refused("bad url"))
    with capture_logs() as logged:
        await watching.step()
        await Accounts(world.database).open(ACCOUNT)
        await world.wait(seconds=30)
        await watching.step()
        await watching.step()
    assert gate_lines(logged) == [("gate closed", "paused"), ("gate opened", "paused")]
    [opened] = [line for line in logged if line["event"] == "gate opened"]
    assert opened["after"] == timedelta(seconds=30).total_seconds()


async def _amended(world: World, amend: gates.Amend) -> None:
    async with world.database.writing() as tx:
        state = await locked(tx, ACCOUNT)
        assert state is not None
        amend(state)
        await tx.run("save_account", **state.columns())


async def test_the_duration_of_each_call_is_observed(world: World) -> None:
    readings = iter([1.0, 1.25, 2.0, 12.0])
    sender = world.process.publisher.sender
    seen: list[Any] = []
    sender.tick = lambda: next(readings)
    sender.on_call = lambda *call: seen.append(call)
    await world.label()
    await world.rest()
    [(_, first, _, read), (account, second, status, sent)] = seen
    assert (first, read) == ("read_order", 0.25)
    assert (account, second, status, sent) == (
        ACCOUNT,
        "send_tracking_number",
        200,
        10.0,
    )


async def test_an_outage_of_writes_alone_is_logged_although_reads_are_answered(
    world: World,
) -> None:
    await world.label()
    await world.rest()
    watching = monitor(world)
    await world.vtex.status(500, call="put")
    with capture_logs() as logged:
        await world.scan("in_transit")
        await steps(world, watching, 1800)
        assert gate_lines(logged) == [("gate closed", "outage")]
        await world.vtex.recover()
        await steps(world, watching, 1800)
    assert gate_lines(logged)[1:] == [("gate opened", "outage")]


async def test_a_withdrawn_permission_closes_the_account_although_reads_are_answered(
    world: World,
) -> None:
    await world.label()
    await world.rest()
    watching = monitor(world)
    await world.vtex.status(403, call="patch")
    with capture_logs() as logged:
        for number in range(2, 5):  # each order is read before its tracking number
            await world.label(f"O-{number}", numbers=f"TN{number}")
        await steps(world, watching, 1800)
    closed = [gate for gate in gate_lines(logged) if gate[1] == "write_forbidden"]
    assert closed == [("gate closed", "write_forbidden")]
    stuck = [await world.fact("stuck_reason", f"O-{n}") for n in range(2, 5)]
    assert stuck == [None] * 3
