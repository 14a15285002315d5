"""Lost answers and killed processes: what is written to VTEX, and how often."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from relay.store.claims import Claims
from tests.support.mortal import Attempt, Call, When
from tests.support.world import GUARD, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

HOUR = timedelta(hours=1)


async def under_way(world: World) -> None:
    """Print a label and let the parcel be picked up; VTEX has both."""
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    await world.wait(hours=1)


def sent(world: World, call: Call) -> list[Attempt]:
    return [a for a in world.attempts if a.call == call]


async def reads(world: World) -> int:
    return (await world.vtex.counts())["get"]


async def ledger(world: World) -> int:
    """Return how many calls the relay says that it has sent."""
    shipment = await world.fact("shipment")
    async with world.database.reading() as tx:
        rows = await tx.rows("calls_of_shipment", shipment=shipment, limit=1000)
    return sum(1 for r in rows if r["sent"])


# Lost answers


@pytest.mark.parametrize("kind", ["cut_after", "refuse_after"])
async def test_a_call_carried_out_without_an_answer_is_not_repeated(
    world: World, kind: str
) -> None:
    await under_way(world)
    await world.vtex.fault(kind, call="put", times=1)
    await world.scan("in_transit")
    before = len(await world.puts())
    await world.rest()
    assert len(await world.puts()) == before + 1
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]
    assert await world.fact("in_doubt_since") is None or not await world.fact("pending")
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize("kind", ["cut_after", "refuse_after"])
async def test_a_tracking_number_carried_out_without_an_answer_is_not_repeated(
    world: World, kind: str
) -> None:
    await world.vtex.fault(kind, call="patch", times=1)
    await world.label()
    await world.rest()
    assert len(await world.patches()) == 1
    assert (await world.shown()).tracking_number == "TN1"
    await world.scan("picked_up", at=world.now + HOUR)
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


@pytest.mark.parametrize("call", ["patch", "put"])
async def test_a_call_that_was_not_carried_out_is_sent_once_more(
    world: World, call: str
) -> None:
    await world.vtex.fault("cut_before", call=call, times=1)
    await world.label()
    await world.scan("picked_up", at=world.now + HOUR)
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]
    counts = await world.vtex.counts()
    assert (counts["patch"], counts["put"]) == ((2, 2) if call == "patch" else (1, 3))


@pytest.mark.parametrize("delay", [1, 45, 89])
@pytest.mark.parametrize("call", ["patch", "put"])
async def test_a_call_carried_out_late_is_waited_for_and_not_repeated(
    world: World, call: str, delay: float
) -> None:
    await world.vtex.fault("late", call=call, times=1, delaySeconds=delay)
    await world.label()
    await world.scan("picked_up", at=world.now + HOUR)
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]
    counts = await world.vtex.counts()
    assert (counts["patch"], counts["put"]) == (1, 2)
    assert await world.vtex.complaints() == []


async def test_only_the_difference_is_sent_after_an_unconfirmed_write(
    worlds: Worlds,
) -> None:
    async with worlds(events="delta", mode="append") as world:
        await under_way(world)
        await world.vtex.fault("cut_after", call="put", times=1)
        await world.scan("in_transit")
        await world.wait(seconds=10)
        await world.scan("at_hub")
        await world.rest()
        last = (await world.puts())[-1]
        assert [e["description"] for e in last["events"]] == ["at hub"]
        assert (await world.shown()).texts == [
            GUARD,
            "picked up",
            "in transit",
            "at hub",
        ]


async def test_a_busy_parcels_new_events_does_not_break_the_wait(world: World) -> None:
    await under_way(world)
    await world.vtex.fault("cut_before", call="put", times=1)
    await world.scan("in_transit")
    await world.wait(seconds=4)
    doubted = sent(world, "send_events")[-1].at
    for n in range(40):
        await world.scan("at_hub", carrier_code=f"H{n}")
        await world.wait(seconds=2)
    again = sent(world, "send_events")
    assert again[-1].at == doubted
    await world.rest()
    assert sent(world, "send_events")[-1].at >= doubted + timedelta(seconds=90)
    assert len((await world.shown()).texts) == 43


async def test_an_unconfirmed_write_is_about_the_stored_write_not_about_later_events(
    world: World,
) -> None:
    await under_way(world)
    await world.vtex.fault("cut_after", call="put", times=1)
    await world.scan("in_transit")
    await world.wait(seconds=10)
    await world.scan("at_hub")
    await world.wait(seconds=60)
    assert len(sent(world, "send_events")) == 3
    await world.rest()
    assert len(sent(world, "send_events")) == 4
    assert (await world.shown()).texts[-2:] == ["in transit", "at hub"]


# Without the right to read


async def test_without_reading_the_stored_write_is_repeated_byte_for_byte(
    world: World,
) -> None:
    await world.vtex.status(403, call="get")
    await under_way(world)
    await world.vtex.fault("cut_before", call="put", times=1)
    await world.scan("in_transit")
    await world.wait(seconds=10)
    await world.scan("at_hub")
    await world.wait(minutes=5)
    first, second, third = sent(world, "send_events")[-3:]
    assert first.body == second.body
    assert b"at hub" not in second.body
    assert b"at hub" in third.body
    assert second.at - first.at >= timedelta(seconds=90)


async def test_without_reading_a_refused_repetition_stays_unconfirmed(
    world: World,
) -> None:
    await world.vtex.status(403, call="get")
    await under_way(world)
    await world.vtex.fault("cut_after", call="put", times=1)
    await world.vtex.status(429, call="put", times=1)
    await world.scan("delivered")
    await world.wait(seconds=10)
    contradiction = world.event("in_transit", world.now + timedelta(seconds=1))
    await world.wait(seconds=1)
    await world.report([contradiction])
    await world.wait(hours=1)
    bodies = [a.body for a in sent(world, "send_events")[2:]]
    assert len(set(bodies)) == 1
    assert len(bodies) == 3
    assert (await world.shown()).finished
    assert await world.vtex.complaints() == []


# Delivered, in doubt


async def test_an_unconfirmed_delivery_that_vtex_shows_is_settled(world: World) -> None:
    await under_way(world)
    await world.vtex.fault("cut_after", call="put", times=1)
    await world.scan("delivered")
    await world.rest()
    assert (await world.shown()).finished
    assert await world.fact("closed_reason") == "delivered"
    assert len(sent(world, "send_events")) == 3


async def test_a_delivery_that_was_not_taken_is_resent_and_read_back(
    world: World,
) -> None:
    await under_way(world)
    await world.vtex.fault("cut_before", call="put", times=1)
    await world.scan("delivered")
    before = await reads(world)
    await world.rest()
    assert (await world.shown()).finished
    assert await reads(world) == before + 2
    assert await world.fact("delivered_published_at") is not None
    assert await world.fact("in_doubt_since") is None


async def test_a_delivery_that_vtex_accepted_and_forgot_is_resent(
    world: World,
) -> None:
    await under_way(world)
    await world.vtex.fault("cut_before", call="put", times=1)
    await world.vtex.fault("vanish", call="put", times=1)
    await world.scan("delivered")
    await world.wait(minutes=5)
    assert not (await world.shown()).finished
    await world.rest()
    assert (await world.shown()).finished
    assert await world.fact("closed_reason") == "delivered"


async def test_a_delivery_contradicted_while_unconfirmed_is_read_before_false(
    world: World,
) -> None:
    await under_way(world)
    await world.vtex.fault("cut_before", call="put", times=1)
    await world.scan("delivered")
    await world.wait(seconds=20)
    await world.scan("out_for_delivery")
    before = await reads(world)
    await world.rest()
    assert await reads(world) > before
    shown = await world.shown()
    assert (shown.texts[-1], shown.finished) == ("out for delivery", False)


@pytest.mark.parametrize("delay", [10, 80])
async def test_a_delivery_carried_out_late_stays_delivered(
    world: World, delay: float
) -> None:
    await under_way(world)
    await world.vtex.fault("late", call="put", times=1, delaySeconds=delay)
    await world.scan("delivered")
    await world.wait(seconds=5)
    await world.scan("out_for_delivery")
    await world.rest()
    assert (await world.shown()).finished
    assert all(b"true" in a.body for a in sent(world, "send_events")[2:])
    assert await world.vtex.complaints() == []


async def test_a_delivery_that_got_stuck_unconfirmed_is_read_when_it_is_retried(
    world: World,
) -> None:
    await under_way(world)
    await world.vtex.fault("cut_after", call="put", orderId="O-1", times=1)
    await world.scan("delivered")
    await world.wait(seconds=10)
    await world.vtex.status(500, call="get", orderId="O-1")
    for n in range(2, 200):
        await world.label(order=f"O-{n}", numbers=f"TN{n}")
        await world.wait(minutes=5)
        if await world.fact("stuck_reason"):
            break
    await world.vtex.recover()
    await world.scan("out_for_delivery")
    async with world.database.writing() as tx:
        shipment = await world.fact("shipment")
        await tx.run("retry_shipment", shipment=shipment, now=int(1e6))
    await world.rest()
    assert (await world.shown()).finished
    assert all(b'"isDelivered":true' in a.body for a in sent(world, "send_events")[2:])


# Killed


@pytest.mark.parametrize(("when", "calls"), [("before", 1), ("after", 1)])
async def test_a_write_of_a_killed_process_is_published_once(
    world: World, when: When, calls: int
) -> None:
    await under_way(world)
    await world.scan("in_transit")
    await world.clock.move_to(world.now + timedelta(seconds=4))
    before = len(await world.puts())
    await world.kill_during("send_events", when)
    await world.restart()
    tried = len(sent(world, "send_events"))
    await world.wait(seconds=85)
    assert len(sent(world, "send_events")) == tried
    await world.rest()
    assert len(await world.puts()) == before + calls
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_tracking_number_of_a_killed_process_is_published_once(
    world: World, when: When
) -> None:
    await world.label()
    await world.kill_during("send_tracking_number", when)
    await world.restart()
    await world.rest()
    assert len(await world.patches()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_killed_while_it_reads_leaves_nothing_unconfirmed(
    world: World, when: When
) -> None:
    await world.label()
    await world.kill_during("read_order", when)
    await world.restart()
    await world.wait(seconds=62)  # the lease, where others may still live
    assert len(await world.patches()) == 1


async def test_a_kill_between_the_first_two_calls_sends_each_once(
    world: World,
) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.clock.move_to(world.now + timedelta(seconds=4))
    await world.kill_during("send_events", "after")
    assert (await world.shown()).texts == [GUARD]
    await world.restart()
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]
    assert len(await world.puts()) == 2


async def test_what_was_stored_and_not_parsed_is_parsed_after_a_kill(
    world: World,
) -> None:
    await under_way(world)
    await world.send([world.event("in_transit")])
    await world.restart()
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


# Several processes


async def test_two_publishers_never_write_the_same_invoice_at_once(
    world: World,
) -> None:
    await world.vtex.ask("POST", "/options", {"latencyMs": 2})
    for n in range(10):
        await world.label(order=f"O-{n}", numbers=f"TN{n}")
    await world.start()
    await asyncio.gather(*(p.publisher.settle_all() for p in world.processes))
    await world.wait(hours=1)
    await world.report([world.event("picked_up", number=f"TN{n}") for n in range(10)])
    await world.clock.move_to(world.now + timedelta(seconds=4))
    await asyncio.gather(*(p.publisher.settle_all() for p in world.processes))
    counts = await world.vtex.counts()
    assert (counts["patch"], counts["put"]) == (10, 20)
    assert await world.vtex.complaints() == []


async def test_a_process_that_slept_through_its_lease_does_not_write(
    world: World,
) -> None:
    await world.label()

    async def sleep() -> None:
        await world.clock.move_to(world.now + timedelta(minutes=5))

    world.process.vtex.meanwhile = sleep
    await world.process.publisher.step()
    await world.process.publisher.drain()
    assert world.attempts == []
    await world.rest()
    assert len(await world.patches()) == 1


async def test_a_process_whose_lease_another_took_settles_nothing(
    world: World,
) -> None:
    await world.label()
    first = world.process
    second = await world.start()

    async def overtake() -> None:
        await world.clock.move_to(world.now + timedelta(minutes=2))
        await second.publisher.settle_all()
        await world.clock.move_to(world.now + timedelta(minutes=2))
        await second.publisher.settle_all()

    first.vtex.meanwhile = overtake
    await first.publisher.step()
    await first.publisher.drain()
    assert len(await world.patches()) == 1
    assert await world.fact("tracking_sent_as") is not None
    assert await Claims(world.database).next_ready("acme") is None


# The ledger


async def test_the_ledger_counts_the_calls_that_vtex_counted(world: World) -> None:
    await under_way(world)
    await world.vtex.fault("cut_after", call="put", times=1)
    await world.scan("in_transit")
    await world.rest()
    await world.vtex.status(429, times=1)
    await world.wait(hours=1)
    await world.scan("delivered")
    await world.rest()
    counts = await world.vtex.counts()
    assert await ledger(world) == counts["get"] + counts["patch"] + counts["put"]


async def test_a_call_that_could_not_connect_is_not_counted(world: World) -> None:
    await world.vtex.order("O-1", "1")
    async with world.elsewhere():
        await world.label(invoiced=False)
        await world.work()
        assert await ledger(world) == 0
        assert await world.fact("in_doubt_since") is None
    await world.rest()
    assert len(await world.patches()) == 1


@pytest.mark.parametrize("call", ["patch", "put"])
async def test_a_page_with_status_200_is_no_acceptance(world: World, call: str) -> None:
    await world.vtex.fault("page", call=call)
    await world.label()
    await world.wait(hours=1)
    await world.scan("delivered")
    await world.wait(minutes=30)
    assert not (await world.shown()).finished
    assert await world.fact("delivered_published_at") is None
    assert "not VTEX's" in await world.fact("waiting_reason")
    await world.vtex.recover()
    await world.rest()
    assert (await world.shown()).finished
    assert await world.fact("closed_reason") == "delivered"


async def test_an_answer_that_became_a_page_is_settled_by_reading(world: World) -> None:
    await under_way(world)
    await world.vtex.fault("refuse_after", call="put", times=1, status=200, body="<p>")
    puts = len(await world.puts())
    await world.scan("delivered")
    await world.rest()
    assert len(await world.puts()) == puts + 1
    assert (await world.shown()).finished
    assert await world.fact("in_doubt_since") is None
    assert await world.fact("closed_reason") == "delivered"


async def test_a_page_instead_of_the_order_settles_nothing(world: World) -> None:
    await under_way(world)
    await world.vtex.fault("cut_after", call="put", times=1)
    await world.vtex.fault("page", call="get")
    puts = len(await world.puts())
    await world.scan("delivered")
    await world.wait(hours=1)
    assert len(await world.puts()) == puts + 1
    assert await world.fact("in_doubt_since") is not None
    await world.vtex.recover()
    await world.rest()
    assert len(await world.puts()) == puts + 1
    assert await world.fact("closed_reason") == "delivered"


async def test_without_the_order_nothing_is_written_first(world: World) -> None:
    await world.vtex.fault("page", call="get")
    await world.label()
    await world.wait(minutes=30)
    assert (await world.shown()).tracking_number is None
    await world.vtex.recover()
    await world.rest()
    assert (await world.shown()).tracking_number is not None
