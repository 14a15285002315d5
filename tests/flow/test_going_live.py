"""Going live: parcels in transit, carrier handovers, resending."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from relay.domain.events import Reference, ReferenceKind
from relay.domain.labels import Correction, Delivery, Handover, ResendOrder
from relay.errors import Conflict, InvalidLabel
from relay.runtime.wiring import event_pace
from relay.store.handovers import Handovers
from relay.store.operator_actions import OperatorActions, resend
from relay.store.operator_events import mark_delivered
from relay.store.shipment_lists import ShipmentLists
from tests.support.world import (
    CONTRACT,
    GUARD,
    INVOICE,
    NUMBER,
    ORDER,
    PAGE,
    START,
    World,
)

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
    """Let another integration publish; return the number of PUTs after that."""
    await world.vtex.publish(*events, delivered=delivered)
    return len(await world.puts())


async def on_the_road(world: World, **fields: object) -> None:
    """Register a label whose parcel left three days ago."""
    await world.label(imported=True, dispatched=START - 3 * DAY, **fields)  # type: ignore[arg-type]


# Parcels that are on the road already


async def test_a_parcel_in_transit_is_published_once(world: World) -> None:
    await world.scan("picked_up", at=START - 2 * DAY)
    await world.scan("in_transit", at=START - DAY)
    await on_the_road(world)
    await world.rest()
    assert (await world.shown()).texts == ["picked up", "in transit"]
    assert len(await world.puts()) == 1
    assert await world.vtex.complaints() == []


async def test_vtex_gets_only_what_it_lacks(world: World) -> None:
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
    assert await world.fact("closed_reason") == "delivered"


async def test_a_parcel_that_arrived_meanwhile_is_published_as_delivered(
    world: World,
) -> None:
    await world.scan("delivered", at=START - DAY)
    await on_the_road(world)
    await world.rest()
    shown = await world.shown()
    assert (shown.finished, shown.texts) == (True, ["delivered"])
    assert await world.quarantined() == {}


async def test_without_the_right_to_read_all_of_it_is_published_once(
    world: World,
) -> None:
    await world.vtex.status(403, call="get")
    await world.scan("picked_up", at=START - 2 * DAY)
    await on_the_road(world)
    await world.wait(hours=1)
    assert (await world.shown()).texts == ["picked up"]
    assert len(await world.puts()) == 1


async def test_an_invoice_that_is_missing_yet_is_waited_for(world: World) -> None:
    await world.vtex.order(ORDER)
    await world.scan("picked_up", at=START - 2 * DAY)
    await on_the_road(world, invoiced=False)
    await world.wait(minutes=5)
    assert await world.patches() == []
    await world.vtex.invoice(ORDER, INVOICE)
    await world.rest()
    assert (await world.shown()).texts == ["picked up"]


async def test_a_parcel_that_begins_now_has_its_email_trigger(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


# A parcel changes hands


LAST_MILE = "last_mile"


async def test_the_scans_of_both_carriers_are_one_story(worlds: Worlds) -> None:
    async with worlds(second=LAST_MILE) as world:
        label = await world.label()
        await world.rest()
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.rest()
        await handover(world, label.id, "LM1")
        await world.wait(hours=1)
        await world.scan("in_transit")
        at = world.now + HOUR
        await world.wait(hours=1)
        await world.scan("out_for_delivery", at, number="LM1", contract=LAST_MILE)
        await world.scan("out_for_delivery", at)
        await world.wait(hours=1)
        await world.scan("delivered", number="LM1", contract=LAST_MILE)
        await world.rest()
        shown = await world.shown()
        expected = ["picked up", "in transit", "out for delivery", "delivered"]
        assert shown.texts == [GUARD, *expected]
        assert (shown.finished, shown.tracking_number) == (True, NUMBER)


async def test_scans_of_the_second_carrier_may_come_before_the_handover(
    worlds: Worlds,
) -> None:
    async with worlds(second=LAST_MILE) as world:
        label = await world.label()
        await world.rest()
        await world.wait(hours=1)
        await world.scan("at_hub", number="LM1", contract=LAST_MILE)
        await world.rest()
        assert (await world.vtex.counts())["put"] == 0
        await handover(world, label.id, "LM1")
        await world.rest()
        assert (await world.shown()).texts == [GUARD, "at hub"]


async def test_a_handover_after_the_delivery_changes_nothing(worlds: Worlds) -> None:
    async with worlds(second=LAST_MILE) as world:
        label = await world.label()
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.wait(hours=1)
        await world.scan("delivered")
        await world.rest()
        warnings = await handover(world, label.id, "LM1")
        assert "nothing at VTEX" in warnings[0]


async def handover(world: World, id_: str, number: str) -> tuple[str, ...]:
    """Register the handover to a second carrier, whose number is *number*."""
    by_number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)
    change = Handover(LAST_MILE, 1, ((by_number, 1),))
    handovers = Handovers(world.database, event_pace(world.settings))
    return (await handovers.handover(id_, change, world.now)).warnings


# Telling again


async def resent(world: World, id_: str, **what: Any) -> tuple[str, ...]:
    """Have a shipment resent with current settings."""
    return await resend(world.database, id_, ResendOrder(**what), "somebody", world.now)


async def under_way(world: World) -> str:
    """Send a tracking number and publish a first scan; return the shipment's id."""
    label = await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    return label.id


async def test_the_tracking_number_is_resent_as_settings_are_now(
    world: World,
) -> None:
    id_ = await under_way(world)
    puts = len(await world.puts())
    renewed = {"tracking_number": NUMBER, "tracking_url": None, "courier": "New Name"}
    assert await resent(world, id_, events=False, renewed=renewed) == ()
    await world.rest()
    patches = await world.patches()
    assert [p["courier"] for p in patches] == ["A Carrier", "New Name"]
    assert patches[-1]["trackingUrl"] is None
    assert len(await world.puts()) == puts


async def test_what_the_shop_gave_itself_stays(world: World) -> None:
    label = await world.label(given=frozenset({"courier"}))
    await world.rest()
    renewed = {"tracking_number": NUMBER, "tracking_url": PAGE, "courier": "New Name"}
    await resent(world, label.id, renewed=renewed)
    await world.rest()
    last = (await world.patches())[-1]
    assert (last["courier"], last["trackingUrl"]) == ("A Carrier", PAGE)


async def test_what_an_operator_corrected_stays(world: World) -> None:
    label = await world.label()
    correction = Correction(
        was=(CONTRACT, NUMBER),
        contract=CONTRACT,
        tracking_sent={"courier": "Corrected"},
        given=frozenset({"courier"}),
    )
    corrections = OperatorActions(world.database)
    await corrections.correct(label.id, correction, world.now)
    renewed = {"tracking_number": NUMBER, "tracking_url": PAGE, "courier": "New Name"}
    await resent(world, label.id, renewed=renewed)
    await world.rest()
    assert (await world.shown()).courier == "Corrected"


async def test_events_are_resent_in_one_call(worlds: Worlds) -> None:
    async with worlds(mode="replace") as world:
        id_ = await under_way(world)
        puts = len(await world.puts())
        await told_by_others(world, (START, "wrong"))
        warnings = await resent(world, id_, tracking=False)
        assert "twice" in warnings[0]
        await world.rest()
        assert (await world.shown()).texts == [GUARD, "picked up"]
        assert len(await world.puts()) == puts + 2
        assert len(await world.patches()) == 1


async def test_a_delivery_is_resent_by_force_only(worlds: Worlds) -> None:
    async with worlds(mode="replace") as world:
        id_ = await under_way(world)
        await world.scan("delivered")
        await world.rest()
        with pytest.raises(Conflict):
            await resent(world, id_)
        puts = len(await world.puts())
        await resent(world, id_, force=True)
        await world.rest()
        assert len(await world.puts()) == puts + 1
        assert all(p["isDelivered"] for p in (await world.puts())[-2:])
        shown = await world.shown()
        assert (shown.finished, shown.texts) == (
            True,
            [GUARD, "picked up", "delivered"],
        )
        assert await world.fact("closed_reason") == "delivered"


async def test_resending_is_noted(world: World) -> None:
    id_ = await under_way(world)
    await resent(world, id_, force=True)
    timeline = await ShipmentLists(world.database).timeline(
        await world.fact("shipment")
    )
    assert timeline.notes[0]["text"] == (
        "resend of tracking number and events (forced) requested by somebody"
    )


# A person's word


async def said_delivered(world: World, id_: str, volume: int = 0) -> None:
    """Report that a parcel was delivered just now."""
    said = Delivery(world.now, volume, "Entregue")
    await mark_delivered(world.database, id_, said, "somebody", world.now)


async def test_an_operator_may_say_that_a_parcel_was_delivered(world: World) -> None:
    id_ = await under_way(world)
    await said_delivered(world, id_)
    await said_delivered(world, id_)
    await world.rest()
    shown = await world.shown()
    assert (shown.finished, shown.texts) == (True, [GUARD, "picked up", "Entregue"])
    timeline = await ShipmentLists(world.database).timeline(
        await world.fact("shipment")
    )
    sources = {(d["contract"], d["source"]) for d in timeline.documents}
    assert ("relay", "operator") in sources
    with pytest.raises(Conflict):
        await said_delivered(world, id_)


async def test_an_operators_report_is_not_delayed(world: World) -> None:
    label = await world.label()
    await said_delivered(world, label.id)
    await world.rest()
    assert (await world.shown()).finished
    assert await world.quarantined() == {}


async def test_an_operators_report_may_be_dropped_again(world: World) -> None:
    label = await world.label()
    await said_delivered(world, label.id)
    await world.process.reader.step()
    timeline = await ShipmentLists(world.database).timeline(
        await world.fact("shipment")
    )
    event = timeline.events[0]["event"]
    corrections = OperatorActions(world.database)
    await corrections.decide(event, "dropped", "somebody", world.now)
    await world.rest()
    assert not (await world.shown()).finished


async def test_who_drops_what_vtex_has_is_warned(world: World) -> None:
    label = await world.label()
    await said_delivered(world, label.id)
    await world.rest()
    assert (await world.shown()).finished
    timeline = await ShipmentLists(world.database).timeline(
        await world.fact("shipment")
    )
    event = timeline.events[0]["event"]
    corrections = OperatorActions(world.database)
    decision = await corrections.decide(event, "dropped", "somebody", world.now)
    warning = f"alert: event {event} was published before it was dropped; VTEX keeps it"
    assert decision.warnings[0].startswith(warning)
    timeline = await ShipmentLists(world.database).timeline(
        await world.fact("shipment")
    )
    assert warning in timeline.notes[0]["text"]


async def test_an_operator_may_report_one_volume(world: World) -> None:
    label = await world.label(numbers=["A", "B"])
    await world.wait(hours=1)
    await world.scan("picked_up", number="A")
    await world.scan("delivered", number="A")
    await world.rest()
    assert not (await world.shown()).finished
    await said_delivered(world, label.id, volume=2)
    await world.rest()
    shown = await world.shown()
    assert shown.finished
    assert any("2/2" in text for text in shown.texts)


async def test_a_delivery_long_before_the_label_is_refused(world: World) -> None:
    label = await world.label()
    said = Delivery(START - 40 * DAY, 0, "")
    with pytest.raises(InvalidLabel):
        await mark_delivered(world.database, label.id, said, "somebody", world.now)
