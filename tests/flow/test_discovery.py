"""A store whose ERP writes tracking number and courier in VTEX needs no change."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import moment
from relay.domain.discovery import LookOutcome
from relay.service.access import Caller
from relay.service.status import ProcessState
from relay.store.discovery import Discovery, ListedOrder
from tests.support.mortal import Killed
from tests.support.world import ACCOUNT, CONTRACT, INVOICE, NUMBER, ORDER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COURIER_NAME = "Transportes São João"
COURIER = {"courier_names": [COURIER_NAME]}
WRITTEN = {"trackingNumber": NUMBER, "courier": "TRANSPORTES  sao joao"}
BY_FEED = {"discovery": "feed", "contract": COURIER}


async def discover(world: World) -> None:
    """Let discovery do what is due now, and publish what follows."""
    try:
        await world.process.relay.discoverer.settle_all()
    except Killed:
        return
    await world.work()


async def later(world: World, wait: timedelta = timedelta(minutes=5)) -> None:
    """Let time pass, and discovery work then."""
    await world.clock.move_to(world.now + wait)
    await discover(world)


async def listed(world: World) -> list[ListedOrder]:
    return await Discovery(world.database).latest(ACCOUNT, 50)


async def outcomes(world: World) -> dict[str, str]:
    return {one.order.order_id: one.outcome for one in await listed(world)}


async def end_order(world: World, status: str) -> None:
    """Let the store cancel or replace the order."""
    path = f"/orders/{ACCOUNT}/{ORDER}/status"
    await world.vtex.ask("POST", path, {"status": status})


async def reissue(world: World, number: str, **fields: Any) -> None:
    """Let the ERP write the order again, with other tracking."""
    await world.vtex.order(ORDER, number, **(WRITTEN | fields))
    await end_order(world, "handling")
    await end_order(world, "invoiced")


@pytest.fixture
async def found(worlds: Worlds) -> AsyncIterator[World]:
    """Give a relay that finds parcels by the feed, which VTEX has configured."""
    async with worlds(**BY_FEED) as world:
        await discover(world)
        yield world


async def test_a_parcel_is_published_without_any_registration(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await found.scan("picked_up")
    await found.scan("delivered", found.now + HOUR)
    await found.wait(hours=3)
    shown = await found.shown()
    assert shown.texts[-2:] == ["picked up", "delivered"]
    assert shown.finished
    # VTEX has the number already: sending it again would repeat the e-mail.
    assert await found.patches() == []
    assert await found.vtex.complaints() == []


async def test_only_claimed_couriers_are_registered(found: World) -> None:
    await found.vtex.order("O-2", INVOICE, trackingNumber="X1", courier="Another one")
    await found.vtex.order("O-3", INVOICE, courier="Transportes São João")
    await later(found)
    assert await found.shipment("O-2") is None
    assert await found.shipment("O-3") is None
    assert await outcomes(found) == {
        "O-2": LookOutcome.UNCLAIMED,
        "O-3": LookOutcome.NOTHING,
    }
    details = {one.order.order_id: one.detail for one in await listed(found)}
    assert "courier 'Another one'; add it to courier_names" in details["O-2"]


async def test_a_return_is_never_a_parcel(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, type="Input", **WRITTEN)
    await later(found)
    assert await found.shipment() is None
    assert await outcomes(found) == {ORDER: LookOutcome.NOTHING}


async def test_every_invoice_of_an_order_is_registered(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    second = WRITTEN | {"trackingNumber": "TN2", "invoiceNumber": "2"}
    await found.vtex.ask("POST", f"/orders/{ACCOUNT}/{ORDER}/invoices", second)
    await later(found)
    assert await found.fact("tracking_number") == NUMBER
    assert await found.fact("tracking_number", invoice="2") == "TN2"


async def test_more_orders_than_a_lot_are_all_registered(found: World) -> None:
    orders = [f"O-{n}" for n in range(35)]
    for n, order in enumerate(orders):
        fields = WRITTEN | {"trackingNumber": f"TN{n}"}
        await found.vtex.order(order, INVOICE, **fields)
    await later(found)
    assert [await found.fact("contract", o) for o in orders] == [CONTRACT] * 35


async def test_what_is_delivered_already_is_left_alone(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.vtex.publish((found.now, "entregue"), delivered=True)
    await later(found)
    assert await found.shipment() is None
    assert await outcomes(found) == {ORDER: LookOutcome.NOTHING}


async def test_a_parcel_that_others_published_is_continued(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.vtex.publish((found.now, "picked up"))
    puts = len(await found.puts())
    await found.scan("picked_up")
    await later(found)
    await found.wait(hours=1)
    assert len(await found.puts()) == puts


async def test_a_label_of_the_erp_and_discovery_are_one_shipment(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.label(invoiced=False, tracking_sent=True)
    before = await found.fact("id")
    await later(found)
    assert await found.fact("id") == before
    assert await outcomes(found) == {ORDER: LookOutcome.REGISTERED}


# Duplicates, disorder, and processes that are killed


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_between_fetch_and_commit_loses_nothing(
    found: World, when: Any
) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.clock.move_to(found.now + HOUR)
    found.process.fate.fears = ("commit_feed", when)
    await discover(found)
    assert found.process.fate.dead
    await found.restart()
    await later(found)
    assert await found.fact("tracking_number") == NUMBER
    assert await waiting(found) == 0
    # The read was stored with the notification; what VTEX delivers again adds none.
    assert (await found.vtex.counts())["get"] == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_while_the_order_is_read_loses_nothing(
    found: World, when: Any
) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.clock.move_to(found.now + HOUR)
    found.process.fate.fears = ("read_order", when)
    await discover(found)
    await found.restart()
    await later(found)
    assert await found.fact("tracking_number") == NUMBER


async def test_a_kill_at_any_step_loses_nothing(worlds: Worlds) -> None:
    async with worlds(**BY_FEED) as world:
        for n in range(60):
            order = f"O-{n}"
            await world.restart()
            await discover(world)
            await world.vtex.order(order, INVOICE, trackingNumber=f"T{n}", courier=NAME)
            await world.clock.move_to(world.now + HOUR)
            world.process.fate.steps_left = n % 12
            await discover(world)
            await world.restart()
            await later(world)
            assert await world.fact("tracking_number", order) == f"T{n}"


NAME = "Transportes São João"


async def waiting(world: World) -> int:
    """Return how many notifications VTEX still has."""
    (feed,) = (await world.vtex.ask("GET", "/notifications"))["feeds"]
    found: int = feed["waiting"]
    return found


async def test_what_is_ignored_is_committed_too(found: World) -> None:
    await found.vtex.order("O-2", INVOICE, trackingNumber="X1", courier="Another one")
    await later(found)
    assert await waiting(found) == 0


async def test_a_lost_commit_only_repeats_the_notification(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.vtex.fault("status", status=500, call="other", times=1)
    await later(found)  # the fetch fails
    await later(found)
    assert await found.fact("tracking_number") == NUMBER


# The configuration at VTEX


async def configured(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await world.vtex.ask("GET", "/notifications"))[
        "feeds"
    ]
    return found


async def test_the_feed_has_its_own_key(worlds: Worlds) -> None:
    pair = {"discovery_app_key": "feed-key", "discovery_app_token": "feed-token"}
    async with worlds(**BY_FEED, **pair) as world:
        roles = {"account": ACCOUNT, "appKey": "feed-key", "appToken": "feed-token"}
        await world.vtex.ask("POST", "/credentials", roles | {"roles": ["feed_admin"]})
        await discover(world)
        (feed,) = await configured(world)
        assert feed["appKey"] == "feed-key"
        assert feed["filter"]["status"] == ["invoiced", "canceled", "replaced"]
        await world.vtex.order(ORDER, INVOICE, **WRITTEN)
        await later(world)
        assert await world.fact("tracking_number") == NUMBER


async def test_a_configuration_that_expired_is_made_again(found: World) -> None:
    await found.clock.move_to(found.now + 15 * DAY)
    await discover(found)
    await later(found, HOUR)
    assert len(await configured(found)) == 1
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    assert await found.fact("tracking_number") == NUMBER


async def test_a_missing_permission_is_named_and_found_when_given(
    worlds: Worlds,
) -> None:
    async with worlds(**BY_FEED) as world:
        pair = {
            "account": ACCOUNT,
            "appKey": "sandbox-key",
            "appToken": "sandbox-token",
        }
        limited = pair | {"roles": ["view_order"], "only": True}
        await world.vtex.ask("POST", "/credentials", limited)
        await discover(world)
        state = (await Discovery(world.database).states())[ACCOUNT]
        assert "Feed v3 and Hook Admin" in (state.feed_problem or "")
        await world.vtex.ask("POST", "/credentials", pair | {"only": True})
        await later(world, HOUR)
        state = (await Discovery(world.database).states())[ACCOUNT]
        assert state.feed_problem is None
        assert moment(state.feed_ready_at or 0) == world.now


async def test_orders_that_may_not_be_read_wait_and_name_the_permission(
    found: World,
) -> None:
    pair = {"account": ACCOUNT, "appKey": "sandbox-key", "appToken": "sandbox-token"}
    await found.vtex.ask(
        "POST", "/credentials", pair | {"roles": ["feed_admin"], "only": True}
    )
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    state = (await Discovery(found.database).states())[ACCOUNT]
    assert "View order" in (state.order_problem or "")
    await found.vtex.ask("POST", "/credentials", pair | {"only": True})
    await later(found, HOUR)
    assert await found.fact("tracking_number") == NUMBER
    assert (await Discovery(found.database).states())[ACCOUNT].order_problem is None


# Limits of VTEX


async def test_after_a_429_nothing_of_the_account_is_called(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.vtex.status(429, retryAfter=600)
    await later(found)
    calls = len(await found.vtex.calls())
    await later(found)
    assert len(await found.vtex.calls()) == calls
    await found.vtex.recover()
    await later(found, HOUR)
    assert await found.fact("tracking_number") == NUMBER


async def test_the_rate_is_shared_with_all_calls_of_the_account(worlds: Worlds) -> None:
    slow = {"requests_per_second": 1, "burst": 2}
    async with worlds(**BY_FEED, **slow) as world:
        await later(world)
        for n in range(6):
            fields = WRITTEN | {"trackingNumber": f"TN{n}"}
            await world.vtex.order(f"O-{n}", INVOICE, **fields)
        await later(world)
        done = (await world.vtex.counts())["get"]
        assert done < 6
        for _ in range(10):
            await later(world, timedelta(seconds=3))
        assert (await world.vtex.counts())["get"] == 6


async def test_an_outage_of_vtex_postpones_the_reading(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.vtex.fault("status", status=500, call="get")
    await later(found)
    assert await outcomes(found) == {ORDER: LookOutcome.FAILED}
    await found.vtex.recover()
    await later(found, HOUR)
    assert await found.fact("tracking_number") == NUMBER


# Orders that change


async def test_an_order_without_a_number_is_read_once_more_a_day_later(
    found: World,
) -> None:
    await found.vtex.order(ORDER, INVOICE)
    await later(found)
    reads = (await found.vtex.counts())["get"]
    await later(found, DAY)
    assert (await found.vtex.counts())["get"] == reads + 1
    await later(found, 3 * DAY)
    assert (await found.vtex.counts())["get"] == reads + 1


async def test_a_number_that_is_written_within_a_day_is_found(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE)
    await later(found)
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found, DAY)
    assert await found.fact("tracking_number") == NUMBER


@pytest.mark.parametrize(
    ("status", "reason"),
    [("canceled", "order_cancelled"), ("replaced", "order_replaced")],
)
async def test_an_order_that_ends_closes_its_shipments(
    found: World, status: str, reason: str
) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await end_order(found, status)
    await later(found)
    assert await found.fact("closed_reason") == reason
    assert await outcomes(found) == {ORDER: LookOutcome.CLOSED}


async def test_another_number_replaces_the_first_one(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await reissue(found, INVOICE, trackingNumber="TN-NEW")
    await later(found)
    assert await found.fact("tracking_number") == "TN-NEW"
    await found.scan("picked_up", number=NUMBER)
    await found.scan("in_transit", number="TN-NEW")
    await found.wait(hours=1)
    assert "picked up" not in (await found.shown()).texts
    assert "in transit" in (await found.shown()).texts
    assert await found.patches() == []


async def test_another_courier_moves_the_parcel_to_its_contract(
    worlds: Worlds,
) -> None:
    async with worlds(**BY_FEED, second="other") as world:
        await discover(world)
        await world.vtex.order(ORDER, INVOICE, **WRITTEN)
        await later(world)
        assert await world.fact("contract") == CONTRACT
        other = world.settings.contracts["other"].model_copy(
            update={"courier_names": ("Second",)}
        )
        contracts = {**world.settings.contracts, "other": other}
        world.process.relay.services.context.settings = world.settings.model_copy(
            update={"contracts": contracts}
        )
        await reissue(world, INVOICE, courier="Second")
        await later(world)
        assert await world.fact("contract") == "other"


# Late copies of an order


async def test_a_late_copy_does_not_hide_another_number(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await found.vtex.set_number("TN-NEW", COURIER_NAME)
    await end_order(found, "handling")
    await end_order(found, "invoiced")
    await found.vtex.fault("stale", call="get", times=1)
    await later(found)
    await later(found)
    assert await found.fact("tracking_number") == "TN-NEW"
    assert (await found.shown()).tracking_number == "TN-NEW"


async def test_a_late_copy_does_not_bring_an_old_number_back(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.vtex.set_number("TN-NEW", COURIER_NAME)
    await later(found)
    await end_order(found, "handling")
    await end_order(found, "invoiced")
    await found.vtex.fault("stale", call="get", times=1)
    registered = await found.fact("registered_at")
    await later(found)
    await later(found)
    assert await found.fact("tracking_number") == "TN-NEW"
    assert await found.fact("registered_at") == registered


async def test_a_number_that_no_notification_told_is_never_overwritten(
    found: World,
) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await found.scan("picked_up", number=NUMBER)
    await found.wait(hours=1)
    await found.vtex.set_number("TN-NEW", COURIER_NAME)
    await found.scan("in_transit", number=NUMBER)
    await found.rest()
    await later(found)
    assert await found.fact("tracking_number") == "TN-NEW"
    assert (await found.shown()).tracking_number == "TN-NEW"
    assert len(await found.patches()) == 1  # the ERP's


async def test_an_exchanged_invoice_is_followed(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await reissue(found, "2")
    await later(found)
    assert await found.fact("closed_reason") == "cancelled"
    assert await found.fact("tracking_number", invoice="2") == NUMBER


async def test_an_order_of_another_account_is_given_up(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await found.vtex.fault("status", status=404, call="get")
    for _ in range(12):
        await later(found, HOUR)
    (one,) = await listed(found)
    assert one.look_at is None
    assert "another account" in one.detail


async def test_a_number_that_cannot_be_one_is_named(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN | {"trackingNumber": "A1;B2"})
    await later(found)
    (one,) = await listed(found)
    assert one.outcome == LookOutcome.REFUSED
    assert "invoice 1: trackingNumber: contains several values" in one.detail


# Somebody else writes tracking


async def test_the_relays_own_writes_are_not_another_systems(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await found.scan("picked_up")
    await found.wait(hours=1)
    assert (await found.shown()).texts
    await end_order(found, "handling")
    await end_order(found, "invoiced")
    await later(found)
    assert await found.fact("imported") == 0


async def test_a_number_is_found_by_an_expression_too(worlds: Worlds) -> None:
    async with worlds(**BY_FEED, feed_filter="tracking_written") as world:
        await discover(world)
        await world.vtex.order("O-2", INVOICE)
        await world.vtex.order(ORDER, INVOICE, **WRITTEN)
        await later(world)
        assert await outcomes(world) == {ORDER: LookOutcome.REGISTERED}


async def test_a_delivery_that_others_write_is_never_reverted(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    await found.scan("picked_up")
    await found.wait(hours=1)
    await found.vtex.publish((found.now, "Entregue por outro"), delivered=True)
    await end_order(found, "handling")
    await end_order(found, "invoiced")
    await later(found)
    assert await found.fact("imported") == 1
    await found.scan("in_transit")
    await found.wait(hours=1)
    assert (await found.shown()).finished
    assert await found.fact("delivered_published_at") is not None
    assert not any("un-delivered" in c for c in await found.vtex.complaints())


# Several processes, erasure, and the status


async def test_two_processes_read_each_order_once(found: World) -> None:
    first = found.process
    await found.start()
    second = found.process
    for n in range(12):
        fields = WRITTEN | {"trackingNumber": f"TN{n}"}
        await found.vtex.order(f"O-{n}", INVOICE, **fields)
    await found.clock.move_to(found.now + HOUR)
    await asyncio.gather(
        first.relay.discoverer.settle_all(), second.relay.discoverer.settle_all()
    )
    for n in range(12):
        assert await found.fact("tracking_number", f"O-{n}") == f"TN{n}"
    assert (await found.vtex.counts())["get"] == 12


async def test_an_erased_order_is_not_registered_again(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    services = found.process.relay.services
    await services.accounts.erase(Caller("test"), ACCOUNT, ORDER)
    assert await listed(found) == []
    await reissue(found, INVOICE)
    await later(found)
    (one,) = await listed(found)
    assert one.outcome == LookOutcome.REFUSED
    assert "erased" in one.detail


async def test_notifications_are_deleted_with_their_age(found: World) -> None:
    await found.vtex.order(ORDER, INVOICE, **WRITTEN)
    await later(found)
    retention = found.process.relay.housekeeper.retention
    await retention.apply(found.now + 89 * DAY)
    assert len(await listed(found)) == 1
    await retention.apply(found.now + 91 * DAY)
    assert await listed(found) == []


async def test_the_status_names_what_is_wrong(worlds: Worlds) -> None:
    async with worlds(**BY_FEED) as world:
        pair = {
            "account": ACCOUNT,
            "appKey": "sandbox-key",
            "appToken": "sandbox-token",
        }
        await world.vtex.ask(
            "POST", "/credentials", pair | {"roles": ["view_order"], "only": True}
        )
        await discover(world)
        running = ProcessState(running=True, last_good="ready", last_good_at=world.now)
        services = world.process.relay.services
        status = await services.status.status(Caller("test"), running)
        (line,) = [one for one in status.lines if one.part == "vtex"]
        (problem,) = line.problems
        assert problem.level == "error"
        assert "Feed v3 and Hook Admin" in problem.message
