"""What was missed is found, what is silent closes, what is old goes."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from relay.clock import micros
from relay.domain.events import Milestone
from relay.domain.invoices import InvoiceNotification, InvoiceType
from relay.domain.shipment import Policy
from relay.runtime.housekeeper import Housekeeper, no_wake
from relay.store.codec import new_id
from relay.store.database import Database
from relay.store.invoices import InvoiceOrder, Invoices
from relay.store.postgres import PostgresDatabase
from relay.store.refused import RefusalTally, RefusedWebhook, RefusedWebhooks
from relay.store.rejected import (
    RejectedBounds,
    RejectedRequest,
    RejectedRequests,
    RejectedTally,
)
from relay.store.retention import IDLE, Retention, RetentionPolicy
from relay.store.shipments import Shipments
from relay.store.sqlite import SqliteDatabase
from relay.store.sweep import SOON, Sweep
from tests.store.making import (
    START,
    claim,
    count,
    execute,
    keep,
    read,
    register,
    scan,
    shipment,
    to_rest,
)
from tests.support.clock import Clock
from tests.support.faults import refuse

POLICY = Policy(zone=ZoneInfo("America/Sao_Paulo"))
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LATER = START + timedelta(hours=2)


def sweep_of(database: Database, **more: object) -> Sweep:
    policy = RetentionPolicy(expire_by_contract={"quick": 5 * DAY})
    values = {"accounts": {"store"}, "size": 50} | more
    return Sweep(
        database,
        policy=lambda _account, _contract: POLICY,
        expires_after=policy.expires_after,
        **values,  # type: ignore[arg-type]
    )


async def missed(database: Database, now: datetime = LATER) -> int:
    return len((await sweep_of(database).slice(0, now)).found)


async def at_rest(database: Database, *milestones: Milestone) -> None:
    """Leave one shipment at rest of which VTEX was told nothing."""
    await register(database, "AC1")
    for place, milestone in enumerate(milestones):
        at = START + HOUR + place * timedelta(minutes=1)
        await read(database, scan("AC1", at, milestone), now=START + HOUR)
    await to_rest(database, START + HOUR)


# Missed.


async def test_a_shipment_at_rest_with_something_to_tell_becomes_due(
    database: Database,
) -> None:
    await at_rest(database, Milestone.IN_TRANSIT)
    version = (await shipment(database))["version"]
    swept = await sweep_of(database).slice(0, LATER)
    row = await shipment(database)
    assert swept.found == (row["id"],)
    assert (row["due_at"], row["lane"], row["version"]) == (
        micros(LATER),
        1,
        version + 1,
    )
    assert [c.snapshot.id for c in await claim(database, LATER)] == [row["id"]]
    notes = await execute(database, "SELECT text FROM notes ORDER BY note")
    assert "the sweep found" in notes[-1]["text"]


async def test_a_shipment_of_which_all_is_told_stays_at_rest(
    database: Database,
) -> None:
    await at_rest(database, Milestone.LABEL_CREATED, Milestone.UNKNOWN)
    assert await missed(database) == 0
    assert (await shipment(database))["due_at"] is None


NOT_AT_REST = {
    "stuck": "stuck_reason = 'refused', stuck_at = 1",
    "leased": f"lease = 'x', lease_until = {micros(LATER) - 1}",
    "due now": f"due_at = {micros(LATER)}",
    "due soon": f"due_at = {micros(LATER + SOON)}",
    "news": f"events_due_at = {micros(LATER)}",
    "waiting": f"not_before = {micros(LATER) + 1}",
    "closed": f"closed_at = {micros(LATER)}, closed_reason = 'returned'",
    "of an account that is gone": "account = 'gone'",
    "without a number": "tracking_number = NULL",
    "delivered": "delivered_published_at = 1",
}


@pytest.mark.parametrize("columns", NOT_AT_REST.values(), ids=NOT_AT_REST.keys())
async def test_what_goes_on_by_itself_or_is_over_is_not_missed(
    database: Database, columns: str
) -> None:
    await at_rest(database, Milestone.IN_TRANSIT)
    await execute(database, f"UPDATE shipments SET {columns}")  # noqa: S608
    assert await missed(database) == 0


MISSED = {
    "not announced": "tracking_sent_as = NULL",
    "a write nobody settled": """pending = '{"kind":"announce","body":"{}"}'""",
    "due far ahead": f"due_at = {micros(LATER + SOON) + 1}",
    "a wait that is over": f"not_before = {micros(LATER)}",
}


@pytest.mark.parametrize("columns", MISSED.values(), ids=MISSED.keys())
async def test_what_would_never_go_on_is_missed(
    database: Database, columns: str
) -> None:
    await at_rest(database, Milestone.IN_TRANSIT)
    await execute(database, f"UPDATE shipments SET {columns}")  # noqa: S608
    assert await missed(database) == 1


@pytest.mark.parametrize(
    "meanwhile",
    [
        "version = version + 1",
        "tried_at = tried_at + 1",
        "closed_at = 1",
        "lease = 'x', lease_until = 1",
    ],
)
async def test_what_somebody_else_changed_meanwhile_is_left_to_them(
    database: Database, meanwhile: str
) -> None:
    await at_rest(database, Milestone.IN_TRANSIT)
    row = await shipment(database)
    await execute(database, f"UPDATE shipments SET {meanwhile}")  # noqa: S608
    sweep = sweep_of(database)
    assert await sweep._change("wake_shipment", [row], LATER) == ()  # noqa: SLF001
    assert await sweep._change("expire_shipment", [row], LATER) == ()  # noqa: SLF001


async def test_open_shipments_are_looked_at_a_slice_at_a_time(
    database: Database,
) -> None:
    for n in range(5):
        await register(database, f"AC{n}", f"{n}-01")
        await read(database, scan(f"AC{n}", START + HOUR), now=START + HOUR)
    await to_rest(database, START + HOUR)
    sweep = sweep_of(database, size=2)
    slices, after = [], 0
    for _ in range(3):
        swept = await sweep.slice(after, LATER)
        slices.append(len(swept.found))
        after = swept.last or 0
    assert slices == [2, 2, 1]
    assert swept.last is None


# Expired.


@pytest.mark.parametrize(
    ("columns", "days", "expired"),
    [
        ("", 59, False),
        ("", 61, True),
        ("contract = 'quick'", 4, False),
        ("contract = 'quick'", 6, True),
        (f"last_event_at = {micros(START + 30 * DAY)}", 89, False),
        (f"last_event_at = {micros(START + 30 * DAY)}", 91, True),
        (f"tried_at = {micros(START + 30 * DAY)}", 89, False),
        ("stuck_reason = 'refused', stuck_at = 1", 61, False),
        (f"due_at = {micros(START + 60 * DAY)}", 61, False),
        ("account = 'gone'", 61, False),
        ("tracking_number = NULL", 61, True),
    ],
)
async def test_a_shipment_expires_after_long_silence(
    database: Database, columns: str, days: int, expired: bool
) -> None:
    await at_rest(database)
    if columns:
        await execute(database, f"UPDATE shipments SET {columns}")  # noqa: S608
    now = START + HOUR + days * DAY
    swept = await sweep_of(database).slice(0, now)
    row = await shipment(database)
    assert len(swept.expired) == expired
    assert row["closed_reason"] == ("expired" if expired else None)
    assert row["closed_at"] == (micros(now) if expired else None)


async def test_what_was_missed_is_told_before_it_expires(database: Database) -> None:
    await at_rest(database, Milestone.IN_TRANSIT)
    swept = await sweep_of(database).slice(0, START + 99 * DAY)
    assert len(swept.found) == 1
    assert swept.expired == ()


async def test_a_scan_of_an_expired_shipment_makes_it_due(database: Database) -> None:
    await at_rest(database)
    late = START + 70 * DAY
    assert len((await sweep_of(database).slice(0, late)).expired) == 1
    assert await claim(database, late) == []
    await read(database, scan("AC1", late), now=late)
    (claimed,) = await claim(database, late + HOUR)
    assert claimed.snapshot.closed_reason == "expired"


# Ages.


OF_SHIPMENTS = (
    "shipments",
    "parcels",
    "parcel_references",
    "event_parcels",
    "published",
    "vtex_calls",
    "notes",
    "events",
    "event_references",
    "reference_values",
)


def ages_of(database: Database, **more: int) -> Retention:
    return Retention(database, RetentionPolicy(), **more)


async def erased(database: Database, now: datetime) -> dict[str, int]:
    found = await ages_of(database).apply(now)
    return {name: n for name, n in found.items() if n}


@pytest.mark.parametrize(
    ("columns", "days", "gone"),
    [
        ("new_events = 1", 89, False),
        ("new_events = 1", 91, True),
        ("new_events = 0", 6, False),
        ("new_events = 0", 8, True),
        ("new_events = 0, unreadable_reason = 'odd'", 179, False),
        ("new_events = 0, unreadable_reason = 'odd'", 181, True),
        ("new_events = 1, unreadable_reason = 'odd', partly_parsed = 1", 179, False),
        ("new_events = 1, unreadable_reason = 'odd', partly_parsed = 1", 181, True),
        ("read_at = NULL", 999, False),
        ("parked = 1", 999, False),
    ],
)
async def test_a_document_is_kept_as_long_as_it_may_matter(
    database: Database, columns: str, days: int, gone: bool
) -> None:
    await read(database)
    await execute(database, f"UPDATE documents SET {columns}")  # noqa: S608
    found = await erased(database, START + days * DAY)
    assert found == ({"documents": 1} if gone else {})
    assert (await count(database, "documents"))["documents"] == (not gone)


async def test_a_document_is_kept_while_its_shipment_is_open(
    database: Database,
) -> None:
    await register(database, "AC1")
    await read(database, scan("AC1", START + HOUR))
    late = START + 200 * DAY
    assert await erased(database, late) == {}
    partly = "UPDATE documents SET unreadable_reason = 'odd', partly_parsed = 1"
    await execute(database, partly)
    assert await erased(database, late) == {}
    await execute(database, f"UPDATE shipments SET closed_at = {micros(START)}")  # noqa: S608
    assert await erased(database, late) == {"documents": 1}
    assert await count(database, "documents", "event_documents", "events") == {
        "documents": 0,
        "event_documents": 0,
        "events": 1,
    }


async def test_unmatched_events_are_kept_for_sixty_days(database: Database) -> None:
    await register(database, "AC1")
    await read(database, scan("XY9", START + HOUR), scan("AC1", START + HOUR))
    assert await erased(database, START + 59 * DAY) == {}
    found = await erased(database, START + 61 * DAY)
    assert found == {"unmatched": 1, "references": 1}
    tables = ("events", "event_references", "event_documents", "reference_values")
    assert await count(database, *tables) == {
        "events": 1,
        "event_references": 1,
        "event_documents": 1,
        "reference_values": 2,
    }


async def test_calls_are_kept_for_four_hundred_days(database: Database) -> None:
    for days in (0, 1):
        stored_at = START + days * DAY
        async with database.writing() as tx:
            await tx.run(
                "store_call",
                call=new_id(stored_at),
                shipment=1,
                account="store",
                kind="read_order",
                body=None,
                now=micros(stored_at),
            )
    assert await erased(database, START + 399 * DAY) == {}
    now = START + 400 * DAY + HOUR
    assert await erased(database, now) == {"calls": 1}
    assert await erased(database, now + DAY) == {"calls": 1}


async def test_invoices_go_after_two_years_and_their_calls_before(
    database: Database,
) -> None:
    sent = InvoiceNotification(
        "store", "O-1", "1", InvoiceType.OUTPUT, 100, START.isoformat()
    )
    invoices = Invoices(database, Shipments(database))
    done = await invoices.register(InvoiceOrder(sent, (), None, "erp"), START)
    values = {"invoice": 1, "kind": "read_order", "now": micros(START)}
    async with database.writing() as tx:
        await tx.run("store_invoice_call", call=new_id(START), **values)
    assert await erased(database, START + 399 * DAY) == {}
    assert await erased(database, START + 401 * DAY) == {"invoice calls": 1}
    assert await erased(database, START + 731 * DAY) == {}  # it is still to be posted
    await invoices.cancel(done.id)
    assert await erased(database, START + 729 * DAY) == {}
    assert await erased(database, START + 731 * DAY) == {"invoices": 1}


async def test_shipments_go_after_two_years_with_all_that_is_theirs(
    database: Database,
) -> None:
    await at_rest(database, Milestone.IN_TRANSIT)
    await execute(database, f"UPDATE shipments SET closed_at = {micros(START)}")  # noqa: S608
    await register(database, "AC2", "2-01")
    await read(database, scan("AC2", START + HOUR))
    assert "shipments" not in await erased(database, START + 729 * DAY)
    both = await count(database, *OF_SHIPMENTS)
    found = await erased(database, START + 731 * DAY)
    assert found == {"shipments": 1, "events": 1, "references": 2}
    left = await count(database, *OF_SHIPMENTS)
    assert {t: 2 * n for t, n in left.items()} == both
    assert (await shipment(database, "2-01"))["closed_at"] is None


async def test_the_last_events_number_is_not_given_again(database: Database) -> None:
    await read(database, scan("XY9", START), scan("XY9", START, code="last"))
    late = START + 999 * DAY
    assert (await ages_of(database, size=1).apply(late))["unmatched"] == 1
    assert await execute(database, "SELECT code FROM events") == [{"code": "last"}]


@pytest.mark.parametrize(
    ("columns", "gone"),
    [
        ("closed_at = 1", True),
        ("stuck_reason = 'refused'", True),
        ("due_at = 1", False),
        ("closed_at = 1, lease = 'x'", False),
        (f"closed_at = 1, last_event_at = {micros(START + 9 * DAY)}", False),
    ],
)
async def test_only_a_shipment_that_is_over_goes(
    database: Database, columns: str, gone: bool
) -> None:
    await at_rest(database)
    await execute(database, f"UPDATE shipments SET {columns}")  # noqa: S608
    found = await erased(database, START + 731 * DAY)
    assert found.get("shipments", 0) == gone


async def test_an_event_stays_as_long_as_a_shipment_it_counts_for(
    database: Database,
) -> None:
    await at_rest(database, Milestone.IN_TRANSIT)
    assert await erased(database, START + 900 * DAY) == {}
    assert (await count(database, "events"))["events"] == 1


async def test_what_was_put_aside_goes_after_days(database: Database) -> None:
    rejected_request = RejectedRequest(
        "acme", START, {}, b"forged", b"", "wrong secret"
    )
    await RejectedRequests(database).put([rejected_request], RejectedBounds(999, START))
    assert await erased(database, START + 6 * DAY) == {}
    assert await erased(database, START + 8 * DAY) == {"rejected_requests": 1}


async def test_counts_of_rejected_and_refused_requests_go_after_days(
    database: Database,
) -> None:
    rejected, tally = RejectedRequests(database), RejectedTally(START, START, 1)
    await rejected.put([], RejectedBounds(999, START), {"acme": tally})
    refusal = RefusedWebhook("acme", "/webhooks/acme", "GET", 405, "not accepted")
    await RefusedWebhooks(database).put([(refusal, RefusalTally(START, START, 1))])
    tables = ("rejected_counts", "refused_webhooks")
    await ages_of(database).apply(START + 6 * DAY)
    assert await count(database, *tables) == dict.fromkeys(tables, 1)
    await ages_of(database).apply(START + 8 * DAY)
    assert await count(database, *tables) == dict.fromkeys(tables, 0)


async def test_ages_go_on_until_nothing_is_too_old(database: Database) -> None:
    for _ in range(7):
        await read(database)
    found = await ages_of(database, size=2).apply(START + 8 * DAY)
    assert found["documents"] == 7
    assert (await count(database, "documents"))["documents"] == 0


async def test_a_round_over_what_is_kept_is_bounded_and_goes_on_there(
    database: Database,
) -> None:
    for _ in range(IDLE + 1):
        await keep(database, START)
    await read(database)
    await execute(
        database,
        f"UPDATE documents SET read_at = CASE WHEN document = {IDLE + 2} THEN 1 END",  # noqa: S608
    )
    retention, late = ages_of(database, size=1), START + 8 * DAY
    assert (await retention.apply(late))["documents"] == 0
    assert (await retention.apply(late))["documents"] == 1
    assert (await retention.apply(late))["documents"] == 0
    assert (await count(database, "documents"))["documents"] == IDLE + 1


async def test_a_walk_ends_where_everything_is_young(database: Database) -> None:
    await read(database, now=START)
    await read(database, now=START + 8 * DAY)
    retention = ages_of(database, size=1)
    assert (await retention.apply(START + 8 * DAY))["documents"] == 1
    assert (await retention.apply(START + 16 * DAY))["documents"] == 1


def test_a_contract_may_expire_sooner() -> None:
    policy = RetentionPolicy(expire_by_contract={"quick": DAY})
    assert policy.expires_after("quick") == DAY
    assert policy.expires_after("acme") == 60 * DAY


def test_calls_are_bounded_by_the_time_in_their_id() -> None:
    policy = RetentionPolicy(calls=DAY)
    assert (
        new_id(START - DAY - timedelta(milliseconds=1))
        < (policy.bounds(START)["calls"])
    )
    assert new_id(START - DAY) > policy.bounds(START)["calls"]


# The loop.


@dataclass
class Woken:
    times: int = 0

    def __call__(self) -> None:
        self.times += 1


def sweeper_of(database: Database, clock: Clock, woken: Woken) -> Housekeeper:
    sweep = sweep_of(database, size=1)
    return Housekeeper(database, sweep, ages_of(database), clock, wake=woken)


async def test_a_round_counts_wakes_and_forgets(database: Database) -> None:
    for n in range(3):
        await register(database, f"AC{n}", f"{n}-01")
    await read(database, scan("AC1", START + HOUR), now=START + HOUR)
    await read(database, now=START)
    await to_rest(database, START + HOUR)
    woken = Woken()
    housekeeper = sweeper_of(database, Clock(START + 65 * DAY), woken)
    assert await housekeeper.step() == 1
    assert (housekeeper.found, housekeeper.expired, woken.times) == (1, 2, 1)
    assert housekeeper.erased["documents"] == 1
    assert await housekeeper.step() == 0
    assert (housekeeper.found, housekeeper.expired, woken.times) == (1, 2, 1)


@dataclass
class Failing(Housekeeper):
    """Fails at first, then works, and says so."""

    steps: int = 0
    again: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self) -> int:
        self.steps += 1
        if self.steps == 1:
            raise OSError("the disk is full")
        self.again.set()
        return 0


async def test_a_round_that_fails_is_repeated(sqlite: SqliteDatabase) -> None:
    housekeeper = Failing(
        sqlite,
        sweep_of(sqlite),
        ages_of(sqlite),
        Clock(),
        interval=timedelta(microseconds=1),
    )
    running = asyncio.create_task(housekeeper.run())
    await asyncio.wait_for(housekeeper.again.wait(), 30)
    running.cancel()
    assert await asyncio.gather(running, return_exceptions=True)
    assert housekeeper.wake is no_wake
    housekeeper.wake()


async def test_freed_pages_are_given_back_in_steps(sqlite: SqliteDatabase) -> None:
    for _ in range(20):
        await keep(sqlite, START, bytes(40_000))
    await execute(sqlite, "DELETE FROM documents")
    free = await sqlite.pragma("freelist_count")
    assert free > 100
    assert await sqlite.vacuum(50)
    assert await sqlite.pragma("freelist_count") == free - 50
    await sweeper_of(sqlite, Clock(), Woken()).step()
    assert await sqlite.pragma("freelist_count") == 0
    assert not await sqlite.vacuum(50)


async def test_a_round_gives_back_no_more_than_so_many_pages(
    sqlite: SqliteDatabase,
) -> None:
    await keep(sqlite, START, bytes(400_000))
    await execute(sqlite, "DELETE FROM documents")
    free = await sqlite.pragma("freelist_count")
    housekeeper = sweeper_of(sqlite, Clock(), Woken())
    housekeeper.vacuum_pages, housekeeper.vacuum_steps = 3, 2
    await housekeeper.step()
    assert await sqlite.pragma("freelist_count") == free - 6


async def test_postgresql_frees_pages_by_itself(postgres: PostgresDatabase) -> None:
    assert not await postgres.vacuum(100)


async def test_a_kind_of_data_that_cannot_be_deleted_does_not_hold_the_others(
    database: Database,
) -> None:
    await read(database)
    await execute(database, "UPDATE documents SET new_events = 0")
    rejected = RejectedRequest("acme", START, {}, b"", b"", "no signature")
    bounds = RejectedBounds(1 << 20, START - DAY)
    await RejectedRequests(database).put([rejected], bounds)
    await refuse(database, "documents", "DELETE", "OLD.document > 0")
    with pytest.raises(ExceptionGroup, match="could not be deleted"):
        await ages_of(database).apply(START + 200 * DAY)
    assert await count(database, "documents", "rejected_requests") == {
        "documents": 1,
        "rejected_requests": 0,
    }
