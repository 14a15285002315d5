"""Carriers that give days only, or the same scan to another precision."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

from relay.domain.event_time import DAY, MINUTE
from relay.domain.history import BEFORE_KEY
from relay.domain.plausibility import NO_TIME
from tests.flow.test_flow import KEY, texts
from tests.support.world import START, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

TODAY = datetime(2026, 8, 1, 3, 0, tzinfo=UTC)
"""00:00 in São Paulo of the day on which the label is printed, at 09:00."""


async def delivered(world: World, *, midnight: bool = False) -> None:
    """Deliver on the day of the dispatch; the carrier reports it in the evening."""
    await world.label(dispatched=START)
    await world.wait(hours=9)
    await world.scan("delivered", TODAY, precision=DAY, midnight=midnight)
    await world.rest()


async def test_a_delivery_on_the_day_of_its_dispatch_reaches_vtex(
    world: World,
) -> None:
    await delivered(world)
    assert (await world.shown()).finished
    assert (await world.puts())[-1]["deliveredDate"] == "2026-08-01T09:00:00-03:00"


async def test_a_delivery_at_exactly_midnight_waits_for_an_operator(
    world: World,
) -> None:
    await delivered(world, midnight=True)
    assert not (await world.shown()).finished
    assert list((await world.quarantined()).values()) == [NO_TIME]


async def test_a_contract_whose_carrier_gives_days_believes_midnight(
    worlds: Worlds,
) -> None:
    async with worlds(contract={"days_only": True}) as world:
        await delivered(world, midnight=True)
        assert (await world.shown()).finished


async def test_a_delivery_from_before_the_month_of_its_key_waits(world: World) -> None:
    await world.label(invoice_key=KEY.value, invoice_references=(KEY,))
    await world.wait(days=1)
    await world.scan("delivered", datetime(2026, 7, 30, tzinfo=UTC), references=[KEY])
    await world.rest()
    assert not (await world.shown()).finished
    assert list((await world.quarantined()).values()) == [BEFORE_KEY]


async def test_a_scan_of_webhook_and_poll_is_published_once(world: World) -> None:
    await world.label(dispatched=START)
    await world.wait(hours=1)
    minute = START + timedelta(minutes=22)
    for at, precision in ((minute, MINUTE), (minute + timedelta(seconds=37), None)):
        more = {"precision": precision} if precision else {}
        await world.scan("in_transit", at, **more)
        await world.rest()
    assert [texts(put)[-1] for put in await world.puts()][1:] == ["in transit"]
