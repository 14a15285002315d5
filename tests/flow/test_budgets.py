"""The budget of calls of a shipment: exchanged invoices, and accounts that append.

That of a usual account is in `test_read_back.py`.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.support.world import INVOICE, ORDER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]
EXCHANGED_AT = 4
Story = Callable[[World], Awaitable[None]]


async def burst(world: World) -> None:
    """Three scans within seconds, an hour after the label."""
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    for milestone in ("picked_up", "in_transit", "out_for_delivery"):
        await world.scan(milestone)
        await world.wait(seconds=1)
    await world.rest()


async def days(world: World) -> None:
    """Nine scans, 20 hours apart, and the delivery."""
    await world.label()
    await world.rest()
    for n in range(9):
        await world.wait(hours=20)
        await world.scan("in_transit", description=f"scan {n}")
    await world.wait(hours=20)
    await world.scan("delivered")
    await world.rest()


async def exchanged(world: World) -> None:
    """A burst, the exchange of the invoice an hour later, and the delivery."""
    await burst(world)
    await world.wait(hours=1)
    await world.vtex.exchange(ORDER, INVOICE, "77")
    await world.scan("delivered")
    await world.rest()


async def exchanged_over_days(world: World) -> None:
    """Four scans, the exchange of the invoice, five scans and the delivery."""
    await world.label()
    await world.rest()
    for n in range(9):
        await world.wait(hours=20)
        if n == EXCHANGED_AT:
            await world.vtex.exchange(ORDER, INVOICE, "77")
        await world.scan("in_transit", description=f"scan {n}")
    await world.wait(hours=20)
    await world.scan("delivered")
    await world.rest()


EXCHANGE = 2
"""Writes that an exchange costs: one that is refused, and the number once more."""
REPAIR = 2
"""Reads that a repair costs: the second sight of a difference, and the outcome."""

BUDGETS = [
    pytest.param(burst, "append", 3, 4, id="burst"),
    pytest.param(days, "append", 12, 6, id="days"),
    pytest.param(exchanged, "merge", 4 + EXCHANGE, 6, id="exchanged"),
    pytest.param(exchanged_over_days, "append", 12 + EXCHANGE, 6, id="both"),
]


@pytest.mark.parametrize(("story", "mode", "writes", "reads"), BUDGETS)
async def test_a_shipment_stays_within_its_budget(
    worlds: Worlds, story: Story, mode: str, writes: int, reads: int
) -> None:
    async with worlds(adopt_invoice_number=True, mode=mode) as world:
        await story(world)
        sent, read = await spent(world)
        assert sent <= writes
        assert read <= reads
        assert await world.fact("stuck_reason") is None


async def test_a_wrong_setting_costs_one_repair(worlds: Worlds) -> None:
    """New events only, in an account that replaces its list: found and repaired once.

    What follows the repair is read back as usual, not after each update.
    """
    how = {"adopt_invoice_number": True, "mode": "replace", "events": "delta"}
    async with worlds(**how) as world:
        await days(world)
        writes, reads = await spent(world)
        assert writes <= 12
        assert reads <= 6 + REPAIR
        assert len((await world.shown()).texts) == 10


async def spent(world: World) -> tuple[int, int]:
    """Return how many writes and reads there were."""
    counts = await world.vtex.counts()
    return counts["patch"] + counts["put"], counts["get"]
