"""One scan that several entry points give to other precisions is one stored event."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from relay.clock import micros
from relay.domain.event_time import DAY, MINUTE
from relay.domain.events import Milestone, TrackingEvent
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.event_rows import ParsedDocument
from relay.store.polled_documents import documents_with_new_events
from tests.store.making import START, claim, execute, read, register, scan

SECOND_OF_SCAN = START + timedelta(minutes=22, seconds=37)
BY_SECOND = scan("AC1", SECOND_OF_SCAN)
BY_MINUTE = scan("AC1", START + timedelta(minutes=22), precision=MINUTE)
MIDNIGHT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
BY_DAY = scan("AC1", MIDNIGHT, precision=DAY)
EXACTLY_MIDNIGHT = scan("AC1", MIDNIGHT, precision=DAY, midnight=True)
UNTIL = START + timedelta(hours=1)


async def stored(database: Database) -> list[dict[str, Any]]:
    return await execute(database, "SELECT * FROM events ORDER BY occurred_at")


async def instants(database: Database) -> list[int]:
    return [e["occurred_at"] for e in await stored(database)]


@pytest.mark.parametrize("order", list(permutations([BY_SECOND, BY_MINUTE, BY_DAY])))
async def test_a_scan_is_one_event_with_its_most_precise_time(
    database: Database, order: tuple[TrackingEvent, ...]
) -> None:
    for event in order:
        await read(database, event, now=UNTIL)
    (event_,) = await stored(database)
    assert event_["occurred_at"] == micros(SECOND_OF_SCAN)
    assert event_["second"] == micros(SECOND_OF_SCAN) // 1_000_000
    assert event_["precision"] == 1


@pytest.mark.parametrize("order", list(permutations([BY_SECOND, BY_MINUTE, BY_DAY])))
async def test_in_one_document_too(
    database: Database, order: tuple[TrackingEvent, ...]
) -> None:
    await read(database, *order, now=UNTIL)
    assert await instants(database) == [micros(SECOND_OF_SCAN)]


async def test_another_scan_of_that_minute_is_another_event(database: Database) -> None:
    twenty_seconds = timedelta(seconds=20)
    before = scan("AC1", SECOND_OF_SCAN - twenty_seconds)
    await read(database, BY_MINUTE, now=UNTIL)
    await read(database, BY_SECOND, before, now=UNTIL)
    await read(database, BY_MINUTE, now=UNTIL)
    wanted = [SECOND_OF_SCAN - twenty_seconds, SECOND_OF_SCAN]
    assert await instants(database) == list(map(micros, wanted))


@pytest.mark.parametrize(
    "other",
    [
        scan("AC1", START + timedelta(minutes=23), precision=MINUTE),
        scan("AC1", MIDNIGHT + DAY, precision=DAY),
        scan("AC2", MIDNIGHT, precision=DAY),
        scan("AC1", MIDNIGHT, Milestone.HELD, precision=DAY),
        EXACTLY_MIDNIGHT,
    ],
    ids=["minute", "day", "parcel", "code", "midnight"],
)
async def test_a_scan_of_another_minute_day_parcel_or_code_is_another_event(
    database: Database, other: TrackingEvent
) -> None:
    await read(database, BY_SECOND, now=UNTIL)
    await read(database, other, now=UNTIL)
    await read(database, other, BY_SECOND, now=UNTIL)
    assert len(await stored(database)) == 2


@pytest.mark.parametrize("order", list(permutations([BY_DAY, EXACTLY_MIDNIGHT])))
async def test_a_day_given_as_a_day_is_no_missing_time(
    database: Database, order: tuple[TrackingEvent, ...]
) -> None:
    for event in order:
        await read(database, event, now=UNTIL)
    await read(database, *order, now=UNTIL)
    (event_,) = await stored(database)
    assert (event_["precision"], event_["midnight"]) == (86_400, 0)


async def test_a_more_precise_time_of_an_older_document_counts(
    database: Database,
) -> None:
    await read(database, BY_MINUTE, now=UNTIL)
    await read(database, BY_SECOND, now=UNTIL - timedelta(minutes=1))
    assert await instants(database) == [micros(SECOND_OF_SCAN)]


async def test_a_label_that_comes_later_finds_all_references_of_a_scan(
    database: Database,
) -> None:
    number = BY_DAY.references[0]
    other = number.model_copy(update={"value": "AC9"})
    first = BY_SECOND
    second = BY_DAY.model_copy(update={"references": (number, other)})
    await read(database, first, second, now=UNTIL)
    await register(database, "AC9", now=UNTIL)
    found = await execute(database, "SELECT event FROM event_parcels")
    assert len(found) == 1


async def test_a_poll_that_is_less_precise_has_nothing_new(database: Database) -> None:
    def polled(event: TrackingEvent) -> ParsedDocument:
        return ParsedDocument(1, "acme", UNTIL, (event,))

    await read(database, BY_MINUTE, now=UNTIL)
    new = [
        await documents_with_new_events(database, [polled(event)])
        for event in (BY_MINUTE, BY_DAY, BY_SECOND)
    ]
    assert new == [set(), set(), {1}]


async def test_the_rules_see_the_day_of_an_event(database: Database) -> None:
    await register(database, "AC1", now=START)
    day = scan("AC1", MIDNIGHT, Milestone.DELIVERED, precision=DAY)
    await read(database, day, EXACTLY_MIDNIGHT, now=UNTIL)
    (only,) = await claim(database, UNTIL + timedelta(hours=1))
    found = [(e.precision, e.midnight) for e in only.snapshot.events]
    assert sorted(found) == [(DAY, False), (DAY, True)]


async def test_a_document_links_to_the_one_event_it_repeats(database: Database) -> None:
    await read(database, BY_SECOND, now=UNTIL)
    await read(database, BY_DAY, now=UNTIL)
    links = await execute(database, "SELECT document, event FROM event_documents")
    assert len(links) == 2
    assert len({link["event"] for link in links}) == 1
    assert len(await Documents(database).list()) == 2
