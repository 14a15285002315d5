"""Going live, as sentences: parcels on the road, second carriers, telling again."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from tests.world import ACCOUNT, GUARD, INVOICE, NUMBER, ORDER, PAGE, START, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHOWN = {
    "trackingNumber": NUMBER,
    "trackingUrl": f"{PAGE}{NUMBER}",
    "courier": "A Carrier",
}


async def told_by_others(
    world: World, *events: tuple[datetime, str], delivered: bool = False
) -> int:
    """Let another integration tell VTEX; return how many PUTs there are then."""
    path = f"/vtex/{ACCOUNT}/api/oms/pvt/orders/{ORDER}/invoice/{INVOICE}/tracking"
    body = {
        "isDelivered": delivered,
        "deliveredDate": events[-1][0].isoformat() if delivered else None,
        "events": [
            {"date": at.isoformat(), "description": text, "city": "", "state": ""}
            for at, text in events
        ],
    }
    keys = {
        "X-VTEX-API-AppKey": "sandbox-key",
        "X-VTEX-API-AppToken": "sandbox-token",
    }
    async with world.vtex.session.put(
        world.vtex.url + path, json=body, headers=keys
    ) as answer:
        assert answer.status == 200, await answer.text()
    return len(await world.puts())


async def on_the_road(world: World, **fields: object) -> None:
    """Register a label whose parcel left three days ago."""
    await world.label(imported=True, dispatched=START - 3 * DAY, **fields)  # type: ignore[arg-type]


# Parcels that are on the road already


async def test_vtex_is_told_once_of_a_parcel_on_the_road(world: World) -> None:
    await world.scan("picked_up", at=START - 2 * DAY)
    await world.scan("in_transit", at=START - DAY)
    await on_the_road(world)
    await world.rest()
    assert (await world.shown()).texts == ["picked up", "in transit"]
    assert len(await world.puts()) == 1
    assert await world.vtex.complaints() == []


async def test_vtex_is_told_only_what_it_lacks(world: World) -> None:
    await world.vtex.order(ORDER, INVOICE, **SHOWN)
    puts = await told_by_others(
        world, (START - 2 * DAY, "picked up"), (START - DAY, "in transit")
    )
    await world.scan("picked_up", at=START - 2 * DAY)
    await world.scan("in_transit", at=START - DAY)
    await on_the_road(world, invoiced=False)
    await world.rest()
    assert len(await world.puts()) == puts
    assert await world.patches() == []
    await world.scan("out_for_delivery")
    await world.rest()
    assert len(await world.puts()) == puts + 1
    texts = (await world.shown()).texts
    assert texts == ["picked up", "in transit", "out for delivery"]


async def test_history_that_comes_after_the_label_is_compared_as_well(
    world: World,
) -> None:
    await world.vtex.order(ORDER, INVOICE, **SHOWN)
    puts = await told_by_others(world, (START - 2 * DAY, "picked up"))
    await on_the_road(world, invoiced=False)
    await world.rest()
    assert (await world.vtex.counts())["put"] == puts
    await world.scan("picked_up", at=START - 2 * DAY)
    await world.rest()
    assert len(await world.puts()) == puts
    await world.scan("in_transit", at=START - DAY)
    await world.rest()
    assert len(await world.puts()) == puts + 1
    assert (await world.shown()).texts == ["picked up", "in transit"]


async def test_it_waits_behind_parcels_that_move_now(world: World) -> None:
    await on_the_road(world)
    assert await world.fact("lane") == 1
    await world.scan("picked_up", at=START - 2 * DAY)
    assert await world.fact("lane") == 1
    await world.rest()
    await world.scan("in_transit")
    assert await world.fact("lane") == 0


async def test_a_delivery_that_vtex_shows_is_not_taken_back(world: World) -> None:
    await world.vtex.order(ORDER, INVOICE, **SHOWN)
    puts = await told_by_others(world, (START - DAY, "Entregue"), delivered=True)
    await world.scan("picked_up", at=START - 2 * DAY)
    await on_the_road(world, invoiced=False)
    await world.rest()
    assert len(await world.puts()) == puts
    assert (await world.shown()).finished
    assert await world.fact("closed_because") == "delivered"


async def test_a_parcel_that_arrived_meanwhile_is_told_as_delivered(
    world: World,
) -> None:
    await world.scan("delivered", at=START - DAY)
    await on_the_road(world)
    await world.rest()
    shown = await world.shown()
    assert (shown.finished, shown.texts) == (True, ["delivered"])
    assert await world.quarantined() == {}


async def test_without_the_right_to_read_all_of_it_is_told_once(world: World) -> None:
    await world.vtex.status(403, call="get")
    await world.scan("picked_up", at=START - 2 * DAY)
    await on_the_road(world)
    await world.wait(hours=1)
    assert (await world.shown()).texts == ["picked up"]
    assert len(await world.puts()) == 1


async def test_an_invoice_that_is_not_there_yet_is_waited_for(world: World) -> None:
    await world.vtex.order(ORDER)
    await world.scan("picked_up", at=START - 2 * DAY)
    await on_the_road(world, invoiced=False)
    await world.wait(minutes=5)
    assert await world.patches() == []
    await world.vtex.invoice(ORDER, INVOICE)
    await world.rest()
    assert (await world.shown()).texts == ["picked up"]


async def test_a_parcel_that_begins_now_has_its_guard(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]
