"""Outgoing events: what other systems get of a parcel, and when calls fail."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic_core import from_json
from standardwebhooks import Webhook

from relay.clock import micros, moment
from relay.runtime.outgoing_parts import recorder
from relay.store.outgoing_claims import OutgoingClaims
from relay.store.outgoing_events import OutgoingEvents, OutgoingFilter
from tests.store.making import execute
from tests.support.world import NUMBER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]
SECRET = "whsec_" + base64.b64encode(b"new-" * 8).decode()
OLD = "whsec_" + base64.b64encode(b"old-" * 8).decode()


@dataclass
class Receiver:
    """Another system: it remembers its calls, and answers as a test says."""

    url: str = ""
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], web.Response] = lambda _: web.Response()
    blocked: asyncio.Event | None = None
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self, request: web.Request) -> web.Response:
        content = await request.read()
        self.calls.append((dict(request.headers), content))
        self.called.set()
        if self.blocked is not None:
            await self.blocked.wait()
        return self.answer(from_json(content))

    @property
    def types(self) -> list[str]:
        return [from_json(body)["type"] for _, body in self.calls]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.calls]


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """Serve a receiver on this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.receive)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@pytest.fixture
async def crm() -> AsyncIterator[Receiver]:
    async with listening() as receiver:
        yield receiver


def outgoing(**receivers: Receiver | dict[str, Any]) -> dict[str, Any]:
    """Return settings that name receivers; a dictionary has more of one."""
    made = {}
    for name, given in receivers.items():
        more = {"url": given.url} if isinstance(given, Receiver) else given
        made[name] = {"secret": SECRET, **more}
    return {"tables": {"outgoing": made}}


async def sent(world: World) -> None:
    """Let the dispatcher send what is due now."""
    await world.process.relay.dispatcher.settle_all()


async def delivered(world: World) -> None:
    """Let a parcel be registered, scanned and delivered."""
    await world.label()
    await world.wait(minutes=1)
    for milestone in ("picked_up", "in_transit", "in_transit", "out_for_delivery"):
        await world.wait(hours=1)
        await world.scan(milestone)
        await world.wait(minutes=1)
    await world.wait(hours=1)
    await world.scan("delivered")
    await world.wait(minutes=1)


async def waiting(world: World, receiver: str = "crm") -> int:
    backlogs = await OutgoingClaims(world.database).backlogs([receiver])
    return backlogs[receiver].waiting


async def states(world: World) -> list[tuple[str, str | None]]:
    """Return state and error of the newest event's deliveries."""
    ((_, deliveries), *_), _ = await OutgoingEvents(world.database).page(
        OutgoingFilter(), 1
    )
    return [
        ("waiting" if d["next_at"] else "failed" if d["failed_at"] else "delivered",
         d["error"])
        for d in deliveries
    ]  # fmt: skip


async def first_at(world: World) -> datetime:
    """Return when the first of all events is sent next."""
    rows = await execute(
        world.database, "SELECT min(next_at) AS first FROM outgoing_deliveries"
    )
    return moment(rows[0]["first"])


async def next_at(world: World) -> datetime:
    """Return when the newest event is sent next; now if that is over."""
    ((_, deliveries), *_), _ = await OutgoingEvents(world.database).page(
        OutgoingFilter(), 1
    )
    return moment(deliveries[0]["next_at"] or micros(world.now))


async def test_each_milestone_is_sent_once_and_signed(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        await delivered(world)
        await sent(world)
        await sent(world)
        assert crm.types == [
            "shipment.registered",
            "shipment.picked_up",
            "shipment.in_transit",
            "shipment.out_for_delivery",
            "shipment.delivered",
        ]
        assert await waiting(world) == 0
        headers, body = crm.calls[-1]
        # The library reads the wall clock, and the world has its own.
        sign = Webhook(SECRET).sign
        signature = sign(headers["webhook-id"], world.now, body.decode())
        assert headers["webhook-signature"] == signature
        found = from_json(body)
        assert found["version"] == 1
        assert found["data"]["shipment"]["trackingNumber"] == NUMBER
        numbers = [from_json(content)["sequence"] for _, content in crm.calls]
        assert numbers == sorted(set(numbers))
        assert len(set(crm.ids)) == len(crm.ids)


async def test_a_receiver_gets_the_types_and_accounts_it_wants(worlds: Worlds) -> None:
    async with listening() as few, listening() as other, listening() as all_:
        receivers = {
            "few": {"url": few.url, "types": ["shipment.delivered"]},
            "other": {"url": other.url, "accounts": ["outlet"]},
            "all": {"url": all_.url, "types": ["shipment.*"]},
        }
        async with worlds(**outgoing(**receivers), other_account="outlet") as world:
            await delivered(world)
            await sent(world)
        assert few.types == ["shipment.delivered"]
        assert other.types == []
        assert len(all_.types) == 5


async def test_without_receivers_nothing_is_stored(world: World) -> None:
    await delivered(world)
    assert await OutgoingEvents(world.database).page(OutgoingFilter(), 9) == ([], None)
    assert await world.fact("outgoing_progress") is None


async def test_an_event_is_repeated_with_its_id_until_it_is_delivered(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        crm.answer = lambda _: web.Response(status=500)
        await world.label()
        await sent(world)
        assert await states(world) == [("waiting", "answered 500")]
        await sent(world)  # it is not due again yet
        assert len(crm.calls) == 1
        crm.answer = lambda _: web.Response(status=204)
        await world.clock.move_to(world.now + timedelta(minutes=1))
        await sent(world)
        assert await states(world) == [("delivered", None)]
        assert len(crm.ids) == 2
        assert len(set(crm.ids)) == 1
        first, second = (body for _, body in crm.calls)
        assert first == second
        stamps = [headers["webhook-timestamp"] for headers, _ in crm.calls]
        assert stamps[0] < stamps[1]


async def test_an_event_is_given_up_after_three_days(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        crm.answer = lambda _: web.Response(status=422)
        await world.label()
        began, times = world.now, []
        while await waiting(world):
            await sent(world)
            times.append(world.now - began)
            await world.clock.move_to(await next_at(world))
        assert times[-1] == timedelta(days=3)
        assert 15 < len(times) == len(crm.calls) < 40
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert gaps[0] <= timedelta(seconds=10) < timedelta(hours=3) <= max(gaps)
        assert max(gaps) <= timedelta(hours=6)
        assert await states(world) == [("failed", "answered 422")]


async def test_retry_after_is_honoured(worlds: Worlds, crm: Receiver) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        headers = {"Retry-After": "3600"}
        crm.answer = lambda _: web.Response(status=429, headers=headers)
        await world.label()
        await sent(world)
        await world.clock.move_to(world.now + timedelta(minutes=59))
        await sent(world)
        assert len(crm.calls) == 1
        await world.clock.move_to(world.now + timedelta(minutes=2))
        await sent(world)
        assert len(crm.calls) == 2


async def test_gone_disables_a_receiver_until_it_is_enabled(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        crm.answer = lambda _: web.Response(status=410)
        await world.label()
        await sent(world)
        await world.label("O-2", "2", "TN2")
        await world.clock.move_to(world.now + timedelta(hours=1))
        await sent(world)
        assert len(crm.calls) == 1
        claims = OutgoingClaims(world.database)
        state = (await claims.states())["crm"]
        assert state.disabled_at is not None
        assert await waiting(world) == 1
        async with TestClient(TestServer(world.process.relay.application())) as probe:
            ready = await probe.get("/readyz")
            (warning,) = (await ready.json())["warnings"]
            assert ready.status == 200
            assert warning.startswith("receiver crm: disabled since 2026-08-01 12:00")
        crm.answer = lambda _: web.Response()
        assert await claims.enable("crm", world.now)
        await sent(world)
        assert await waiting(world) == 0
        assert len(crm.calls) == 2


async def test_a_redirect_is_not_followed(worlds: Worlds, crm: Receiver) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        headers = {"Location": crm.url}
        crm.answer = lambda _: web.Response(status=307, headers=headers)
        await world.label()
        await sent(world)
        assert len(crm.calls) == 1
        ((_, error),) = await states(world)
        assert error is not None
        assert "redirects are not followed" in error


async def test_a_slow_receiver_does_not_hold_back_another_one(worlds: Worlds) -> None:
    async with (
        listening() as slow,
        listening() as crm,
        worlds(**outgoing(slow=slow, crm=crm)) as world,
    ):
        slow.blocked = asyncio.Event()
        await world.label()
        dispatcher = world.process.relay.dispatcher
        await dispatcher.step()
        await asyncio.wait_for(slow.called.wait(), 5)
        await dispatcher.served("crm")
        await world.label("O-2", "2", "TN2")
        await dispatcher.step()
        await dispatcher.served("crm")
        assert (len(slow.calls), len(crm.calls)) == (1, 2)
        slow.blocked.set()
        await sent(world)
        await sent(world)
        assert len(slow.calls) == 2


async def test_two_secrets_give_two_signatures(worlds: Worlds, crm: Receiver) -> None:
    both = {"url": crm.url, "previous_secret": OLD}
    async with worlds(**outgoing(crm=both)) as world:
        await world.label()
        await sent(world)
        ((headers, body),) = crm.calls
        wanted = [
            Webhook(secret).sign(headers["webhook-id"], world.now, body.decode())
            for secret in (SECRET, OLD)
        ]
        assert headers["webhook-signature"].split(" ") == wanted


async def test_two_processes_do_not_send_an_event_twice(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        first = world.process.relay.dispatcher
        await world.start()
        for n in range(1, 21):
            await world.label(f"O-{n}", str(n), f"TN{n}")
        await asyncio.gather(first.settle_all(), sent(world))
        assert len(crm.ids) == len(set(crm.ids)) == 20


async def test_a_process_killed_before_the_call_loses_no_event(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        await world.label()
        claims, now = OutgoingClaims(world.database), world.now
        until = now + timedelta(seconds=30)
        (leased,) = await claims.claim("crm", 8, now, until)
        await world.restart()
        await sent(world)
        assert crm.calls == []
        await world.clock.move_to(until)
        await sent(world)
        assert crm.ids == [leased.id]


async def test_an_event_is_stored_with_its_cause_or_not_at_all(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        await world.label()
        await world.rest()
        stored = await waiting(world)
        await world.wait(hours=1)
        await world.scan("picked_up")
        while await world.process.reader.step():
            pass
        await world.clock.move_to(world.now + timedelta(seconds=5))
        await world.kill_during("send_events", "before")
        assert await waiting(world) == stored + 1  # with the claim that was committed
        await world.restart()
        await world.rest()
        assert await waiting(world) == stored + 1


async def test_a_stuck_shipment_is_sent_with_its_reason(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        await world.vtex.status(400)
        await world.label()
        await world.wait(minutes=5)
        await sent(world)
        assert crm.types == ["shipment.registered", "shipment.stuck"]
        assert from_json(crm.calls[-1][1])["data"]["reason"]


async def test_a_late_shipment_is_sent_once_per_promised_day(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        day = world.now.date() + timedelta(days=1)
        await world.label(promised_on=day.isoformat())
        late = world.process.relay.housekeeper.late
        assert late is not None
        assert await late.step(world.now) == 0
        await world.clock.move_to(world.now + timedelta(days=2))
        assert await late.step(world.now) == 1
        assert await late.step(world.now) == 0
        await sent(world)
        assert crm.types == ["shipment.registered", "shipment.late"]
        assert from_json(crm.calls[-1][1])["data"]["promisedOn"] == day.isoformat()


@pytest.mark.parametrize("status", [400, 401, 503])
async def test_milestones_do_not_wait_for_vtex(
    worlds: Worlds, crm: Receiver, status: int
) -> None:
    """The shipment is stuck, the key was withdrawn, or VTEX is not available."""
    async with worlds(**outgoing(crm=crm)) as world:
        await world.vtex.status(status)
        await world.label()
        await world.wait(minutes=5)
        await world.scan("picked_up")
        await world.wait(minutes=1)
        await world.scan("delivered")
        relay = world.process.relay
        milestones = recorder(relay.publisher, relay.database)
        for _ in range(2):
            await world.wait(minutes=2)
            await milestones.step()
        await sent(world)
        found = [t for t in crm.types if t != "shipment.stuck"]
        assert found == [
            "shipment.registered",
            "shipment.picked_up",
            "shipment.delivered",
        ]


async def test_after_an_outage_all_events_follow_at_once(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        crm.answer = lambda _: web.Response(status=503)
        for n in (1, 2, 3):
            await world.label(f"O-{n}", str(n), f"TN{n}")
        for _ in range(20):
            await sent(world)
            await world.clock.move_to(world.now + timedelta(hours=1))
        assert len(set(crm.ids)) == 3
        assert await waiting(world) == 3
        crm.answer = lambda _: web.Response()
        await world.clock.move_to(await first_at(world))
        await sent(world)
        assert await waiting(world) == 0


async def test_a_damaged_progress_does_not_stop_publishing(
    worlds: Worlds, crm: Receiver
) -> None:
    async with worlds(**outgoing(crm=crm)) as world:
        await world.label()
        await world.rest()
        await execute(
            world.database, "UPDATE shipments SET outgoing_progress = 'damaged'"
        )
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.wait(minutes=1)
        assert "picked up" in (await world.shown()).texts
