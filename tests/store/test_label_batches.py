"""Labels that arrive together share a transaction; each has its own result."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from relay.domain.labels import Label, LabelParcel
from relay.errors import Conflict, DatabaseUnavailable
from relay.store.database import Database
from relay.store.label_batches import MOST_TOGETHER, LabelBatches
from relay.store.shipments import Registered, Shipments
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import WayIn


class Counted:
    """A database that counts the transactions that are committed, or is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.committed = 0
        self.away = False

    async def write_in_one_go(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        if self.away:
            raise DatabaseUnavailable("away")
        done = await self._database.write_in_one_go(work)  # type: ignore[arg-type]
        self.committed += 1
        return done


@pytest.fixture
def counted(way_in: WayIn) -> Counted:
    return Counted(way_in.database)


def label(number: int, **changed: Any) -> Label:
    parcels = (LabelParcel(f"AC{number}"),)
    first = Label("store", "acme", f"o{number}", "1", parcels)
    return replace(first, send_tracking=f"AC{number}", **changed)


async def together(counted: Counted, *labels: Label) -> list[Any]:
    batches, shipments = LabelBatches(), Shipments(counted)  # type: ignore[arg-type]
    return await asyncio.gather(
        *(batches.register(shipments, one, START) for one in labels),
        return_exceptions=True,
    )


def created(answers: list[Registered]) -> list[bool]:
    return [registered.created for registered, _ in answers]


async def test_labels_that_arrive_together_share_a_transaction(
    counted: Counted, way_in: WayIn
) -> None:
    answers = await together(counted, *map(label, range(MOST_TOGETHER)))
    assert created(answers) == [True] * MOST_TOGETHER
    assert counted.committed == 1
    rows = {r["order_id"]: r["id"] for r in await way_in.rows("shipments")}
    for number, (registered, shipment) in enumerate(answers):
        assert registered.id == shipment.row["id"] == rows[f"o{number}"]
        assert shipment.standing.state == "due"


async def test_more_labels_than_a_transaction_takes_need_several(
    counted: Counted,
) -> None:
    answers = await together(counted, *map(label, range(MOST_TOGETHER + 1)))
    assert created(answers) == [True] * (MOST_TOGETHER + 1)
    assert counted.committed == 2


async def test_a_refused_label_changes_nothing_and_stops_no_other(
    counted: Counted, way_in: WayIn
) -> None:
    await together(counted, label(3))
    labels = [label(n) for n in range(8)]
    labels[3] = label(3, contract="other")
    answers = await together(counted, *labels)
    (refused,) = [a for a in answers if isinstance(a, Exception)]
    assert answers[3] is refused
    assert isinstance(refused, Conflict)
    rows = await way_in.rows("shipments")
    assert sorted(r["order_id"] for r in rows) == [f"o{n}" for n in range(8)]
    assert {r["contract"] for r in rows} == {"acme"}
    assert {r["contract"] for r in await way_in.rows("reference_values")} == {"acme"}


async def test_the_same_label_twice_in_a_batch_is_one_shipment(
    counted: Counted, way_in: WayIn
) -> None:
    answers = await together(counted, label(1), label(1))
    assert created(answers) == [True, False]
    assert len(await way_in.rows("shipments")) == 1


async def test_events_from_before_any_label_of_a_batch_are_matched(
    counted: Counted, way_in: WayIn
) -> None:
    for number in (1, 2):
        await way_in.keep(body(scan(f"AC{number}", "IT", way_in.clock())))
    await way_in.read()
    await together(counted, *map(label, range(4)))
    matched = {r["shipment"] for r in await way_in.rows("event_parcels")}
    rows = {r["order_id"]: r["shipment"] for r in await way_in.rows("shipments")}
    assert matched == {rows["o1"], rows["o2"]}


async def test_an_outage_refuses_the_batch_and_the_next_one_is_registered(
    counted: Counted,
) -> None:
    batches, shipments = LabelBatches(), Shipments(counted)  # type: ignore[arg-type]
    counted.away = True
    waiting = [batches.register(shipments, label(n), START) for n in range(3)]
    failed = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(f) for f in failed] == [DatabaseUnavailable] * 3
    counted.away = False
    registered, _ = await batches.register(shipments, label(0), START)
    assert registered.created


async def test_a_request_that_is_cancelled_stops_no_other(
    counted: Counted, way_in: WayIn
) -> None:
    batches, shipments = LabelBatches(), Shipments(counted)  # type: ignore[arg-type]
    one, other = (
        asyncio.create_task(batches.register(shipments, label(n), START))
        for n in range(2)
    )
    await asyncio.sleep(0)
    one.cancel()
    registered, _ = await other
    assert registered.created
    assert len(await way_in.rows("shipments")) == 2
