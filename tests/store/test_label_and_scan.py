"""A label and an early scan that come at the same time still find one another."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.domain.labels import Label, LabelParcel
from relay.store.database import Database, Transaction
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.events import store_events
from relay.store.shipments import Shipments
from tests.support.clock import START
from tests.support.way_in import everything, until

LABEL = Label(
    account="store",
    contract="acme",
    order_id="v1-01",
    invoice_number="1",
    parcels=(LabelParcel("AC1"),),
)
EVENT = TrackingEvent(
    references=(
        Reference(kind=ReferenceKind.SHIPMENT_ID, value="id-1"),
        Reference(kind=ReferenceKind.TRACKING_NUMBER, value="ac 1"),
    ),
    milestone=Milestone.PICKED_UP,
    occurred_at=START,
    carrier_code="PU",
)


class HeldOpen:
    """A database whose transactions wait, once they did their work, to be let go."""

    def __init__(self, database: Database) -> None:
        self.dialect = database.dialect
        self._database = database
        self.done = asyncio.Event()
        self.go = asyncio.Event()

    @asynccontextmanager
    async def writing(self) -> Any:
        async with self._database.writing() as tx:
            yield tx
            self.done.set()
            await self.go.wait()

    async def write_in_one_go(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async with self.writing() as tx:
            return await work(tx)


Side = Callable[[Any], Awaitable[None]]


async def label(database: Any) -> None:
    await Shipments(database, Pace(), {}).register(LABEL, START)


async def scan(database: Any) -> None:
    reading = ParsedDocument(1, "acme", START, (EVENT,))
    async with database.writing() as tx:
        await store_events(tx, [reading], START, Pace(), {})


async def is_matched(database: Database) -> bool:
    (event,) = await everything(database, "events")
    matches = await everything(database, "event_parcels")
    (shipment,) = await everything(database, "shipments")
    return (
        event["via"] is not None
        and [(m["event"], m["volume"]) for m in matches] == [(event["event"], 1)]
        and shipment["due_at"] is not None
    )


@pytest.mark.parametrize(
    ("first", "second"), [(label, scan), (scan, label)], ids=["label", "scan"]
)
async def test_whoever_comes_first_the_event_is_matched(
    database: Database, first: Side, second: Side
) -> None:
    await first(database)
    await second(database)
    assert await is_matched(database)


@pytest.mark.parametrize(
    ("first", "second"), [(label, scan), (scan, label)], ids=["label", "scan"]
)
async def test_while_one_is_not_committed_the_other_waits(
    database: Database, first: Side, second: Side
) -> None:
    held = HeldOpen(database)
    one = asyncio.create_task(first(held))  # type: ignore[arg-type]
    await held.done.wait()
    other = asyncio.create_task(second(database))  # type: ignore[arg-type]
    if database.dialect == "postgres":
        await until(lambda: somebody_waits(database))
    assert not other.done()
    held.go.set()
    await asyncio.gather(one, other)
    assert await is_matched(database)


async def somebody_waits(database: Any) -> bool:
    """Whether a transaction waits for another's lock."""
    async with database.reading() as tx:
        found = await tx._connection.fetchval(  # noqa: SLF001 -- the server's own view
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
        )
    return bool(found)


async def test_many_labels_and_scans_at_once_all_meet(database: Database) -> None:
    count = 20
    labels = Shipments(database, Pace(), {})

    async def print_label(i: int) -> None:
        references = (Reference(kind=ReferenceKind.VOLUME_CODE, value=f"V{i % 3}"),)
        parcel = LabelParcel(f"AC{i}", references=references)
        await labels.register(Label("store", "acme", f"o{i}", f"{i}", (parcel,)), START)

    async def read_scans(tx: Transaction, numbers: range) -> None:
        readings = [
            ParsedDocument(i, "acme", START, (scan_of(f"AC{i}", i),)) for i in numbers
        ]
        await store_events(tx, readings, START, Pace(), {})

    async def slice_(numbers: range) -> None:
        async with database.writing() as tx:
            await read_scans(tx, numbers)

    await asyncio.gather(
        *(print_label(i) for i in range(count)),
        *(slice_(range(start, count, 4)) for start in range(4)),
    )
    matches = await everything(database, "event_parcels")
    assert len({m["event"] for m in matches}) == count


def scan_of(number: str, place: int) -> TrackingEvent:
    return EVENT.model_copy(
        update={
            "references": (
                Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number),
                Reference(kind=ReferenceKind.SHIPMENT_ID, value=f"id-{place}"),
            ),
            "occurred_at": START + timedelta(seconds=place),
        }
    )
