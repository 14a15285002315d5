"""Invoices that VTEX does not have (any more), and orders that ended in VTEX."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from relay.store.operator_actions import OperatorActions
from tests.support.world import GUARD, INVOICE, NUMBER, ORDER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

KEY = "35260812345678000195550010000000011000000017"


async def in_transit(world: World, **label: Any) -> None:
    """Bring a parcel so far that VTEX shows its first scan."""
    await world.label(**label)
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(minutes=1)
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def note_texts(world: World) -> str:
    """Return all notes of the usual shipment."""
    shipment = await world.fact("shipment")
    async with world.database.reading() as tx:
        notes = await tx.rows("notes_of_shipment", shipment=shipment, limit=100)
    return "\n".join(n["text"] for n in notes)


# The answers: 404 NotFound, 400 OMS008, 500 OMS001


@pytest.mark.parametrize("said", ["now", "earlier", "text"])
async def test_a_write_of_a_missing_invoice_is_waited_for(
    world: World, said: str
) -> None:
    await world.vtex.options(noInvoice=said)
    await in_transit(world)
    await world.vtex.exchange(ORDER, INVOICE, "77", trackingNumber="other")
    await world.wait(hours=1)
    await world.scan("in_transit")
    await world.wait(hours=5)
    assert await world.fact("stuck_reason") is None
    assert "it shows invoices 77" in await world.fact("waiting_reason")
    assert (await world.account()).outage_since is None
    await world.vtex.exchange(ORDER, "77", INVOICE)
    await world.rest()
    shown = await world.shown()
    assert shown.tracking_number == NUMBER
    assert shown.texts == ["picked up", "in transit"]
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize("call", ["patch", "put"])
async def test_missing_invoices_never_pause_the_account(
    world: World, call: str
) -> None:
    gone = {"error": {"code": "OMS008", "message": "The invoice was not found"}}
    for n in range(1, 13):
        await world.label(order=f"O-{n}", numbers=f"TN{n}")
        if call == "put":
            await world.rest()
    await world.wait(hours=1)
    await world.vtex.status(400, call=call, body=gone)
    if call == "put":
        for n in range(1, 13):
            await world.scan("picked_up", number=f"TN{n}")
    await world.label(order="O-13", numbers="TN13")
    await world.wait(hours=3)
    account = await world.account()
    assert (account.paused_reason, account.refused_count) == (None, 0)
    await world.vtex.recover()
    await world.rest()
    assert await world.patches_of([f"O-{n}" for n in range(1, 14)]) == 13


async def test_a_lasting_500_of_one_invoice_stops_no_other(world: World) -> None:
    broken = {"error": {"code": "OMS001", "message": "An error has occurred"}}
    await world.vtex.status(500, call="patch", orderId="O-1", body=broken)
    await world.label()
    await world.wait(minutes=3)
    await world.label(order="O-2", numbers="TN2")
    await world.wait(minutes=1)
    assert await world.patches_of(["O-2"]) == 1


async def test_without_the_right_to_read_the_write_is_tried_again(
    world: World,
) -> None:
    await world.vtex.status(403, call="get")
    await world.vtex.order(ORDER)
    await world.label(invoiced=False)
    await world.wait(hours=2)
    assert await world.fact("stuck_reason") is None
    await world.vtex.invoice(ORDER, INVOICE)
    await world.wait(hours=3)
    assert (await world.shown()).tracking_number == NUMBER


# Exchanged invoices


@pytest.mark.parametrize("said", ["now", "earlier", "text"])
@pytest.mark.parametrize(
    ("label", "other"),
    [
        ({}, {"by": "77"}),
        ({}, {"by": "0001"}),
        ({}, {"by": "1-1"}),
        ({"invoice_key": KEY}, {"by": "77", "invoiceKey": KEY}),
        ({}, {"by": "77", "trackingNumber": NUMBER}),
    ],
)
async def test_an_exchanged_invoice_is_followed_where_settings_say_so(
    worlds: Worlds, label: dict[str, Any], other: dict[str, Any], said: str
) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await world.vtex.options(noInvoice=said)
        await in_transit(world, **label)
        await world.vtex.exchange(ORDER, INVOICE, **other)
        await world.wait(hours=1)
        await world.scan("delivered")
        await world.rest()
        shown = await world.shown(invoice=other["by"])
        assert shown.tracking_number == NUMBER
        assert shown.texts == ["picked up", "delivered"]
        assert shown.finished
        assert await world.fact("closed_reason") == "delivered"
        assert await world.fact("vtex_invoice_number") == other["by"]
        assert f"the invoice is {other['by']} in VTEX now" in await note_texts(world)
        assert await world.vtex.complaints() == []


async def test_an_exchanged_number_is_followed_when_the_number_changes(
    worlds: Worlds,
) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await world.label()
        await world.rest()
        await world.vtex.exchange(ORDER, INVOICE, "77")
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.rest()
        assert (await world.shown(invoice="77")).texts == ["picked up"]
        assert len(await world.patches()) == 2


async def test_an_invoice_that_is_exchanged_twice_is_followed(worlds: Worlds) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await in_transit(world)
        await world.vtex.exchange(ORDER, INVOICE, "77")
        await world.vtex.fault("cut_before", call="patch", times=1)
        await world.scan("in_transit")
        await world.wait(seconds=10)
        assert await world.fact("in_doubt_since") is not None
        await world.vtex.exchange(ORDER, "77", "78")
        await world.rest()
        shown = await world.shown(invoice="78")
        assert shown.tracking_number == NUMBER
        assert shown.texts == ["picked up", "in transit"]


async def test_a_late_copy_does_not_hide_that_an_invoice_was_exchanged(
    worlds: Worlds,
) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await world.label()
        await world.rest()
        await world.vtex.exchange(ORDER, INVOICE, "77")
        await world.vtex.fault("stale", call="get", times=1)
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.rest()
        shown = await world.shown(invoice="77")
        assert (shown.tracking_number, shown.texts) == (NUMBER, ["picked up"])


async def test_another_shipments_invoice_is_never_followed(worlds: Worlds) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await world.vtex.order(ORDER, "1", "2")
        await world.label(invoice="1", numbers="TN1", invoiced=False)
        await world.rest()
        await world.label(invoice="2", numbers=(), invoiced=False)
        await world.vtex.exchange(ORDER, "1", "2")
        await world.wait(hours=1)
        await world.scan("picked_up", number="TN1")
        await world.wait(hours=3)
        assert "it shows invoices 2" in await world.fact("waiting_reason", invoice="1")
        assert (await world.shown(invoice="2")).tracking_number is None


async def test_one_of_two_unknown_invoices_is_not_guessed(worlds: Worlds) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await in_transit(world)
        await world.vtex.exchange(ORDER, INVOICE, "77")
        await world.vtex.invoice(ORDER, "78")
        await world.wait(hours=1)
        await world.scan("in_transit")
        await world.wait(hours=3)
        assert "it shows invoices 77, 78" in await world.fact("waiting_reason")
        assert (await world.shown(invoice="77")).tracking_number is None


async def test_an_exchange_without_the_setting_is_named(world: World) -> None:
    await in_transit(world)
    await world.vtex.exchange(ORDER, INVOICE, "77")
    await world.wait(hours=1)
    await world.scan("in_transit")
    await world.wait(minutes=1)
    because = await world.fact("waiting_reason")
    assert "it as '77' (the ERP exchanged the invoice)" in because
    assert "adopt_invoice_number" in because


async def test_a_label_under_the_right_invoice_has_the_whole_history(
    world: World,
) -> None:
    await world.vtex.order(ORDER, "1", "2")
    await world.label(invoice="1", invoiced=False)
    await world.scan("picked_up")
    await world.rest()
    wrong = await world.fact("id", invoice="1")
    await OperatorActions(world.database).cancel(wrong, "someone", world.now)
    await world.wait(hours=1)
    await world.label(invoice="2", invoiced=False)
    await world.scan("in_transit")
    await world.rest()
    shown = await world.shown(invoice="2")
    assert shown.texts == [GUARD, "picked up", "in transit"]
    assert (await world.shown(invoice="1")).texts == [GUARD, "picked up"]


# Orders that ended


@pytest.mark.parametrize(
    ("status", "reason"),
    [("canceled", "order_cancelled"), ("replaced", "order_replaced")],
)
async def test_an_order_that_ended_before_the_first_look_is_closed(
    world: World, status: str, reason: str
) -> None:
    await world.vtex.order(ORDER, INVOICE)
    await world.vtex.end_order(ORDER, status)
    await world.label(invoiced=False)
    await world.rest()
    assert await world.fact("closed_reason") == reason
    assert await world.patches() == []


async def test_a_cancelled_order_closes_all_its_shipments(world: World) -> None:
    await world.vtex.order(ORDER, "1", "2")
    for n in ("1", "2"):
        await world.label(invoice=n, numbers=f"TN{n}", invoiced=False)
    await world.rest()
    await world.vtex.end_order(ORDER, "canceled")
    await world.wait(hours=1)
    await world.scan("picked_up", number="TN1")
    await world.rest()
    for n in ("1", "2"):
        assert await world.fact("closed_reason", invoice=n) == "order_cancelled"
        assert await world.fact("stuck_reason", invoice=n) is None
    assert "the order was cancelled in VTEX" in await note_texts(world)
    assert (await world.account()).refused_count == 0


async def test_a_closed_order_is_left_alone_whatever_the_carrier_reports(
    world: World,
) -> None:
    await in_transit(world)
    await world.vtex.end_order(ORDER, "canceled")
    await world.scan("in_transit")
    await world.rest()
    assert await world.fact("closed_reason") == "order_cancelled"
    before = await world.vtex.counts()
    await world.wait(days=1)
    await world.scan("delivered")
    await world.rest()
    assert await world.vtex.counts() == before
    assert await world.fact("closed_reason") == "order_cancelled"


async def test_an_operator_has_a_closed_order_read_again(world: World) -> None:
    await in_transit(world)
    await world.vtex.end_order(ORDER, "canceled")
    await world.scan("in_transit")
    await world.rest()
    actions = OperatorActions(world.database)
    await actions.retry(await world.fact("id"), "someone", world.now)
    await world.rest()
    assert await world.fact("closed_reason") == "order_cancelled"
    await world.vtex.end_order(ORDER, None)
    await actions.retry(await world.fact("id"), "someone", world.now)
    await world.rest()
    assert await world.fact("closed_reason") is None
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


async def test_a_partly_invoiced_order_gets_its_tracking(world: World) -> None:
    await world.vtex.order(ORDER, INVOICE)
    await world.vtex.end_order(ORDER, "handling")
    await world.label(invoiced=False)
    await world.scan("picked_up")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_a_requested_cancellation_may_be_refused(world: World) -> None:
    await in_transit(world)
    await world.vtex.end_order(ORDER, "cancellation-requested")
    await world.scan("in_transit")
    await world.wait(hours=5)
    assert await world.fact("closed_reason") is None
    assert "cancellation is requested" in await world.fact("waiting_reason")
    await world.vtex.end_order(ORDER, None)
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


async def test_a_requested_cancellation_closes_the_shipment_at_last(
    world: World,
) -> None:
    await in_transit(world)
    await world.vtex.end_order(ORDER, "cancel")
    await world.scan("in_transit")
    await world.rest()
    assert await world.fact("closed_reason") == "order_cancelled"
    assert await world.fact("stuck_reason") is None


async def test_an_unconfirmed_write_of_an_ended_order_is_dropped(
    world: World,
) -> None:
    await in_transit(world)
    await world.vtex.fault("cut_after", call="put", times=1)
    await world.scan("in_transit")
    await world.wait(seconds=10)
    assert await world.fact("in_doubt_since") is not None
    await world.vtex.end_order(ORDER, "replaced")
    await world.rest()
    assert await world.fact("closed_reason") == "order_replaced"
    assert await world.fact("pending") is None
    assert await world.fact("in_doubt_since") is None


async def test_an_invoice_exchanged_under_an_unconfirmed_write_is_followed(
    worlds: Worlds,
) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await in_transit(world)
        await world.vtex.fault("cut_after", call="put", times=1)
        await world.scan("in_transit")
        await world.wait(seconds=10)
        await world.vtex.exchange(ORDER, INVOICE, "77")
        await world.rest()
        shown = await world.shown(invoice="77")
        assert shown.texts == ["picked up", "in transit"]
