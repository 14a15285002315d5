"""How many calls VTEX gets for ten scans; time is moved by hand here."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from relay.store.sqlite import SqliteDatabase
from tests.benchmarks.measuring import Result
from tests.benchmarks.plan import Plan
from tests.support.world import World, living

SCANS: Final = 10


async def calls(plan: Plan) -> list[Result]:
    """Count writes and reads for ten scans, in a burst and over days."""
    burst = await _counted(plan, "burst", _in_a_burst)
    days = await _counted(plan, "days", _over_days)
    return [
        Result("VTEX writes for 10 scans in a burst", "calls", burst[0], wanted="≤ 3"),
        Result("VTEX reads for 10 scans in a burst", "calls", burst[1], wanted="≤ 2"),
        Result("VTEX writes for 10 scans over days", "calls", days[0], wanted="≤ 12"),
    ]


async def _counted(
    plan: Plan, name: str, story: Callable[[World], Awaitable[None]]
) -> tuple[int, int]:
    """Return the writes and the reads that a story makes."""
    database = SqliteDatabase(plan.fresh(name) / "relay.db")
    await database.open(serving=True)
    try:
        async with living(database) as world:
            await world.label()
            await world.work()
            await story(world)
            await world.rest()
            found = await world.vtex.counts()
    finally:
        await database.close()
    return found["patch"] + found["put"], found["get"]


async def _in_a_burst(world: World) -> None:
    """Let the scans come within a second, as a carrier's batch job sends them."""
    await world.wait(hours=20)
    for number in range(SCANS):
        at = world.now - timedelta(hours=SCANS - number)
        await world.scan("in_transit", at)
        await world.wait(milliseconds=100)


async def _over_days(world: World) -> None:
    """Let a scan come every eight hours, the last one of them the delivery."""
    for number in range(SCANS):
        await world.wait(hours=8)
        await world.scan("delivered" if number == SCANS - 1 else "in_transit")
