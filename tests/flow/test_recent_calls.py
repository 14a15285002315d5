"""The console says how the latest calls of an account went."""

from datetime import timedelta

from relay.service.access import Caller
from tests.support.world import ACCOUNT, World

OPERATOR = Caller("maria")


async def test_calls_are_counted_by_how_they_ended(world: World) -> None:
    await world.label()
    await world.rest()
    await world.vtex.status(500, times=1)
    await world.scan("in_transit")
    await world.wait(hours=1)
    recent = world.process.relay.services.recent_calls
    now = (await recent.by_account(OPERATOR))[ACCOUNT]
    assert (now.calls >= 3, now.refused, now.failed) == (True, 0, 1)
    assert (now.typical, now.slow) == (0, 0)
    assert now.since == world.now - timedelta(hours=24)

    await world.vtex.status(400, times=1)
    await world.scan("out_for_delivery")
    await world.wait(minutes=5)
    assert (await recent.by_account(OPERATOR))[ACCOUNT].refused == 1

    await world.wait(hours=25)
    assert (await recent.by_account(OPERATOR))[ACCOUNT].calls == 0
    limited = Caller("ana", accounts=["another"])
    assert await recent.by_account(limited) == {}
