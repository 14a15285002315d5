"""What a carrier did, counted day by day: volume, delays, deliveries by state."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from relay.errors import NotFound
from relay.service.access import Caller
from relay.service.statistics import StatisticsQuery
from relay.service.statistics_models import ContractStatistics
from relay.store.statistics import SETTLE, CarrierStatistics
from tests.support.world import CONTRACT, World

ANA = Caller("ana")
ZONES = {CONTRACT: ZoneInfo("America/Sao_Paulo")}


async def counted(world: World) -> ContractStatistics:
    """Count all that is left, and return the statistics."""
    await world.clock.move_to(world.now + SETTLE)
    while await CarrierStatistics(world.database).count(ZONES, world.now):
        pass
    statistics = world.process.relay.services.statistics
    return await statistics.of_contract(ANA, CONTRACT, StatisticsQuery(days=14))


async def delivered(
    world: World, number: int, promised: str, state: str, days: int = 2
) -> None:
    """Register a parcel, and let it arrive after *days* in *state*."""
    order, tracked = f"O-{number}", f"TN{number}"
    left = world.now
    await world.label(order, numbers=tracked, dispatched=left, promised_on=promised)
    await world.rest()
    await world.wait(hours=1)
    await world.scan("in_transit", number=tracked)
    await world.clock.move_to(left + timedelta(days=days))
    at = world.now - timedelta(hours=2)
    await world.scan("delivered", at, number=tracked, state=state, city="X")
    await world.rest()
    assert (await world.shown(order)).finished


async def test_days_weeks_states_and_delays_are_counted_once(world: World) -> None:
    first = await counted(world)
    assert (first.this_week.registered, first.last_week.events) == (0, 0)
    await delivered(world, 1, "2026-08-10", "SP")
    await delivered(world, 2, "2026-08-04", "am", days=6)
    found = await counted(world)
    # Counting again adds nothing, and a restart goes on where it was.
    await world.restart()
    assert (await counted(world)).days == found.days

    assert found.counted_at is not None
    assert len(found.days) == 14
    days = {d.day: (d.registered, d.events, d.delivered, d.late) for d in found.days}
    assert days[date(2026, 8, 1)] == (1, 1, 0, 0)
    assert days[date(2026, 8, 3)] == (1, 2, 1, 0)
    assert days[date(2026, 8, 9)] == (0, 1, 1, 1)
    week = found.this_week
    assert (week.until, week.registered, week.events) == (date(2026, 8, 9), 1, 3)
    assert (week.delivered, week.promised, week.late) == (2, 2, 1)
    assert week.travel_days == 3.9
    assert (found.last_week.registered, found.last_week.delivered) == (1, 0)
    states = [(s.state, s.delivered, s.late, s.travel_days) for s in found.states]
    assert states == [("AM", 1, 1, 5.9), ("SP", 1, 0, 1.9)]
    delays = {one.within: one.events for one in found.delays}
    assert delays == {"15m": 2, "1h": 0, "6h": 2, "24h": 0, "later": 0}
    assert (found.unknown_codes, found.rejections, found.polling) == (0, None, None)
    assert found.last_document_at is not None


async def test_an_unknown_contract_and_one_of_others_are_not_found(
    world: World,
) -> None:
    statistics = world.process.relay.services.statistics
    for caller, name in ((ANA, "other"), (Caller("otto", ["x"]), CONTRACT)):
        with pytest.raises(NotFound, match="not configured"):
            await statistics.of_contract(caller, name, StatisticsQuery())
