"""What VTEX does not know: since when, why, who acts next, and when."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from relay.domain.status import ShipmentState
from relay.domain.unknown_to_vtex import Actor, Lack, lack_of
from relay.service.access import Caller
from relay.service.queries import WorkListQuery
from relay.service.unknown_to_vtex import UnknownCounts
from relay.service.worklist_models import EntryPage
from relay.store.worklist_queries import WorkList
from tests.store.making import execute
from tests.support.world import ACCOUNT, START, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]
OPERATOR = Caller("operator")


async def page(
    world: World, name: WorkList = WorkList.UNKNOWN_TO_VTEX, **query: Any
) -> EntryPage:
    worklists = world.process.relay.services.worklists
    return await worklists.page(OPERATOR, name, WorkListQuery(**query))


async def only(world: World, name: WorkList = WorkList.UNKNOWN_TO_VTEX) -> Any:
    """Return the one row of the list."""
    (entry,) = (await page(world, name)).entries
    return entry


async def counts(world: World) -> UnknownCounts:
    worklists = world.process.relay.services.worklists
    return await worklists.unknown_counts(OPERATOR, WorkListQuery())


def hours_later(when: datetime, hours: float) -> datetime:
    return when + timedelta(hours=hours)


async def test_what_vtex_knows_is_not_listed(world: World) -> None:
    await world.label()
    await world.rest()
    await world.scan("picked_up")
    await world.rest()
    assert (await page(world)).entries == ()


async def test_a_label_waits_for_the_relay_until_it_is_sent(world: World) -> None:
    await world.label()
    await world.clock.move_to(hours_later(START, 0.1))
    entry = await only(world)
    assert (entry.lack, entry.next_actor, entry.state) == ("due", "relay", "due")
    assert (entry.since, entry.next_try_at) == (START, START)
    assert entry.gives_up_at is None


async def test_a_label_without_a_number_waits_for_the_erp(world: World) -> None:
    await world.label(numbers=())
    await world.rest()
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == ("no_tracking_number", "erp")
    assert (entry.since, entry.next_try_at) == (START, None)
    assert entry.gives_up_at >= START + timedelta(days=60)


async def test_a_number_that_the_carrier_gives_waits_for_the_carrier(
    worlds: Worlds,
) -> None:
    async with worlds(contract={"tracking_number": "from_carrier"}) as world:
        await world.label(numbers=())
        await world.rest()
        assert (await only(world)).next_actor == "carrier"


async def test_an_order_that_vtex_does_not_show_waits_for_the_erp(
    world: World,
) -> None:
    await world.label(invoiced=False)
    await world.wait(minutes=20)
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == ("not_in_vtex", "erp")
    assert entry.since - START < timedelta(minutes=1)
    assert entry.next_try_at > world.now
    assert entry.gives_up_at == entry.since + timedelta(hours=72)
    waiting = await only(world, WorkList.WAITING)
    assert (waiting.since, waiting.next_try_at) == (entry.since, entry.next_try_at)


async def test_an_invoice_that_vtex_does_not_show_waits_for_the_erp(
    world: World,
) -> None:
    await world.vtex.order("O-1", "another")
    await world.label(invoiced=False)
    await world.wait(minutes=20)
    entry = await only(world)
    assert entry.why.startswith("VTEX does not show the invoice yet")
    assert (entry.lack, entry.next_actor) == ("not_in_vtex", "erp")


@pytest.mark.parametrize(
    ("status", "lack", "actor"),
    [
        (401, "account_closed", "operator"),
        (403, "account_closed", "operator"),
        (302, "account_closed", "operator"),
        (429, "vtex_unavailable", "vtex"),
        (503, "vtex_unavailable", "vtex"),
    ],
)
async def test_a_closed_account_names_who_opens_it_and_when_it_is_tried(
    world: World, status: int, lack: str, actor: str
) -> None:
    await world.vtex.status(status)
    await world.label()
    await world.wait(minutes=9)
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == (lack, actor)
    assert entry.next_try_at >= world.now


async def test_an_account_that_is_paused_is_tried_no_more(world: World) -> None:
    await world.label()
    await execute(world.database, "UPDATE accounts SET paused_reason = 'ten alike'")
    entry = await only(world)
    assert (entry.why, entry.next_try_at) == ("ten alike", None)


async def test_an_outage_is_the_turn_of_vtex(world: World) -> None:
    await world.vtex.status(500, call="get")
    await world.label()
    await world.wait(minutes=2)
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == ("vtex_unavailable", "vtex")


async def test_a_write_without_an_answer_is_the_turn_of_the_relay(
    world: World,
) -> None:
    await world.vtex.status(500, call="patch")
    await world.label()
    await world.wait(seconds=30)
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == ("unconfirmed", "relay")
    assert entry.state == "in_doubt"
    assert entry.next_try_at > world.now
    assert entry.since <= world.now


async def test_a_refusal_is_an_operator_s_turn(world: World) -> None:
    await world.vtex.status(400)
    await world.label()
    await world.rest()
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == ("stuck", "operator")
    assert (entry.next_try_at, entry.gives_up_at) == (None, None)
    assert entry.since <= world.now


async def test_a_quarantined_event_is_an_operator_s_turn(world: World) -> None:
    await world.label(dispatched=START)
    await world.rest()
    await world.wait(hours=1)
    arrived = world.now
    await world.scan("delivered", START - timedelta(days=2))
    await world.rest()
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == ("quarantined", "operator")
    assert "is quarantined: delivered before dispatch" in entry.why
    assert entry.since == arrived


async def test_a_shipment_that_cannot_be_planned_is_named(world: World) -> None:
    await world.label()
    await world.rest()
    await world.scan("picked_up")
    await execute(world.database, "UPDATE events SET milestone = 'teleported'")
    await world.wait(minutes=1)
    entry = await only(world)
    assert (entry.lack, entry.next_actor) == ("internal_error", "operator")


async def test_reasons_are_counted_with_the_oldest_of_each(world: World) -> None:
    for n in range(3):
        await world.label(f"O-{n}", numbers=(), invoiced=False)
        await world.wait(hours=1)
    await world.label("O-9", numbers="TN9")
    found = await counts(world)
    assert (found.total, found.complete) == (4, True)
    first, second = found.counts
    assert (first.lack, first.next_actor, first.shipments) == (
        Lack.NO_TRACKING_NUMBER,
        Actor.ERP,
        3,
    )
    assert first.oldest_since == START
    assert (second.lack, second.shipments) == (Lack.DUE, 1)


async def test_each_shipment_is_listed_once_over_all_pages(world: World) -> None:
    for n in range(5):
        await world.label(f"O-{n}", numbers=f"TN{n}")
    await execute(
        world.database, "UPDATE shipments SET stuck_reason = 'x', stuck_at = 1"
    )
    await execute(world.database, "UPDATE shipments SET tracking_number = NULL")
    found, cursor = [], None
    while True:
        part = await page(world, limit=2, cursor=cursor)
        found += [entry.order_id for entry in part.entries]
        cursor = part.next
        if cursor is None:
            break
    assert found == ["O-4", "O-3", "O-2", "O-1", "O-0"]


async def test_a_filter_by_contract_leaves_out_others(world: World) -> None:
    await world.label()
    contract = "UPDATE shipments SET contract = 'another'"
    await execute(world.database, contract)
    assert len((await page(world, account=ACCOUNT)).entries) == 1
    worklists = world.process.relay.services.worklists
    query = WorkListQuery(contract="speaking")
    assert (await worklists.unknown_counts(OPERATOR, query)).total == 0


@pytest.mark.parametrize(
    ("state", "why", "lack"),
    [
        (ShipmentState.WAITING, "VTEX answered 502: Bad", Lack.VTEX_UNAVAILABLE),
        (ShipmentState.WAITING, "no answer from VTEX: late", Lack.VTEX_UNAVAILABLE),
        (
            ShipmentState.WAITING,
            "VTEX does not show the delivery that it accepted; reading it again",
            Lack.UNCONFIRMED,
        ),
        (
            ShipmentState.WAITING,
            "10 shipments in a row were refused alike: VTEX answered 400: x",
            Lack.ACCOUNT_CLOSED,
        ),
        (ShipmentState.WAITING, "postponed", Lack.DUE),
        (ShipmentState.WAITING, None, Lack.DUE),
        (ShipmentState.UP_TO_DATE, None, None),
        (ShipmentState.DELIVERED, None, None),
    ],
)
def test_a_reason_has_a_kind(
    state: ShipmentState, why: str | None, lack: Lack | None
) -> None:
    assert lack_of(state, why, quarantined=False) is lack
