"""Reading back: a 200 proves nothing, so orders are read, and repaired once."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import moment
from relay.store.operator_actions import OperatorActions
from tests.support.world import GUARD, INVOICE, NUMBER, ORDER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]


async def in_transit(world: World) -> None:
    """Bring a parcel so far that VTEX accepted its first scan."""
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(minutes=1)


async def reads(world: World) -> int:
    return (await world.vtex.counts())["get"]


async def writes(world: World) -> int:
    counts = await world.vtex.counts()
    return counts["patch"] + counts["put"]


async def notes(world: World) -> list[str]:
    shipment = await world.fact("shipment")
    async with world.database.reading() as tx:
        rows = await tx.rows("notes_of_shipment", shipment=shipment, limit=100)
    return [row["text"] for row in rows]


# Verified


async def test_a_delivery_is_read_back_at_once(worlds: Worlds) -> None:
    async with worlds(read_back="deliveries") as world:
        await in_transit(world)
        await world.wait(hours=5)
        before = await reads(world)
        await world.scan("delivered")
        await world.wait(seconds=5)
        assert (await world.shown()).finished
        assert await reads(world) == before + 1
        verified = moment(await world.fact("verified_at"))
        assert world.now - verified < timedelta(seconds=5)
        assert await world.fact("closed_reason") == "delivered"


async def test_the_last_update_of_a_burst_is_read_back_later(world: World) -> None:
    await in_transit(world)
    assert await world.fact("verified_at") is not None  # the account's first
    for minute in range(5):
        await world.wait(minutes=minute)
        await world.scan("in_transit", description=f"scan {minute}")
        await world.wait(seconds=5)
    before = await reads(world)
    assert await world.fact("verified_at") is None
    await world.wait(minutes=58)
    assert await reads(world) == before
    await world.wait(minutes=3)
    assert await reads(world) == before + 1
    assert await world.fact("verified_at") is not None


async def test_the_quota_limits_what_is_read_back(worlds: Worlds) -> None:
    async with worlds(read_backs_per_day=2) as world:
        await in_transit(world)
        await world.wait(hours=3)
        before = await reads(world)
        for n in range(2, 6):
            await world.label(order=f"O-{n}", numbers=f"TN{n}")
            await world.scan("picked_up", number=f"TN{n}")
            await world.wait(minutes=1)
        await world.wait(hours=3)
        assert await reads(world) == before + 4 + 1  # four order checks
        await world.wait(days=1)
        await world.scan("in_transit", number="TN5")
        await world.wait(hours=3)
        assert await world.fact("verified_at", "O-5") is not None


async def test_nothing_is_read_back_where_it_is_off(worlds: Worlds) -> None:
    async with worlds(read_back="off") as world:
        await in_transit(world)
        await world.scan("delivered")
        await world.rest()
        assert await reads(world) == 1
        assert await world.fact("verified_at") is None
        assert await world.fact("closed_reason") == "delivered"


async def test_without_the_right_to_read_nothing_is_verified(world: World) -> None:
    await world.vtex.status(403, call="get")
    await in_transit(world)
    await world.scan("delivered")
    await world.rest()
    assert await world.fact("closed_reason") == "delivered"
    assert await world.fact("verified_at") is None


# Differences


@pytest.mark.parametrize("mode", ["merge", "replace"])
async def test_an_update_that_vanished_is_sent_again(worlds: Worlds, mode: str) -> None:
    async with worlds(mode=mode) as world:
        await in_transit(world)
        await world.wait(hours=2)
        await world.vtex.fault("vanish", call="put", times=1)
        await world.scan("in_transit")
        await world.wait(minutes=1)
        assert (await world.shown()).texts == [GUARD, "picked up"]
        await world.wait(minutes=65)
        assert "events: sent" in await world.fact("waiting_reason")
        await world.rest()
        assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]
        assert await world.fact("verified_at") is not None
        assert await world.fact("stuck_reason") is None
        assert any(text.startswith("sent again: events") for text in await notes(world))
        assert await world.vtex.complaints() == []


async def test_a_delivery_that_vanished_is_sent_again(world: World) -> None:
    await in_transit(world)
    await world.vtex.fault("vanish", call="put", times=1)
    await world.scan("delivered")
    await world.rest()
    assert (await world.shown()).finished
    assert await world.fact("closed_reason") == "delivered"
    assert await world.fact("verified_at") is not None


async def test_a_scan_that_vanished_before_the_delivery_is_sent_again(
    worlds: Worlds,
) -> None:
    async with worlds(events="delta") as world:
        await in_transit(world)
        await world.wait(hours=2)
        await world.vtex.fault("vanish", call="put", times=1)
        await world.scan("in_transit")
        await world.wait(minutes=1)
        await world.scan("delivered")
        await world.rest()
        shown = await world.shown()
        assert shown.texts == [GUARD, "picked up", "in transit", "delivered"]
        assert shown.finished
        assert await world.fact("closed_reason") == "delivered"
        assert await world.fact("verified_at") is not None
        assert (await world.vtex.emails()).count(f"delivered {INVOICE}") == 1


async def test_a_difference_counts_only_if_it_is_shown_twice(world: World) -> None:
    await in_transit(world)
    await world.vtex.fault("stale", call="get", times=1)
    await world.scan("delivered")
    await world.wait(seconds=5)
    before = await writes(world)
    assert await world.fact("difference_at") is not None
    await world.wait(minutes=9)
    assert await world.fact("verified_at") is None
    await world.rest()
    assert await writes(world) == before
    assert await world.fact("verified_at") is not None
    assert await world.fact("difference_at") is None


async def test_a_number_that_another_system_changed_is_sent_once_more(
    world: World,
) -> None:
    await in_transit(world)
    await world.vtex.set_number("OTHER")
    await world.scan("delivered")
    await world.rest()
    shown = await world.shown()
    assert shown.tracking_number == NUMBER
    assert len(await world.patches()) == 3  # one is the other system's
    assert await world.fact("closed_reason") == "delivered"
    assert await world.fact("verified_at") is not None


async def test_a_number_that_is_always_changed_back_is_stuck(world: World) -> None:
    await in_transit(world)
    await world.vtex.set_number("OTHER")
    await world.vtex.fault("vanish", call="patch")
    await world.scan("delivered")
    before = await writes(world)
    await world.rest()
    because = await world.fact("stuck_reason")
    assert "another system writes this invoice" in because
    assert f"trackingNumber: sent '{NUMBER}', VTEX shows 'OTHER'" in because
    assert await writes(world) == before + 2  # the delivery, and one repair
    await world.vtex.recover()
    await OperatorActions(world.database).retry(
        await world.fact("id"), "someone", world.now
    )
    await world.rest()
    assert (await world.shown()).tracking_number == NUMBER
    assert await world.fact("stuck_reason") is None
    assert await world.fact("verified_at") is not None


async def test_updates_that_always_vanish_are_stuck_with_both_values(
    world: World,
) -> None:
    await in_transit(world)
    await world.vtex.fault("vanish", call="put")
    await world.scan("delivered")
    await world.rest()
    because = await world.fact("stuck_reason")
    assert "finished: sent true, VTEX shows false" in because
    assert "'delivered', VTEX shows 2 events without them" in because
    assert len(await world.puts()) == 4


async def test_a_number_that_vanished_is_sent_again_by_a_retry(world: World) -> None:
    await world.vtex.fault("vanish", call="patch", times=1)
    await world.label()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(minutes=1)
    assert "has no tracking number" in await world.fact("stuck_reason")
    await OperatorActions(world.database).retry(
        await world.fact("id"), "someone", world.now
    )
    await world.rest()
    shown = await world.shown()
    assert shown.tracking_number == NUMBER
    assert "picked up" in shown.texts
    assert await world.fact("stuck_reason") is None


async def test_a_delivery_of_another_system_is_not_undone(world: World) -> None:
    await in_transit(world)
    await world.scan("in_transit")
    await world.wait(minutes=1)
    await world.vtex.publish((world.now, "Entregue"), delivered=True)
    await world.rest()
    because = await world.fact("stuck_reason")
    assert "finished: sent false, VTEX shows true" in because
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize(
    "fault", [{"kind": "cut_before"}, {"kind": "status", "status": 404}]
)
async def test_a_delivery_that_any_read_shows_is_never_taken_back(
    world: World, fault: dict[str, Any]
) -> None:
    await in_transit(world)
    await world.vtex.publish((world.now, "Entregue"), delivered=True)
    await world.vtex.fault(**fault, call="put", times=1)
    await world.scan("out_for_delivery")
    actions = OperatorActions(world.database)
    for _ in range(2):
        await world.rest()
        assert (await world.shown()).finished
        because = await world.fact("stuck_reason")
        assert "delivery that another system wrote" in because
        await actions.retry(await world.fact("id"), "someone", world.now)
    await world.wait(hours=1)
    await world.scan("delivered")
    await actions.retry(await world.fact("id"), "someone", world.now)
    await world.rest()
    assert await world.fact("closed_reason") == "delivered"
    assert (await world.shown()).texts[-1] == "delivered"
    assert await world.vtex.complaints() == []


async def test_a_new_event_does_not_undo_a_delivery_that_was_seen_once(
    world: World,
) -> None:
    await in_transit(world)
    await world.scan("in_transit")
    await world.wait(minutes=50)
    await world.vtex.publish((world.now, "Entregue"), delivered=True)
    await world.wait(minutes=15)
    assert await world.fact("difference_at") is not None
    await world.scan("out_for_delivery")
    await world.rest()
    assert (await world.shown()).finished
    assert await world.fact("stuck_reason") is not None
    assert await world.vtex.complaints() == []


async def test_a_new_event_does_not_wait_for_a_difference(world: World) -> None:
    await in_transit(world)
    await world.wait(hours=2)
    await world.vtex.fault("vanish", call="put", times=1)
    await world.scan("in_transit")
    await world.wait(minutes=62)
    assert await world.fact("difference_at") is not None
    await world.scan("delivered")
    await world.wait(seconds=5)
    assert (await world.shown()).texts == [
        GUARD,
        "picked up",
        "in transit",
        "delivered",
    ]
    assert (await world.shown()).finished


@pytest.mark.parametrize("event_time", ["offset", "utc", "local"])
async def test_every_form_of_times_is_verified(worlds: Worlds, event_time: str) -> None:
    async with worlds(event_time=event_time) as world:
        await in_transit(world)
        await world.scan("delivered")
        await world.rest()
        assert await world.fact("verified_at") is not None
        assert await world.fact("repaired_at") is None


async def test_an_exchange_is_noticed_when_the_order_is_read_back(
    worlds: Worlds,
) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await in_transit(world)
        await world.scan("in_transit")
        await world.wait(minutes=1)
        await world.vtex.exchange(ORDER, INVOICE, "77")
        await world.rest()
        shown = await world.shown(invoice="77")
        assert shown.tracking_number == NUMBER
        assert shown.texts == ["picked up", "in transit"]
        assert await world.fact("verified_at") is not None


# What updates do to VTEX's list


async def test_an_account_that_appends_gets_new_events_only(worlds: Worlds) -> None:
    async with worlds(mode="append") as world:
        await in_transit(world)
        account = await world.account()
        assert account.list_mode == "appends"
        assert f"order {ORDER}, invoice {INVOICE}, 2 updates" in (
            account.list_mode_evidence or ""
        )
        assert any(
            "update appends to VTEX's list" in text for text in await notes(world)
        )
        await world.scan("in_transit")
        await world.wait(hours=1)
        await world.scan("delivered")
        await world.rest()
        shown = (await world.shown()).texts
        assert shown == [GUARD, GUARD, "picked up", "in transit", "delivered"]
        await world.label(order="O-2", numbers="TN2")
        await world.scan("picked_up", number="TN2")
        await world.rest()
        assert (await world.shown("O-2")).texts == [GUARD, "picked up"]
        assert await world.fact("stuck_reason") is None
        assert await world.vtex.complaints() == []


async def test_an_update_that_vanished_does_not_look_like_replacing(
    worlds: Worlds,
) -> None:
    async with worlds(mode="append") as world:
        await in_transit(world)
        await world.label(order="O-2", numbers="TN2")
        await world.scan("picked_up", number="TN2")
        await world.wait(hours=2)
        await world.vtex.fault("vanish", call="put", times=1)
        await world.scan("in_transit", number="TN2")
        await world.wait(minutes=1)
        await world.scan("out_for_delivery", number="TN2")
        await world.rest()
        assert (await world.account()).list_mode == "appends"
        shown = (await world.shown("O-2")).texts
        assert shown == [GUARD, "picked up", "in transit", "out for delivery"]


@pytest.mark.parametrize("mode", ["merge", "replace"])
async def test_an_account_that_shows_each_event_once_gets_all(
    worlds: Worlds, mode: str
) -> None:
    async with worlds(mode=mode) as world:
        await in_transit(world)
        assert (await world.account()).list_mode == "replaces_or_merges"
        await world.scan("delivered")
        await world.rest()
        texts = [e["description"] for e in (await world.puts())[-1]["events"]]
        assert texts == [GUARD, "picked up", "delivered"]


@pytest.mark.parametrize(
    ("mode", "learned"), [("merge", "merges"), ("replace", "replaces")]
)
async def test_events_of_another_system_tell_replacing_from_merging(
    worlds: Worlds, mode: str, learned: str
) -> None:
    async with worlds(mode=mode) as world:
        await world.vtex.order(ORDER, INVOICE, trackingNumber="OTHER")
        earlier = world.now - timedelta(hours=5)
        await world.vtex.publish((earlier, "Objeto postado"))
        await world.label(invoiced=False)
        await world.scan("picked_up")
        await world.rest()
        account = await world.account()
        assert account.list_mode == learned
        assert "another system" in (account.list_mode_evidence or "")


async def test_an_account_that_replaces_gets_all_events_again(worlds: Worlds) -> None:
    async with worlds(mode="replace", events="delta") as world:
        await in_transit(world)
        assert (await world.account()).list_mode == "replaces"
        await world.scan("in_transit")
        await world.rest()
        assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


async def test_an_account_is_learned_from_one_shipment_only(world: World) -> None:
    await in_transit(world)
    before = await reads(world)
    await world.label(order="O-2", numbers="TN2")
    await world.scan("picked_up", number="TN2")
    await world.wait(minutes=1)
    assert await reads(world) == before + 1  # its order check


# The budget of calls


async def test_a_burst_costs_three_writes_and_four_reads(world: World) -> None:
    await world.label()
    await world.rest()
    scans = [
        world.event("picked_up", world.now - timedelta(seconds=9)),
        world.event("in_transit", world.now - timedelta(seconds=6)),
        world.event("out_for_delivery", world.now - timedelta(seconds=3)),
    ]
    await world.wait(hours=1)
    await world.report(scans)
    await world.rest()
    assert await writes(world) == 3
    assert await reads(world) <= 4


async def test_days_cost_twelve_writes_and_six_reads(world: World) -> None:
    await world.label()
    await world.rest()
    for n in range(9):
        await world.wait(hours=20)
        await world.scan("in_transit", description=f"scan {n}")
    await world.wait(hours=20)
    await world.scan("delivered")
    await world.rest()
    assert await writes(world) <= 12
    assert await reads(world) <= 6
    assert await world.fact("verified_at") is not None


async def test_a_repair_costs_no_more_than_a_few_calls(world: World) -> None:
    await in_transit(world)
    spent: list[Any] = [await writes(world), await reads(world)]
    await world.vtex.fault("vanish", call="put", times=1)
    await world.scan("delivered")
    await world.rest()
    assert await writes(world) - spent[0] == 2
    assert await reads(world) - spent[1] == 3
