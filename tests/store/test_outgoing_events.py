"""Outgoing events in the store: atomic with their cause, listed, replayed, deleted."""

from datetime import timedelta

import pytest

from relay.clock import utcnow
from relay.domain.outgoing_events import OutgoingEvent, Subscription
from relay.store.database import Database
from relay.store.outgoing_claims import DeliveryOutcome, OutgoingClaims
from relay.store.outgoing_events import (
    OutgoingEvents,
    OutgoingFilter,
    ReplayOrder,
    record_outgoing,
)
from relay.store.retention import Retention, RetentionPolicy
from tests.store.making import execute

NOW = utcnow()
LATER = NOW + timedelta(seconds=30)
EVENT = OutgoingEvent("alert.opened", NOW, {"name": "a"})
CRM, ERP = Subscription("crm"), Subscription("erp", ["alert.opened"])


async def record(database: Database, *subscriptions: Subscription) -> str:
    async with database.writing() as tx:
        (id_,) = await record_outgoing(tx, [EVENT], subscriptions, NOW)
    return id_


async def test_what_is_rolled_back_leaves_no_event(database: Database) -> None:
    async def fails() -> None:
        async with database.writing() as tx:
            assert await record_outgoing(tx, [EVENT], [CRM], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert await execute(database, "SELECT * FROM outgoing_events") == []
    assert await execute(database, "SELECT * FROM outgoing_deliveries") == []


async def test_an_event_that_no_receiver_wants_is_not_stored(
    database: Database,
) -> None:
    async with database.writing() as tx:
        wanted = [Subscription("crm", ["shipment.*"])]
        assert await record_outgoing(tx, [EVENT], wanted, NOW) == []
        assert await record_outgoing(tx, [EVENT], (), NOW) == []
    assert await execute(database, "SELECT * FROM outgoing_events") == []


async def test_who_lost_the_lease_settles_nothing(database: Database) -> None:
    id_ = await record(database, CRM)
    claims = OutgoingClaims(database)
    (first,) = await claims.claim("crm", 8, NOW, LATER)
    assert await claims.claim("crm", 8, NOW, LATER) == []
    (second,) = await claims.claim("crm", 8, LATER, LATER + timedelta(seconds=30))
    assert (first.id, second.id, second.attempts) == (id_, id_, 2)
    await claims.settle(first, DeliveryOutcome(500, "late", LATER), LATER)
    await claims.settle(second, DeliveryOutcome(200), LATER)
    stored = await OutgoingEvents(database).find(id_)
    assert stored is not None
    (delivery,) = stored[1]
    assert delivery["delivered_at"] is not None
    assert delivery["next_at"] is None


async def test_a_failing_receiver_gets_one_call_at_a_time(database: Database) -> None:
    for _ in range(3):
        await record(database, CRM)
    claims = OutgoingClaims(database)
    await claims.enroll([("crm", "address")])
    first, *others = await claims.claim("crm", 8, NOW, LATER)
    assert len(others) == 2
    fails = DeliveryOutcome(None, "no answer", LATER, pause_until=LATER)
    for due in (first, *others):
        await claims.settle(due, fails, NOW)
    assert await claims.claim("crm", 8, NOW, LATER) == []
    until = LATER + timedelta(seconds=30)
    assert len(await claims.claim("crm", 8, LATER, until)) == 1
    await claims.enroll([("crm", "another address")])
    assert (await claims.states())["crm"].failing_since is None


async def test_events_are_listed_and_replayed(database: Database) -> None:
    ids = [await record(database, CRM, ERP) for _ in range(3)]
    events, claims = OutgoingEvents(database), OutgoingClaims(database)
    for due in await claims.claim("crm", 8, NOW, LATER):
        error = "answered 400" if due.id == ids[0] else None
        await claims.settle(due, DeliveryOutcome(400 if error else 200, error), NOW)
    failed = OutgoingFilter(receiver="crm", state="failed")
    found, following = await events.page(failed, 9)
    assert [event["id"] for event, _ in found] == ids[:1]
    assert following is None
    first, before = await events.page(OutgoingFilter(), 2)
    rest, _ = await events.page(OutgoingFilter(), 2, before)
    assert [event["id"] for event, _ in (*first, *rest)] == ids[::-1]

    since, until = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
    order = ReplayOrder(since, until, failed=True)
    assert await events.replay(order, [CRM], LATER) == (1, None)
    order = ReplayOrder(since, until)
    assert await events.replay(order, [CRM], LATER) == (2, None)
    new = Subscription("new", ["alert.*"])
    assert await events.replay(order, [new], LATER) == (3, None)
    assert await events.replay(ReplayOrder(until, until), [new], LATER) == (0, None)
    again = await claims.claim("crm", 8, LATER, LATER + timedelta(seconds=30))
    assert [due.id for due in again] == ids


async def test_old_events_are_deleted_but_the_last(database: Database) -> None:
    ids = [await record(database, CRM) for _ in range(3)]
    retention = Retention(database, RetentionPolicy())
    await retention.apply(NOW + timedelta(days=29))
    assert len(await execute(database, "SELECT id FROM outgoing_events")) == 3
    await retention.apply(NOW + timedelta(days=31))
    (event,) = await execute(database, "SELECT id FROM outgoing_events")
    (delivery,) = await execute(database, "SELECT id FROM outgoing_deliveries")
    assert event["id"] == delivery["id"] == ids[-1]
