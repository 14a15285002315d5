"""After a published delivery: what contradicts it is shown, and can be corrected."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from relay.domain.event_time import DAY
from relay.domain.labels import ResendOrder
from relay.outbound.readback import STILL_DELIVERED
from relay.store.operator_actions import OperatorActions, resend
from relay.store.work_counts import counts
from relay.store.worklist_queries import WorkList
from relay.store.worklists import WorkListFilter, WorkLists
from tests.support.world import ACCOUNT, GUARD, START, World

ZONES = {ACCOUNT: ZoneInfo("America/Sao_Paulo")}


async def delivered(world: World) -> str:
    """Deliver a parcel; return the shipment's id."""
    label = await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(hours=1)
    await world.scan("delivered")
    await world.rest()
    assert (await world.shown()).finished
    await world.wait(hours=1)
    return label.id


async def contradicted(world: World) -> list[str]:
    """Return the reasons on the work list."""
    page = await WorkLists(world.database).page(
        WorkList.CONTRADICTED, WorkListFilter(ZONES), world.now, limit=10
    )
    return [row["contradicted_reason"] for row in page.rows]


async def drop(world: World, code: str) -> tuple[str, ...]:
    """Let an operator drop the event with a code."""
    async with world.database.reading() as tx:
        rows = await tx.rows(
            "events_of_shipments",
            rows=f'[{{"shipment": {await world.fact("shipment")}}}]',
        )
    [number] = [row["event"] for row in rows if row["code"] == code]
    actions = OperatorActions(world.database)
    done = await actions.decide(number, "dropped", "operator", world.now)
    return done.warnings


async def resend_by_force(world: World, id_: str, **what: Any) -> None:
    order = ResendOrder(force=True, **what)
    await resend(world.database, id_, order, "operator", world.now)


@pytest.mark.parametrize(
    "milestone", ["delivery_failed", "out_for_delivery", "returned", "lost"]
)
async def test_a_scan_that_contradicts_a_delivery_is_an_alert_and_listed(
    world: World, milestone: str
) -> None:
    await delivered(world)
    puts = len(await world.puts())
    with capture_logs() as logged:
        await world.scan(milestone)
        await world.rest()
        await world.scan(milestone, at=world.now + timedelta(seconds=30))
        await world.wait(minutes=10)
        await world.rest()
    [alert] = [line for line in logged if line["event"] == "alert"]
    assert milestone in alert["because"]
    [reason] = await contradicted(world)
    assert reason == alert["because"]
    found = await counts(world.database, ZONES, world.now)
    assert found.contradicted == {ACCOUNT: 1}
    assert len(await world.puts()) == puts
    assert (await world.shown()).finished


async def test_a_scan_of_the_day_of_a_second_delivery_contradicts_nothing(
    world: World,
) -> None:
    id_ = await delivered(world)
    day = world.now.replace(hour=3, minute=0, second=0)  # 00:00 in São Paulo
    at_night = world.event("delivered", day, carrier_code="D2")
    await world.report([at_night.model_copy(update={"precision": DAY})])
    await world.scan("delivery_failed")
    await world.rest()
    assert id_
    assert await contradicted(world) == []


async def test_a_second_delivery_settles_the_contradiction(world: World) -> None:
    await delivered(world)
    await world.scan("delivery_failed")
    await world.rest()
    assert await contradicted(world)
    await world.wait(hours=2)
    await world.scan("delivered", carrier_code="D2")
    await world.rest()
    assert await contradicted(world) == []


async def test_dropping_the_contradicting_event_settles_it(world: World) -> None:
    await delivered(world)
    await world.scan("delivery_failed")
    await world.rest()
    assert await drop(world, "delivery_failed") == ()
    await world.rest()
    assert await contradicted(world) == []


async def test_a_dropped_delivery_is_listed_until_vtex_is_corrected(
    world: World,
) -> None:
    await delivered(world)
    [warning] = await drop(world, "delivered")
    assert "resend it with force" in warning
    await world.rest()
    assert await contradicted(world) == [
        "the delivery that VTEX shows was dropped by an operator"
    ]


@pytest.mark.parametrize("what", [{}, {"events": False}, {"tracking": False}])
async def test_a_false_delivery_is_taken_back_by_force(
    world: World, what: dict[str, bool]
) -> None:
    id_ = await delivered(world)
    await drop(world, "delivered")
    await world.rest()
    await resend_by_force(world, id_, **what)
    await world.rest()
    last = (await world.puts())[-1]
    assert (last["isDelivered"], last["deliveredDate"]) == (False, None)
    shown = await world.shown()
    assert not shown.finished
    assert shown.texts[:2] == [GUARD, "picked up"]
    assert await contradicted(world) == []
    assert await world.fact("closed_reason") is None


async def test_the_parcel_can_be_delivered_after_that(world: World) -> None:
    id_ = await delivered(world)
    await drop(world, "delivered")
    await resend_by_force(world, id_)
    await world.rest()
    await world.wait(hours=3)
    await world.scan("delivered", carrier_code="D2")
    await world.rest()
    assert (await world.shown()).finished
    assert await world.fact("taking_back") is None
    assert await world.fact("closed_reason") == "delivered"


async def test_a_delivery_that_the_carrier_withdrew_can_be_taken_back(
    world: World,
) -> None:
    id_ = await delivered(world)
    await world.scan("exception", carrier_code="TB", effect="rollback")
    await world.rest()
    assert (await world.shown()).finished
    await resend_by_force(world, id_)
    await world.rest()
    assert not (await world.shown()).finished


async def test_a_delivery_that_vtex_keeps_is_stuck_and_says_so(world: World) -> None:
    """A 200 proves nothing: the order is read."""
    id_ = await delivered(world)
    await drop(world, "delivered")
    await world.vtex.fault("vanish", call="put")
    await resend_by_force(world, id_)
    await world.rest()
    assert await world.fact("stuck_reason") == STILL_DELIVERED
    await world.vtex.recover()
    # The order is corrected in VTEX; the operator retries.
    await world.vtex.publish((START, "picked up"))
    await OperatorActions(world.database).retry(id_, "operator", world.now)
    await world.rest()
    assert await world.fact("stuck_reason") is None
    assert await world.fact("taking_back") is None


async def test_without_permission_to_read_it_is_still_sent(world: World) -> None:
    id_ = await delivered(world)
    await drop(world, "delivered")
    await world.vtex.status(403, call="get")
    await resend_by_force(world, id_)
    await world.rest()
    assert not (await world.shown()).finished
