"""What is stored becomes the facts that alerts are judged by."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from relay.alerts.facts import FactCollector
from relay.clock import micros
from relay.domain.alert_facts import AccountFacts, ContractFacts
from relay.store.rejected import (
    RejectedBounds,
    RejectedRequest,
    RejectedRequests,
    RejectedTally,
)
from tests.store.making import execute
from tests.support.world import ACCOUNT, CONTRACT, World


async def collected(world: World) -> tuple[ContractFacts, AccountFacts]:
    collector = FactCollector(world.database)
    facts = await collector.collect(world.settings, world.now, world.now)
    [contract], [account] = facts.contracts, facts.accounts
    assert (facts.free_mb is None) is (world.database.dialect == "postgres")
    return contract, account


async def _damage(world: World) -> None:
    """Let all be stuck, one of them lately; two were repaired; polls fail."""
    now, today = micros(world.now), world.now.date().toordinal()
    long_ago = micros(world.now - timedelta(hours=2))
    for sql in (
        f"UPDATE shipments SET stuck_reason = 'no', stuck_at = {long_ago}",  # noqa: S608
        f"UPDATE shipments SET stuck_at = {now} WHERE order_id = 'O-1'",  # noqa: S608
        f"UPDATE shipments SET repaired_at = {now} WHERE order_id <> 'O-2'",  # noqa: S608
        "UPDATE shipments SET repaired_at = 1 WHERE order_id = 'O-2'",
        f"INSERT INTO polls (contract, failures) VALUES ('{CONTRACT}', 7)",  # noqa: S608
        f"UPDATE polls SET day = {today}, used = 9",  # noqa: S608
    ):
        await execute(world.database, sql)


async def test_nothing_stored_is_nothing_wrong(world: World) -> None:
    contract, account = await collected(world)
    expected = ContractFacts(name=CONTRACT, watched_since=world.now)
    assert contract == expected
    assert account == AccountFacts(name=ACCOUNT, read_back_quota=5000)


async def test_each_fact_is_counted_where_it_belongs(worlds: Any) -> None:
    async with worlds(contract={"poll_daily_quota": 10}) as world:
        for number in range(3):
            await world.label(f"O-{number}", numbers=f"TN{number}")
        await world.scan("in_transit", number="TN0")
        await world.clock.move_to(world.now + timedelta(days=8))
        await world.scan("in_transit", number="TN1")
        await _damage(world)
        row = RejectedRequest(CONTRACT, world.now, {}, b"{}", b"", "wrong secret")
        later = replace(row, received_at=world.now + timedelta(seconds=1))
        bounds = RejectedBounds(10_000, world.now)
        tally = {CONTRACT: RejectedTally(world.now, world.now, rejected=2)}
        await RejectedRequests(world.database).put([row, later], bounds, tally)
        contract, account = await collected(world)
        # The first request came at the time of the last good webhook, not later.
        assert contract.rejected == 1
        assert (contract.open, contract.stopped) == (3, 2)
        assert contract.received_at == world.now
        assert contract.rhythm is not None
        assert len(contract.rhythm.active) == 1
        assert (contract.poll_failures, contract.used, contract.quota) == (7, 9, 10)
        assert (account.stuck, account.newly_stuck, account.differences) == (3, 1, 2)
