"""Invoices that the relay posts: once, in both ways, and never a wrong one."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from relay.errors import Conflict
from relay.registration.invoice_requests import InvoiceNotificationRequest
from relay.service.access import Caller
from relay.service.invoice_models import InvoiceAnswer, InvoiceDetail
from relay.service.invoices import InvoiceService
from relay.service.queries import InvoiceQuery
from relay.service.validation import parse_json
from tests.support.mortal import When
from tests.support.world import CONTRACT, GUARD, INVOICE, NUMBER, ORDER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

ERP = Caller("erp")
REQUEST = InvoiceNotificationRequest
HOUR = timedelta(hours=1)
NOON = "2026-08-01T12:00:00Z"
ITEMS = ({"id": "SKU1", "price": 500, "quantity": 2},)
ONE_ITEM = ({"id": "SKU1", "price": 500, "quantity": 1},)


def invoices(world: World) -> InvoiceService:
    return world.process.relay.services.invoices


async def post(world: World, **changed: Any) -> InvoiceAnswer:
    """Post the order's whole invoice without tracking, changed as the test says."""
    fields = {
        "orderId": ORDER,
        "invoiceNumber": INVOICE,
        "invoiceValue": "1000",
        "issuanceDate": world.now.isoformat(),
        "items": ITEMS,
    }
    request = parse_json(json.dumps(fields | changed).encode(), REQUEST)
    if request.tracking_number is not None:
        world.registered.add((request.order_id, request.invoice_number))
    return (await invoices(world).register(ERP, request)).answer


async def show(world: World, answer: InvoiceAnswer) -> InvoiceDetail:
    return await invoices(world).show(ERP, answer.id)


async def posts(world: World) -> list[dict[str, Any]]:
    """Return the bodies of the invoices that VTEX accepted."""
    return [w["body"] for w in await world.vtex.published("post")]


def kinds(found: InvoiceDetail) -> Counter[str]:
    """Return how many calls of each kind the relay logged."""
    return Counter(call.kind for call in found.calls)


def sent(world: World) -> int:
    """Return how many posts left the relay, whatever became of them."""
    return sum(a.call == "post_invoice" for a in world.attempts)


# Both ways


async def test_invoice_and_tracking_in_one_call(world: World) -> None:
    await world.vtex.sold()

    answer = await post(world, trackingNumber=NUMBER, contract=CONTRACT)
    assert answer.state == "due"
    assert answer.shipment is not None
    await world.rest()

    (body,) = await posts(world)
    assert body == {
        "type": "Output",
        "issuanceDate": "2026-08-01T12:00:00+00:00",
        "invoiceNumber": INVOICE,
        "invoiceValue": "1000",
        "items": [{"id": "SKU1", "price": 500, "quantity": 2}],
        "courier": "A Carrier",
        "trackingNumber": NUMBER,
        "trackingUrl": f"https://carrier.example/{NUMBER}",
    }
    found = await show(world, answer)
    assert (found.state, found.why, bool(found.receipt)) == ("posted", None, True)
    assert await world.vtex.order_status() == "invoiced"
    await world.scan("picked_up", at=world.now + HOUR)
    await world.rest()
    assert await world.patches() == []
    assert (await world.shown()).texts == [GUARD, "picked up"]
    shipping = ["invoiced 1", "shipped 1"]
    assert (await world.vtex.emails())[:2] == shipping
    assert await world.vtex.complaints() == []


async def test_invoice_first_and_tracking_later(world: World) -> None:
    await world.vtex.sold()
    answer = await post(world)
    await world.rest()
    assert (await show(world, answer)).state == "posted"
    assert await world.vtex.emails() == ["invoiced 1"]

    await world.label(invoiced=False)
    await world.rest()

    assert len(await world.patches()) == 1
    assert (await world.shown()).tracking_number == NUMBER
    assert await world.vtex.emails() == ["invoiced 1", "shipped 1"]
    assert len(await posts(world)) == 1


async def test_a_label_that_waits_for_the_invoice_goes_on_at_once(
    world: World,
) -> None:
    await world.vtex.sold()
    await world.label(invoiced=False)
    await world.wait(hours=5)
    assert "does not show the invoice yet" in await world.fact("waiting_reason")

    await post(world)
    await world.wait(seconds=5)

    assert (await world.shown()).tracking_number == NUMBER


async def test_the_same_request_with_tracking_registers_the_parcel_only(
    world: World,
) -> None:
    await world.vtex.sold()
    first = await post(world)
    await world.rest()

    again = await post(world, trackingNumber=NUMBER, issuanceDate=NOON)
    await world.rest()

    assert (again.id, again.state) == (first.id, "posted")
    assert len(await posts(world)) == sent(world) == 1
    assert (await world.shown()).tracking_number == NUMBER
    assert await world.vtex.emails() == ["invoiced 1", "shipped 1"]


async def test_several_invoices_add_up_to_the_order(world: World) -> None:
    await world.vtex.sold()
    first = await post(world, invoiceValue="400", items=ONE_ITEM)
    second = await post(world, invoiceNumber="2", invoiceValue="600", items=ONE_ITEM)
    await world.rest()

    assert await world.vtex.order_status() == "invoiced"
    assert [b["invoiceNumber"] for b in await posts(world)] == ["1", "2"]
    (warning,) = (await show(world, first)).warnings
    assert (warning.code, warning.field) == ("partial_invoice", "invoiceValue")
    assert warning.message == (
        "invoiceValue: 600 cents less than the order's 1000, so VTEX takes it as a "
        "partial invoice: the order stays handling until its invoices add up to the "
        "total, and cannot be cancelled any more"
    )
    assert (await show(world, second)).warnings == ()
    page = await invoices(world).page(ERP, InvoiceQuery(order_id=ORDER))
    assert [i.invoice_number for i in page.invoices] == ["2", "1"]


async def test_an_invoice_that_waits_keeps_the_next_one_of_its_order_waiting(
    world: World,
) -> None:
    await world.vtex.sold()
    await world.vtex.status(500, call="post", times=1)
    await post(world, invoiceValue="400", items=ONE_ITEM)
    half = {"invoiceValue": "600", "items": ONE_ITEM}
    second = await post(world, invoiceNumber="2", **half)
    await world.wait(seconds=80)
    assert await posts(world) == []
    found = await show(world, second)
    assert (found.state, found.why) == (
        "waiting",
        "invoice 1 of the order is posted first",
    )

    await world.rest()

    assert [b["invoiceNumber"] for b in await posts(world)] == ["1", "2"]


# Once


async def test_a_repeated_request_is_posted_once(world: World) -> None:
    await world.vtex.sold()
    first = await post(world, issuanceDate=NOON)
    await post(world, issuanceDate=NOON)
    await world.rest()
    again = await post(world, issuanceDate=NOON)
    await world.rest()

    assert (again.id, again.state, again.updated) == (first.id, "posted", ())
    assert sent(world) == 1
    assert await world.vtex.emails() == ["invoiced 1"]


async def test_another_content_replaces_an_invoice_that_was_not_sent(
    world: World,
) -> None:
    await world.vtex.sold()
    first = await post(world, invoiceValue="5000")
    await world.rest()
    assert (await show(world, first)).state == "stuck"

    again = await post(world, invoiceValue="1000")
    assert (again.id, again.updated, again.state) == (
        first.id,
        ("invoiceValue",),
        "due",
    )
    await world.rest()

    assert [b["invoiceValue"] for b in await posts(world)] == ["1000"]


async def test_another_content_of_a_posted_invoice_is_refused(world: World) -> None:
    await world.vtex.sold()
    await post(world)
    await world.rest()

    with pytest.raises(Conflict, match="sent to VTEX with another invoiceValue") as no:
        await post(world, invoiceValue="900")
    assert (no.value.field, "would overwrite" in no.value.hint) == (
        "invoiceValue",
        True,
    )
    await world.rest()
    assert sent(world) == 1


async def test_an_invoice_that_vtex_shows_is_not_posted_again(world: World) -> None:
    await world.vtex.sold(invoices=[{"invoiceNumber": INVOICE, "invoiceValue": 1000}])

    answer = await post(world, trackingNumber=NUMBER)
    await world.rest()

    found = await show(world, answer)
    assert (found.state, found.receipt) == ("posted", None)
    assert "invoice_in_vtex" in [w.code for w in found.warnings]
    assert sent(world) == 0
    assert (await world.shown()).tracking_number == NUMBER
    assert await world.vtex.emails() == ["shipped 1"]


# Lost answers and killed processes


@pytest.mark.parametrize("kind", ["cut_after", "refuse_after", "late"])
async def test_a_lost_answer_is_settled_by_reading_the_order(
    world: World, kind: str
) -> None:
    await world.vtex.sold()
    delay = {"delaySeconds": 80} if kind == "late" else {}
    await world.vtex.fault(kind, call="post", times=1, **delay)

    answer = await post(world, trackingNumber=NUMBER)
    await world.wait(seconds=5)
    assert (await show(world, answer)).state == "in_doubt"
    await world.rest()

    found = await show(world, answer)
    assert (found.state, found.receipt) == ("posted", None)
    assert kinds(found) == {"read_order": 2, "post_invoice": 1}
    assert sent(world) == len(await posts(world)) == 1
    assert await world.vtex.emails() == ["invoiced 1", "shipped 1"]
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize("kind", ["cut_before", "status"])
async def test_a_post_that_was_not_carried_out_is_repeated_after_two_reads(
    world: World, kind: str
) -> None:
    await world.vtex.sold()
    more = {"status": 500} if kind == "status" else {}
    await world.vtex.fault(kind, call="post", times=1, **more)

    answer = await post(world)
    await world.wait(seconds=100)
    found = await show(world, answer)
    assert found.state == "in_doubt"
    assert found.why is not None
    assert "the order is read once more before it is posted again" in found.why
    assert sent(world) == 1
    await world.rest()

    found = await show(world, answer)
    assert found.state == "posted"
    assert kinds(found) == {"read_order": 3, "post_invoice": 2}
    assert await world.vtex.emails() == ["invoiced 1"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_killed_in_the_post_costs_no_invoice_and_no_second_one(
    world: World, when: When
) -> None:
    await world.vtex.sold()
    answer = await post(world, trackingNumber=NUMBER)

    await world.kill_during("post_invoice", when)
    await world.restart()
    await world.rest()

    assert (await show(world, answer)).state == "posted"
    assert len(await posts(world)) == 1
    assert await world.vtex.emails() == ["invoiced 1", "shipped 1"]
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize("steps", range(1, 8))
async def test_a_process_killed_at_any_commit_posts_the_invoice_once(
    worlds: Worlds, steps: int
) -> None:
    async with worlds() as world:
        await world.vtex.sold()
        answer = await post(world, trackingNumber=NUMBER)
        world.process.fate.steps_left = steps
        await world.process.work()
        await world.restart()
        await world.rest()

        assert (await show(world, answer)).state == "posted"
        assert len(await posts(world)) == 1
        assert (await world.shown()).tracking_number == NUMBER
        assert await world.vtex.emails() == ["invoiced 1", "shipped 1"]


async def test_posts_that_always_fail_while_others_succeed_are_given_up(
    world: World,
) -> None:
    await world.vtex.sold()
    await world.vtex.status(500, call="post")
    answer = await post(world)
    for n in range(20):
        await world.label(f"O-{n + 2}", numbers=f"N{n}")
        await world.wait(minutes=15)

    found = await show(world, answer)
    assert found.state == "stuck"
    assert "VTEX answered 500" in (found.why or "")
    assert sent(world) < 6

    await world.vtex.recover()
    await invoices(world).retry(ERP, answer.id)
    await world.rest()
    assert (await show(world, answer)).state == "posted"


# What is never sent


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"invoiceValue": "1001"},
            (
                "invoiceValue: 1001 is more than the 1000 cents left of the order's "
                "1000; send the value in cents, with freight and discounts as in the "
                "order"
            ),
        ),
        (
            {"items": [{"id": "X", "price": 1, "quantity": 1}]},
            (
                "items[0].id: the order has no item X; send the ids of its items in "
                "VTEX: SKU1"
            ),
        ),
        (
            {"items": [{"id": "SKU1", "price": 500, "quantity": 3}]},
            (
                "items[0].quantity: with it 3 of item SKU1 are invoiced, but 2 were "
                "ordered; correct it"
            ),
        ),
        (
            {"type": "Input"},
            (
                "type: Input is a return with a refund, and VTEX shows no invoice of "
                "the order that could be returned; send Output for goods to the shopper"
            ),
        ),
        (
            {"orderId": "O-9"},
            (
                "orderId: VTEX has no such order in this account; check the account "
                "and the order id. An order older than two years cannot be invoiced"
            ),
        ),
    ],
)
async def test_what_contradicts_the_order_is_never_sent(
    world: World, changed: dict[str, Any], says: str
) -> None:
    await world.vtex.sold()

    answer = await post(world, **changed)
    await world.rest()

    found = await show(world, answer)
    assert (found.state, found.why) == ("stuck", says)
    assert sent(world) == 0
    assert await world.vtex.emails() == []


async def test_a_cancelled_order_is_not_invoiced(world: World) -> None:
    await world.vtex.sold(status="canceled")
    answer = await post(world)
    await world.rest()

    found = await show(world, answer)
    assert found.state == "stuck"
    assert (found.why or "").startswith("orderId: the order is cancelled")
    assert sent(world) == 0


async def test_a_requested_cancellation_is_waited_for(world: World) -> None:
    await world.vtex.sold(status="cancellation-requested")
    answer = await post(world)
    await world.wait(minutes=10)
    found = await show(world, answer)
    assert found.state == "waiting"
    assert "cancellation is requested" in (found.why or "")

    await world.vtex.set_status(None)
    await world.rest()

    assert (await show(world, answer)).state == "posted"


async def test_what_vtex_refuses_is_stuck_with_its_message(world: World) -> None:
    await world.vtex.sold()
    unable = "Unable to set invoice when status is cancel, canceled or …"
    body = {"error": {"code": "1", "message": unable, "exception": None}}
    await world.vtex.status(400, call="post", times=1, body=body)

    answer = await post(world)
    await world.rest()

    found = await show(world, answer)
    assert found.state == "stuck"
    assert (found.why or "").startswith("VTEX answered 400: Unable to set invoice")
    assert (await world.account()).paused_reason is None


async def test_a_number_that_vtex_has_with_another_value_is_not_overwritten(
    world: World,
) -> None:
    await world.vtex.sold(invoices=[{"invoiceNumber": INVOICE, "invoiceValue": 700}])
    answer = await post(world)
    await world.rest()

    found = await show(world, answer)
    assert found.state == "stuck"
    assert "would overwrite it" in (found.why or "")
    assert sent(world) == 0


async def test_a_number_in_another_form_is_not_a_second_invoice(world: World) -> None:
    await world.vtex.sold(invoices=[{"invoiceNumber": "0001", "invoiceValue": 700}])
    answer = await post(world, invoiceValue="300")
    await world.rest()

    why = (await show(world, answer)).why
    assert why == (
        "invoiceNumber: VTEX shows this invoice as 0001; send exactly that number"
    )
    assert sent(world) == 0


async def test_nothing_is_posted_while_orders_cannot_be_read(world: World) -> None:
    await world.vtex.sold()
    await world.vtex.status(403, call="get")
    answer = await post(world)
    await world.wait(hours=1)

    found = await show(world, answer)
    assert (found.state, sent(world)) == ("waiting", 0)
    assert "View order" in (found.why or "")

    await world.vtex.recover()
    await world.wait(hours=1)
    assert (await show(world, answer)).state == "posted"


# Returns


async def returned(world: World) -> InvoiceAnswer:
    await world.vtex.sold()
    await post(world)
    await world.rest()
    answer = await post(
        world, type="Input", invoiceNumber="R1", invoiceValue="500", items=ONE_ITEM
    )
    await world.rest()
    return answer


async def test_a_return_is_posted_as_one_and_its_refund_is_said(world: World) -> None:
    answer = await returned(world)

    assert [w.code for w in answer.warnings] == ["refund_starts"]
    assert "refunds 500 cents to the shopper" in answer.warnings[0].message
    assert (await show(world, answer)).state == "posted"
    assert [b["type"] for b in await posts(world)] == ["Output", "Input"]
    assert await world.shipment(invoice="R1") is None
    assert await world.vtex.emails() == ["invoiced 1"]


async def test_more_than_was_invoiced_is_not_refunded(world: World) -> None:
    await returned(world)
    answer = await post(world, type="Input", invoiceNumber="R2", invoiceValue="600")
    await world.rest()

    found = await show(world, answer)
    assert found.why == (
        "invoiceValue: 600 is more than the 500 cents that were invoiced and not "
        "returned; send at most that"
    )
    assert sent(world) == 2


@pytest.mark.parametrize("kind", [None, "cut_after", "cut_before"])
async def test_an_operator_marks_a_return_as_delivered(
    world: World, kind: str | None
) -> None:
    answer = await returned(world)
    if kind is not None:
        await world.vtex.fault(kind, call="put", times=1)

    await invoices(world).mark_delivered(Caller("op"), answer.id)
    await world.rest()

    found = await show(world, answer)
    assert (found.state, found.delivery_requested_by) == ("posted", "op")
    assert found.delivered_at is not None
    assert (await world.shown(invoice="R1")).finished
    assert len(await world.vtex.published("put")) == 1
    assert await world.vtex.complaints() == []


async def test_only_a_return_is_marked_as_delivered(world: World) -> None:
    await world.vtex.sold()
    answer = await post(world)
    await world.rest()
    with pytest.raises(Conflict, match="not a return"):
        await invoices(world).mark_delivered(ERP, answer.id)


# Withdrawal, rate, shared limits


async def test_a_stuck_invoice_can_be_withdrawn_and_posted_again(world: World) -> None:
    await world.vtex.sold()
    answer = await post(world, invoiceValue="5000")
    await world.rest()

    assert (await invoices(world).cancel(ERP, answer.id)).state == "cancelled"
    with pytest.raises(Conflict, match="was cancelled"):
        await invoices(world).retry(ERP, answer.id)
    assert (await post(world)).id == answer.id
    await world.rest()
    assert (await show(world, answer)).state == "posted"
    with pytest.raises(Conflict, match="was sent to VTEX"):
        await invoices(world).cancel(ERP, answer.id)


async def test_invoices_and_parcels_share_the_rate(worlds: Worlds) -> None:
    async with worlds(requests_per_second=1, burst=1) as world:
        for n in range(4):
            await world.vtex.sold(f"O-{n}")
            await post(world, orderId=f"O-{n}")
            await world.label(f"P-{n}", numbers=f"N{n}")
        start = world.now
        await world.wait(seconds=16)

        calls = await world.vtex.calls()
        assert len(calls) == 16
        assert len(await posts(world)) == 4
        assert len(await world.vtex.published("patch")) == 4
        assert world.now - start <= timedelta(seconds=17)


async def test_two_processes_post_each_invoice_once(world: World) -> None:
    await world.vtex.ask("POST", "/options", {"latencyMs": 2})
    for n in range(10):
        await world.vtex.sold(f"O-{n}")
        for part in ("1", "2"):
            order, half = f"O-{n}", {"invoiceValue": "500", "items": ONE_ITEM}
            await post(world, orderId=order, invoiceNumber=part, **half)
    await world.start()
    await asyncio.gather(*(p.publisher.settle_all() for p in world.processes))
    await world.rest()

    assert len(await posts(world)) == 20
    assert {await world.vtex.order_status(f"O-{n}") for n in range(10)} == {"invoiced"}
    assert await world.vtex.complaints() == []


async def test_a_label_that_gave_up_on_its_invoice_goes_on_after_it(
    world: World,
) -> None:
    await world.vtex.sold()
    await world.label(invoiced=False)
    await world.rest()
    assert "does not show the invoice" in await world.fact("stuck_reason")

    await post(world)
    await world.rest()

    assert (await world.shown()).tracking_number == NUMBER


async def test_an_answer_without_a_receipt_proves_nothing(world: World) -> None:
    """A page of maintenance has status 200, too."""
    await world.vtex.sold()
    await world.vtex.fault("page", call="post", times=1)
    answer = await post(world)
    await world.wait(seconds=5)
    assert (await show(world, answer)).state == "in_doubt"
    await world.rest()
    assert (await show(world, answer)).state == "posted"
    assert len(await posts(world)) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_vtex_is_left_alone(world: World, status: int) -> None:
    await world.vtex.sold()
    await world.vtex.status(status, call="post", times=1, retryAfter=120)
    answer = await post(world)
    await world.wait(seconds=115)
    assert len(await world.vtex.calls()) == 2
    await world.rest()
    assert (await show(world, answer)).state == "posted"
    assert sent(world) == 2


async def test_a_key_that_may_not_refund_leaves_the_account_open(world: World) -> None:
    await world.vtex.sold()
    await post(world)
    await world.rest()
    await world.vtex.status(403, call="post", times=1)
    answer = await post(
        world, type="Input", invoiceNumber="R1", invoiceValue="500", items=ONE_ITEM
    )
    await world.rest()

    found = await show(world, answer)
    assert found.state == "stuck"
    assert "Notify refund" in (found.why or "")
    assert (await world.account()).write_closed is None


async def test_wrong_credentials_close_the_account_and_lose_nothing(
    world: World,
) -> None:
    await world.vtex.sold()
    await world.vtex.status(401)
    answer = await post(world)
    await world.wait(hours=2)
    assert (await show(world, answer)).state == "waiting"
    await world.vtex.recover()
    await world.wait(hours=1)
    assert (await show(world, answer)).state == "posted"
    assert len(await posts(world)) == 1


async def test_an_outage_is_waited_for_with_one_call_at_a_time(world: World) -> None:
    await world.vtex.fault("outage", status=500)
    answers = []
    for n in range(3):
        await world.vtex.sold(f"O-{n}")
        answers.append(await post(world, orderId=f"O-{n}"))
    await world.wait(hours=3)
    assert {(await show(world, a)).state for a in answers} == {"waiting"}

    await world.vtex.recover()
    await world.wait(hours=1)
    assert {(await show(world, a)).state for a in answers} == {"posted"}
    assert len(await posts(world)) == 3
