"""One order is forgotten: what names a person goes, counts and times stay."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from relay.clock import micros
from relay.domain.shipment import Policy
from relay.errors import Conflict
from relay.outbound.steps import Rest, next_step
from relay.store.database import Database
from relay.store.erasure import Erasure, ErasureResult
from tests.store.making import (
    START,
    claim,
    count,
    execute,
    read,
    register,
    scan,
    shipment,
    to_rest,
)

POLICY = Policy(zone=ZoneInfo("UTC"))
HOUR = timedelta(hours=1)
LATER = START + 5 * HOUR
PUBLISHED = (
    '{"city":"Salto","state":"SP","description":"left with Joana",'
    '"date":"2026-03-02T10:00:00-03:00"}'
)


async def told_and_called(database: Database, number: int) -> None:
    """Store an object and a call of a shipment, both with a name in them."""
    async with database.writing() as tx:
        published = {"volume": 1, "occurred_at": 1, "code": "c", "position": 0}
        await tx.run(
            "store_published",
            shipment=number,
            object=PUBLISHED,
            event=None,
            now=1,
            **published,
        )
        await tx.run(
            "store_call",
            call=f"call-{number}",
            shipment=number,
            account="store",
            kind="send_events",
            body=PUBLISHED,
            now=1,
        )


async def one_order(database: Database) -> None:
    """Tell of an order and of another one, under numbers of their own."""
    for order, number in (("1-01", "AC1"), ("2-01", "AC2")):
        await register(database, number, order)
        event = scan(number, START + HOUR, description="left with Joana")
        wordy = scan(number, START + HOUR, code="", description="Joana has it")
        await read(database, event, wordy, now=START + HOUR)
        await told_and_called(database, (await shipment(database, order))["shipment"])


async def erase(database: Database, order: str = "1-01") -> ErasureResult:
    return await Erasure(database).erase("store", order, "an operator", LATER)


async def texts(database: Database) -> list[str]:
    """Return everything in the tables in which somebody could be named."""
    queries = (
        "SELECT body FROM documents",
        "SELECT description, city, state, text_key FROM events",
        "SELECT object FROM published",
        "SELECT body, message FROM vtex_calls",
        "SELECT tracking_url, tracking_sent_as, pending FROM shipments",
    )
    found: list[dict[str, Any]] = []
    for query in queries:
        found += await execute(database, query)
    return [str(value) for row in found for value in row.values() if value]


async def test_nothing_that_names_a_person_is_left_of_an_order(
    database: Database,
) -> None:
    await one_order(database)
    assert await erase(database) == ErasureResult(1, 1, 2, 1, 1)
    assert await erase(database, "2-01") == ErasureResult(1, 1, 2, 1, 1)
    left = " ".join(await texts(database)).lower()
    for word in ("joana", "a body", "salto", '"sp"', "acme.example"):
        assert word not in left
    assert "2026-03-02t10:00:00-03:00" in left


async def test_counts_and_times_stay(database: Database) -> None:
    await one_order(database)
    tables = (
        "documents",
        "events",
        "event_parcels",
        "published",
        "vtex_calls",
        "shipments",
    )
    before = await count(database, *tables)
    times = "SELECT occurred_at, code, milestone FROM events ORDER BY event"
    happened = await execute(database, times)
    await erase(database)
    assert await count(database, *tables) == before
    assert await execute(database, times) == happened


async def test_another_order_is_untouched(database: Database) -> None:
    await one_order(database)
    before = await shipment(database, "2-01")
    await erase(database)
    assert await shipment(database, "2-01") == before
    left = " ".join(await texts(database))
    assert left.count("left with Joana") == 3
    assert left.count("a body") == 1


async def test_a_forgotten_order_is_over_for_good(database: Database) -> None:
    await one_order(database)
    (claimed, *_) = await claim(database, START + 2 * HOUR)
    await erase(database)
    row = await shipment(database)
    assert (row["closed_at"], row["closed_reason"]) == (micros(LATER), "erased")
    assert row["lease"] is None
    assert claimed.snapshot.id == row["id"]
    await to_rest(database, LATER)
    await read(database, scan("AC1", LATER, code="later"), now=LATER)
    assert await claim(database, LATER + HOUR) == []
    notes = await execute(database, "SELECT text FROM notes")
    assert {"text": "personal data erased; requested by an operator"} in notes


async def test_when_a_shipment_was_closed_before_stays(database: Database) -> None:
    await one_order(database)
    await execute(database, "UPDATE shipments SET closed_at = 7, closed_reason = 'x'")
    await erase(database)
    row = await shipment(database)
    assert (row["closed_at"], row["closed_reason"]) == (7, "erased")


async def test_the_same_label_again_wakes_no_forgotten_order(
    database: Database,
) -> None:
    await one_order(database)
    await to_rest(database, START + 2 * HOUR)
    await erase(database)
    with pytest.raises(Conflict, match="erased"):
        await register(database, "AC1", now=LATER)
    assert await claim(database, LATER) == []
    async with database.writing() as tx:
        await tx.run("make_due", shipment=1, now=micros(LATER))
    (claimed,) = await claim(database, LATER)
    step = next_step(claimed, LATER, POLICY, can_read=True)
    assert step == Rest(closes_because="erased")


async def test_an_event_that_counts_for_another_order_too_keeps_its_words(
    database: Database,
) -> None:
    await register(database, "AC1", "1-01")
    await register(database, "AC1", "2-01")
    await read(database, scan("AC1", START + HOUR), now=START + HOUR)
    assert await erase(database) == ErasureResult(1, 0, 0, 0, 0)
    assert "on its way" in await texts(database)
    assert await erase(database, "2-01") == ErasureResult(1, 1, 1, 0, 0)
    assert "on its way" not in await texts(database)


async def test_an_order_without_number_or_of_which_nothing_is_known(
    database: Database,
) -> None:
    assert await erase(database, "9-99") == ErasureResult()
    await register(database, "AC1")
    await execute(database, "UPDATE shipments SET tracking_sent_as = NULL")
    assert await erase(database) == ErasureResult(shipments=1)
    assert (await shipment(database))["tracking_sent_as"] is None


async def test_forgetting_twice_is_no_harm(database: Database) -> None:
    await one_order(database)
    assert await erase(database) == await erase(database)
