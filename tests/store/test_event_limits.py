"""A parcel with thousands of events does not hold up others: further ones wait."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.operator import CONTRACT as OPERATOR
from relay.clock import micros
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.domain.labels import Delivery
from relay.domain.matching import MOST_EVENTS, Match
from relay.store.database import Database, Row, Transaction
from relay.store.documents import Documents
from relay.store.event_limits import MOST_OF_SHIPMENT, within_limits
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.operator_events import mark_delivered
from relay.store.snapshots import Change, Claim
from relay.store.unread import ReaderTerms
from relay.store.worklists import explain_unmatched
from tests.store.making import START, claim, count, execute, read, register, scan

LATER = START + timedelta(hours=1)


def many(events: int) -> list[TrackingEvent]:
    return [scan("AC1", START + n * timedelta(seconds=1)) for n in range(events)]


async def matched(database: Database) -> int:
    return (await count(database, "event_parcels"))["event_parcels"]


async def test_further_events_of_a_parcel_are_stored_and_listed(
    database: Database,
) -> None:
    await register(database, "AC1")
    await read(database, *many(MOST_EVENTS + 2), now=LATER)
    assert await matched(database) == MOST_EVENTS
    assert (await count(database, "events"))["events"] == MOST_EVENTS + 2
    async with database.reading() as tx:
        newest = {"key": micros(LATER), "id": 1 << 62, "limit": 9}
        rows = [dict(r) for r in await tx.rows("work_unmatched", **newest)]
        await explain_unmatched(tx, rows, {}, ("store",))
    assert len(rows) == 2
    assert "AC1 has 500 events already" in rows[0]["because"]


async def test_a_label_that_comes_later_takes_no_more(database: Database) -> None:
    await read(database, *many(MOST_EVENTS + 2), now=LATER)
    await register(database, "AC1", now=LATER)
    assert await matched(database) == MOST_EVENTS
    before = await execute(database, "SELECT event FROM event_parcels ORDER BY event")
    await register(database, "AC1", now=LATER)
    again = await execute(database, "SELECT event FROM event_parcels ORDER BY event")
    assert again == before


async def test_an_operators_delivery_counts_whatever_the_carrier_sent(
    database: Database,
) -> None:
    id_ = await register(database, "AC1")
    await read(database, *many(MOST_EVENTS), now=LATER)
    await mark_delivered(database, id_, Delivery(LATER, 1, "here"), "ana", LATER)
    reference = Reference(kind=ReferenceKind.SHIPMENT_ID, value=f"{id_}/1")
    event = TrackingEvent(
        references=(reference,), milestone=Milestone.DELIVERED, occurred_at=LATER
    )
    async with Documents(database).slice(10, 1 << 20) as taken:
        (document,) = taken.documents
        kind = ReferenceKind.SHIPMENT_ID
        report = ParsedDocument(document.number, OPERATOR, LATER, (event,), kind)
        await taken.store_events([report], LATER, ReaderTerms(Pace(), {}))
    assert await matched(database) == MOST_EVENTS + 1


async def test_planning_runs_outside_the_event_loop(database: Database) -> None:
    threads: list[int] = []

    def begin(_: Claim) -> Sequence[Change]:
        threads.append(threading.get_ident())
        return ()

    await register(database, "AC1")
    await read(database, *many(1), now=LATER)
    assert len(await claim(database, LATER, begin)) == 1
    assert threads != [threading.get_ident()]


class Counts(Transaction):
    """A transaction whose parcels have some events already."""

    def __init__(self, *parcels: tuple[int, int], volumes: int = 1) -> None:
        self._parcels = parcels
        self._volumes = volumes

    async def rows(self, query: str, **values: Any) -> Sequence[Row]:
        if query == "crowded_shipments":
            has_more = sum(n for _, n in self._parcels) > values["events"]
            return [{"shipment": 7}] if has_more else []
        assert query == "count_events_of_parcels"
        return [
            {"shipment": 7, "volumes": self._volumes, "volume": v, "events": n}
            for v, n in self._parcels
        ]


async def taken(counts: Counts, volume: int, events: int = 600) -> int:
    """Return how many events of one volume find a place."""
    wanted = {n: Match(1, frozenset({(7, volume)})) for n in range(events)}
    return len(await within_limits(counts, wanted, ()))


@pytest.mark.parametrize(
    ("volumes", "places"), [(1, 500), (100, 500), (200, 250), (999, 50)]
)
async def test_events_of_the_whole_invoice_count_for_each_of_its_parcels(
    volumes: int, places: int
) -> None:
    assert await taken(Counts((0, 0), volumes=volumes), 0) == places


async def test_an_invoice_has_a_limit_for_all_its_parcels() -> None:
    counts = Counts((1, MOST_OF_SHIPMENT - 10), (2, 7), volumes=999)
    assert await taken(counts, 2) == 3
    assert await taken(Counts((1, MOST_EVENTS), (2, 0), volumes=2), 2) == MOST_EVENTS


async def test_an_event_of_several_parcels_counts_for_those_with_a_place() -> None:
    both = {1: Match(1, frozenset({(7, 1), (7, 2)}))}
    counts = Counts((1, MOST_EVENTS), (2, 0), volumes=2)
    found = await within_limits(counts, both, ())
    assert found[1].targets == {(7, 2)}
    held = await within_limits(counts, both, (), {(1, 7, 1)})
    assert held[1].targets == both[1].targets


async def test_an_event_without_a_parcel_needs_no_place() -> None:
    unmatched = {1: Match(), 2: Match(1, frozenset({(7, 1)}))}
    found = await within_limits(Counts((1, MOST_EVENTS)), unmatched, ())
    assert found == {1: Match()}
    assert await within_limits(Counts(), {1: Match()}, ()) == {1: Match()}
