"""One bad record fails alone: all others are published, in every account."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from relay.domain.labels import Label, LabelParcel
from relay.runtime.wiring import policies
from relay.store.operator_actions import OperatorActions
from relay.store.sweep import Sweep
from tests.store.making import execute
from tests.support.world import ACCOUNT, CONTRACT, GUARD, PAGE, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

FIRST = "aaa"
"""An account that is served before the other one."""

EVENTS = (
    "SELECT p.event FROM event_parcels AS p JOIN shipments AS s "
    "ON s.shipment = p.shipment WHERE s.order_id = 'BAD'"
)
YEAR_1 = -62135596800000000

BAD_ROWS = {
    "an event with an unknown milestone": (
        f"UPDATE events SET milestone = 'teleported' WHERE event IN ({EVENTS})",  # noqa: S608
        "internal error: ValueError: 'teleported' is not a valid Milestone",
    ),
    "a stored write that is cut": (
        "UPDATE shipments SET pending = '{' WHERE order_id = 'BAD'",
        "internal error: ValueError",
    ),
    "a dispatch in the year 1": (
        f"UPDATE shipments SET dispatched_at = {YEAR_1} WHERE order_id = 'BAD'",  # noqa: S608
        "internal error: OverflowError: date value out of range",
    ),
}


async def print_label(world: World, account: str, order: str) -> None:
    """Register a label of any account whose order VTEX has."""
    invoices = [{"invoiceNumber": "1"}]
    body = {"account": ACCOUNT, "orderId": order, "invoices": invoices}
    await world.vtex.ask("POST", "/orders", body)
    label = Label(
        account=account,
        contract=CONTRACT,
        order_id=order,
        invoice_number="1",
        parcels=(LabelParcel(f"TN-{order}"),),
        send_tracking=f"TN-{order}",
        tracking_url=PAGE,
        courier="A Carrier",
    )
    await world.labels.register(label, world.now)


async def print_labels(world: World) -> None:
    for account, order in ((FIRST, "O-1"), (FIRST, "BAD"), (ACCOUNT, "O-2")):
        await print_label(world, account, order)
    await world.rest()
    await world.wait(hours=1)


async def reasons(world: World) -> list[str]:
    found = await execute(
        world.database,
        "SELECT waiting_reason, stuck_reason FROM shipments WHERE order_id = 'BAD'",
    )
    return [found[0]["waiting_reason"], found[0]["stuck_reason"]]


@pytest.mark.parametrize("kind", BAD_ROWS)
async def test_a_shipment_that_cannot_be_planned_fails_alone(
    worlds: Worlds, kind: str
) -> None:
    damage, because = BAD_ROWS[kind]
    async with worlds(other_account=FIRST) as world:
        await print_labels(world)
        for order in ("BAD", "O-1", "O-2"):
            await world.scan("picked_up", number=f"TN-{order}")
        await execute(world.database, damage)
        with capture_logs() as logs:
            await world.wait(minutes=1)
        for order in ("O-1", "O-2"):
            assert (await world.shown(order)).texts == [GUARD, "picked up"]
        waiting, stuck = await reasons(world)
        assert waiting.startswith(because)
        assert stuck is None
        failures = [line for line in logs if line["event"] == "planning failed"]
        assert {(f["order"], f["invoice"]) for f in failures} == {("BAD", "1")}
        assert all(f["shipment"] and f["exc_info"] for f in failures)
        text = world.process.relay.metrics.text().decode()
        assert f'relay_planning_failures_total{{account="{FIRST}"}}' in text


async def test_it_is_left_to_an_operator_after_many_tries(worlds: Worlds) -> None:
    damage, because = BAD_ROWS["a dispatch in the year 1"]
    async with worlds(other_account=FIRST) as world:
        await print_labels(world)
        await world.scan("picked_up", number="TN-BAD")
        await execute(world.database, damage)
        tried = "UPDATE shipments SET attempts = 11 WHERE order_id = 'BAD'"
        await execute(world.database, tried)
        with capture_logs():
            await world.rest()
        assert await reasons(world) == [because, because]
        await execute(
            world.database,
            "UPDATE shipments SET dispatched_at = NULL WHERE order_id = 'BAD'",
        )
        (row,) = await execute(
            world.database, "SELECT id FROM shipments WHERE order_id = 'BAD'"
        )
        actions = OperatorActions(world.database)
        await actions.retry(row["id"], "operator", world.now)
        await world.rest()
        assert (await world.shown("BAD")).texts == [GUARD, "picked up"]


async def test_an_account_that_cannot_be_claimed_from_fails_alone(
    worlds: Worlds,
) -> None:
    async with worlds(other_account=FIRST) as world:
        await print_labels(world)
        for order in ("O-1", "O-2"):
            await world.scan("picked_up", number=f"TN-{order}")
        most = (1 << 63) - 1
        sql = f"UPDATE accounts SET claims = {most} WHERE account = '{FIRST}'"  # noqa: S608
        await execute(world.database, sql)
        await world.clock.move_to(world.now + world.process.relay.terms.pace.longest)
        with (
            capture_logs() as logs,
            pytest.raises(ExceptionGroup, match="some accounts failed"),
        ):
            await world.process.publisher.step()
        await world.process.publisher.drain()
        assert (await world.shown("O-2")).texts == [GUARD, "picked up"]
        assert (await world.shown("O-1")).texts == []
        failed = [e["account"] for e in logs if e["event"] == "account failed"]
        assert failed == [FIRST]


async def test_the_sweep_goes_on_past_a_bad_row(worlds: Worlds) -> None:
    damage, _ = BAD_ROWS["an event with an unknown milestone"]
    async with worlds(other_account=FIRST) as world:
        await print_labels(world)
        await world.scan("picked_up", number="TN-BAD")
        await world.rest()
        await execute(world.database, damage)
        settings = world.settings
        sweep = Sweep(
            world.database,
            policies(settings),
            settings.accounts,
            lambda _: timedelta(minutes=30),
        )
        swept = await sweep.slice(0, world.now)
        ids = "SELECT id, order_id FROM shipments"
        orders = {r["id"]: r["order_id"] for r in await execute(world.database, ids)}
        assert [orders[i] for i in swept.found] == ["BAD"], "it is reported when due"
        assert sorted(orders[i] for i in swept.expired) == ["O-1", "O-2"]
