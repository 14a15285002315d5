"""The database refuses one record: each stage goes on with all the others."""

import asyncio
import random
import string
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from relay.config.settings import Settings
from relay.errors import BacklogFull
from relay.runtime.wiring import policies
from relay.store.sweep import Sweep
from tests.store.making import execute
from tests.support import acme
from tests.support.clock import START
from tests.support.faults import allow, refuse
from tests.support.way_in import WayIn
from tests.support.world import World

Worlds = Callable[..., AbstractAsyncContextManager[World]]


def scans(number: str, text: str, code: str = "OD") -> bytes:
    return acme.body(acme.scan(number, code, START, text=text))


def long_text(seed: int) -> str:
    """Return 5,000 letters that no database can compress."""
    letters = string.ascii_letters + string.digits + "áéíóúçãõ"
    return "".join(random.Random(seed).choices(letters, k=5000))  # noqa: S311


# Carrier to event.


async def test_a_long_text_without_a_code_is_an_event_like_any_other(
    way_in: WayIn,
) -> None:
    await way_in.keep(scans("AC1", "moving"), scans("AC2", long_text(1), ""))
    await way_in.keep(scans("AC2", long_text(2), ""), scans("AC2", long_text(1), ""))
    await way_in.read()
    events = await way_in.rows("events")
    assert sorted(e["description"] for e in events) == sorted(
        ["moving", long_text(1), long_text(2)]
    )
    assert all(d["unreadable_reason"] is None for d in await way_in.rows("documents"))


async def test_a_document_whose_events_are_refused_is_set_aside_alone(
    way_in: WayIn,
) -> None:
    when = "NEW.description = 'a bad word'"
    trigger = await refuse(way_in.database, "events", "INSERT", when)
    texts = [f"text {n}" for n in range(20)]
    texts[13] = "a bad word"
    await way_in.keep(*(scans(f"AC{n}", text) for n, text in enumerate(texts)))
    with capture_logs() as logs:
        assert await way_in.read() == 20
    documents = await way_in.rows("documents")
    (bad,) = (d for d in documents if d["unreadable_reason"])
    assert bad["body"] == scans("AC13", "a bad word")
    assert bad["unreadable_reason"].startswith("its events could not be stored: ")
    assert all(d["read_at"] for d in documents)
    stored = {e["description"] for e in await way_in.rows("events")}
    assert stored == set(texts) - {"a bad word"}
    (failure,) = (x for x in logs if x["event"] == "could not store events")
    assert failure["document"] == bad["document"]
    assert failure["exc_info"]

    await allow(way_in.database, "events", trigger)
    await way_in.documents.replay(bad["document"])
    await way_in.read()
    assert {e["description"] for e in await way_in.rows("events")} == set(texts)


async def test_a_webhook_that_is_refused_is_refused_alone(way_in: WayIn) -> None:
    digest = "CAST(NEW.body AS TEXT) LIKE '%bad%'"
    if way_in.database.dialect == "postgres":
        digest = "position('bad'::bytea in NEW.body) > 0"
    await refuse(way_in.database, "documents", "INSERT", digest)
    intake = way_in.intake()
    bodies = [scans("AC1", word) for word in ("one", "bad", "two", "three")]
    with capture_logs() as logs:
        answers = await asyncio.gather(
            *(intake.accept("acme", acme.request(body)) for body in bodies),
            return_exceptions=True,
        )
    assert [isinstance(a, BacklogFull) for a in answers] == [False, True, False, False]
    stored = [d["body"] for d in await way_in.rows("documents")]
    assert stored == [bodies[0], bodies[2], bodies[3]]
    assert [x["event"] for x in logs] == ["document refused"]
    assert way_in.health.reasons() == []


# Shipment to VTEX.


async def three_labels(world: World) -> None:
    for order in ("O-1", "BAD", "O-2"):
        await world.label(order, numbers=f"TN-{order}")
    await world.rest()
    await world.wait(hours=1)


@pytest.mark.parametrize(
    ("table", "on", "when"),
    [
        ("vtex_calls", "INSERT", "NEW.kind = 'send_events'"),
        ("vtex_calls", "UPDATE", "NEW.kind = 'send_events'"),
        ("published", "INSERT", "NEW.code = 'picked_up'"),
    ],
)
async def test_a_shipment_whose_changes_are_refused_fails_alone(
    worlds: Worlds, table: str, on: str, when: str
) -> None:
    async with worlds() as world:
        await three_labels(world)
        bad = (await world.shipment("BAD") or {})["shipment"]
        when = f"{when} AND NEW.shipment = {bad}"
        await refuse(world.database, table, on, when)
        for order in ("O-1", "BAD", "O-2"):
            await world.send([world.event("picked_up", number=f"TN-{order}")])
        with capture_logs() as logs:
            while await world.process.reader.step():
                pass
            await world.wait(minutes=1)
        for order in ("O-1", "O-2"):
            assert (await world.shown(order)).texts[-1] == "picked up"
            assert await world.fact("due_at", order) is None
        named = {x["event"] for x in logs if x.get("order") == "BAD"}
        assert named & {"planning failed", "claim failed"}


async def test_a_lease_that_cannot_be_ended_does_not_hold_the_others(
    worlds: Worlds,
) -> None:
    async with worlds() as world:
        await three_labels(world)
        leased = "UPDATE shipments SET lease = 'a dead one', lease_until = 1"
        await execute(world.database, leased)
        when = "OLD.order_id = 'BAD'"
        await refuse(world.database, "shipments", "UPDATE", when)
        with capture_logs() as logs:
            await world.process.publisher.start(alone=True)
        leases = {o: await world.fact("lease", o) for o in ("O-1", "BAD", "O-2")}
        assert leases == {"O-1": None, "BAD": "a dead one", "O-2": None}
        assert "could not end a lease" in {x["event"] for x in logs}


async def test_a_shipment_that_the_sweep_cannot_change_is_passed_over(
    worlds: Worlds,
) -> None:
    async with worlds() as world:
        await three_labels(world)
        bad = (await world.shipment("BAD") or {})["shipment"]
        when = f"NEW.shipment = {bad}"
        await refuse(world.database, "notes", "INSERT", when)
        settings: Settings = world.settings
        rest = timedelta(minutes=30)
        sweep = Sweep(
            world.database, policies(settings), settings.accounts, lambda _: rest
        )
        with capture_logs() as logs:
            swept = await sweep.slice(0, world.now)
        assert len(swept.expired) == 2
        closed = {o: await world.fact("closed_at", o) for o in ("O-1", "BAD", "O-2")}
        assert [bool(closed[o]) for o in ("O-1", "BAD", "O-2")] == [True, False, True]
        assert [x["event"] for x in logs] == ["sweep failed"]
