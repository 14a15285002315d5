"""Lists in the store: pages that are bounded, whatever is asked for."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from relay.domain.labels import Label
from relay.domain.status import ShipmentState
from relay.store.database import Database
from relay.store.shipment_lists import ShipmentFilter, ShipmentLists
from relay.store.shipments import Shipments
from relay.store.work_counts import counts
from tests.support.clock import START

LABEL = Label("store", "acme", "O", "1")


@pytest.fixture
async def lists(database: Database) -> ShipmentLists:
    """List seven shipments of two accounts, two rows at a time."""
    labels = Shipments(database)
    for order in range(7):
        account = ("store", "outlet")[order % 2]
        label = replace(LABEL, account=account, order_id=f"O-{order}")
        await labels.register(label, START)
    return ShipmentLists(database, batch=2, rounds=2)


async def test_a_page_goes_over_several_batches(lists: ShipmentLists) -> None:
    page = await lists.shipments(ShipmentFilter(), START, limit=3)
    rest = await lists.shipments(ShipmentFilter(), START, limit=9, before=page.next)

    assert [s.row["order_id"] for s in page.shipments] == ["O-6", "O-5", "O-4"]
    assert [s.row["order_id"] for s in rest.shipments] == ["O-3", "O-2", "O-1", "O-0"]


async def test_a_page_may_be_empty_and_still_have_a_next_one(
    lists: ShipmentLists,
) -> None:
    wanted = ShipmentFilter(state=ShipmentState.DELIVERED)

    first = await lists.shipments(wanted, START, limit=9)
    second = await lists.shipments(wanted, START, limit=9, before=first.next)

    assert (first.shipments, first.next) == ((), 4)
    assert (second.shipments, second.next) == ((), None)


async def test_only_the_accounts_asked_for_are_listed(lists: ShipmentLists) -> None:
    page = await lists.shipments(ShipmentFilter(["outlet"]), START, limit=9)

    assert {s.row["account"] for s in page.shipments} == {"outlet"}
    assert (await lists.shipments(ShipmentFilter([]), START, limit=9)).shipments == ()


@pytest.mark.usefixtures("lists")
async def test_what_is_due_and_stuck_is_counted_by_account(database: Database) -> None:
    columns = dict.fromkeys(
        ("due_at", "not_before", "failing_since", "waiting_reason", "closed_reason")
    ) | {"shipment": 1, "version": 1, "now": 0, "lane": 1, "attempts": 0, "in_doubt": 0}
    async with database.writing() as tx:
        await tx.run("settle", **columns, stuck_reason="400: odd")

    found = await counts(database, {"store": ZoneInfo("UTC")}, START)

    assert (found.due, found.stuck) == ({"outlet": 3, "store": 3}, {"store": 1})
    assert (found.late, found.waiting, found.quarantined) == ({"store": 0}, {}, {})
