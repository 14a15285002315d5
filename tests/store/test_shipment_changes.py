"""Shipments by their last change: none is missed, whatever the order of commits."""

from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from relay.clock import micros
from relay.domain.labels import Label, LabelParcel
from relay.store.database import Database
from relay.store.operator_actions import OperatorActions
from relay.store.postgres import PostgresDatabase
from relay.store.shipment_changes import ChangePage, ChangePosition, ShipmentChanges
from relay.store.shipment_lists import ShipmentFilter
from relay.store.shipments import Shipments
from tests.store.making import execute
from tests.support.clock import START

LABEL = Label("store", "acme", "O", "1", (LabelParcel("TN"),), send_tracking="TN")
MINUTE = timedelta(minutes=1)


async def register(database: Database, order: str, now: datetime = START) -> str:
    label = replace(LABEL, order_id=order)
    return (await Shipments(database).register(label, now)).id


async def listed(
    database: Database, after: ChangePosition, limit: int = 100, **wanted: str
) -> ChangePage:
    changes = ShipmentChanges(database, batch=2, rounds=9)
    filters = ShipmentFilter(**wanted)  # type: ignore[arg-type]
    return await changes.page(filters, START, limit=limit, after=after)


def orders(page: ChangePage) -> list[str]:
    return [s.row["order_id"] for s in page.shipments]


async def start(database: Database, when: datetime = START) -> ChangePosition:
    return await ShipmentChanges(database).since(when)


async def test_changes_are_listed_in_their_order_and_each_shipment_once(
    database: Database,
) -> None:
    ids = [await register(database, f"O-{n}") for n in range(5)]
    begin = await start(database)
    first = await listed(database, begin, limit=3)
    await OperatorActions(database).cancel(ids[0], "ana", START + MINUTE)
    rest = await listed(database, first.position)
    assert (orders(first), first.more) == (["O-0", "O-1", "O-2"], True)
    assert (orders(rest), rest.more) == (["O-3", "O-4", "O-0"], False)
    again = await listed(database, rest.position)
    assert (orders(again), again.position) == ([], rest.position)


async def test_only_changes_since_a_time_are_listed(database: Database) -> None:
    await register(database, "O-1")
    await register(database, "O-2", START + timedelta(hours=1))
    begin = await start(database, START + timedelta(hours=1))
    assert orders(await listed(database, begin)) == ["O-2"]
    late = await start(database, START + timedelta(days=1))
    assert orders(await listed(database, late)) == []
    await register(database, "O-3", START + timedelta(days=2))
    assert orders(await listed(database, late)) == ["O-3"]


async def test_an_empty_store_can_be_followed_from_its_beginning(
    database: Database,
) -> None:
    begin = (await listed(database, await start(database))).position
    await register(database, "O-1")
    assert orders(await listed(database, begin)) == ["O-1"]


CHANGES = {
    "an event": "last_event_at = 7",
    "a state": "due_at = NULL, events_due_at = NULL",
    "a reason to wait": "waiting_reason = 'later'",
    "an unconfirmed write": "pending = '{}', in_doubt_since = 7",
    "a delivery": "delivered_published_at = 7",
    "what VTEX shows": "verified_at = 7",
    "an end": "closed_at = 7, closed_reason = 'lost'",
    "an operator's turn": "stuck_at = 7, stuck_reason = 'odd'",
    "a contradiction": "contradicted_at = 7, contradicted_reason = 'returned'",
    "another contract": "contract = 'zeta'",
    "another number": "tracking_number = 'TN2'",
    "another promise": "promised_on = '2026-09-01'",
}


@pytest.mark.parametrize("what", CHANGES)
async def test_whatever_a_list_shows_is_a_change(database: Database, what: str) -> None:
    await register(database, "O-1")
    begin = (await listed(database, await start(database))).position
    await execute(database, f"UPDATE shipments SET {CHANGES[what]}")  # noqa: S608
    assert orders(await listed(database, begin)) == ["O-1"]


async def test_a_claim_is_not_a_change(database: Database) -> None:
    await register(database, "O-1")
    begin = (await listed(database, await start(database))).position
    claimed = "lease = 'x', lease_until = 7, tried_at = 7, attempts = 1, version = 9"
    await execute(database, f"UPDATE shipments SET {claimed}")  # noqa: S608
    assert orders(await listed(database, begin)) == []


async def test_a_change_has_the_time_of_its_cause(database: Database) -> None:
    id_ = await register(database, "O-1")
    later = START + timedelta(hours=3)
    await OperatorActions(database).cancel(id_, "ana", later)
    (row,) = await execute(database, "SELECT updated_at FROM shipments")
    assert row["updated_at"] == micros(later)


async def test_a_change_that_commits_late_is_not_missed(
    postgres: PostgresDatabase, postgres_url: str
) -> None:
    for n in range(3):
        await register(postgres, f"O-{n}")
    begin = (await listed(postgres, await start(postgres))).position
    early = await asyncpg.connect(postgres_url)
    slow = early.transaction()
    await slow.start()
    sql = "UPDATE shipments SET waiting_reason = 'x' WHERE order_id = $1"
    await early.execute(sql, "O-0")
    await execute(postgres, sql.replace("$1", "'O-1'"))
    during = await listed(postgres, begin)
    assert (orders(during), during.position) == ([], begin)
    assert (await start(postgres, START + timedelta(days=9))).number <= begin.number
    await slow.commit()
    after = await listed(postgres, during.position)
    await early.execute(sql, "O-2")
    last = await listed(postgres, after.position)
    await early.close()
    assert (orders(after), orders(last)) == (["O-0", "O-1"], ["O-2"])


async def test_a_database_restored_on_another_server_goes_on(
    postgres_url: str,
) -> None:
    database = PostgresDatabase(postgres_url)
    await database.open()
    await register(database, "O-1")
    connection = await asyncpg.connect(postgres_url)
    # As after a restore: the numbers are ahead of this server's transactions.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("UPDATE shipments SET change_number = 1000000000000")
    await connection.close()
    await database.close()
    await database.open()
    begin = (await listed(database, ChangePosition(0, 0))).position
    await register(database, "O-2")
    found = await listed(database, begin)
    await database.close()
    assert begin.number == 1_000_000_000_000
    assert orders(found) == ["O-2"]


async def test_filters_leave_out_others_and_lose_no_place(database: Database) -> None:
    for n in range(5):
        await register(database, f"O-{n}")
    begin = await start(database)
    page = await listed(database, begin, contract="zeta")
    assert (orders(page), page.more) == ([], False)
    other = await listed(database, begin, accounts=["outlet"])  # type: ignore[arg-type]
    assert other.position == page.position


async def test_a_page_examines_a_bounded_number_of_rows(database: Database) -> None:
    for n in range(5):
        await register(database, f"O-{n}")
    changes = ShipmentChanges(database, batch=2, rounds=1)
    wanted, found, more = ShipmentFilter(contract="zeta"), await start(database), True
    pages = 0
    while more:
        page = await changes.page(wanted, START, limit=9, after=found)
        found, more, pages = page.position, page.more, pages + 1
    assert pages == 3
