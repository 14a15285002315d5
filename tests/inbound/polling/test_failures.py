"""Carriers that fail, hang and wish to be left alone; adapters with bugs."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientConnectionError
from structlog.testing import capture_logs

from relay.adapters.protocol import CarrierFailure, Document
from relay.errors import BacklogFull
from relay.inbound.poller import Poller
from relay.store.documents import Documents
from tests.inbound.polling.asking import KIND, Asked, Polled, raising, turn
from tests.inbound.polling.conftest import Polling
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.faults import refuse
from tests.support.way_in import until

SOON = timedelta(milliseconds=20)


async def many(polled: Polled, count: int) -> None:
    for n in range(count):
        await polled.way_in.register(f"AC{n}", order_id=f"v1-0{n}")


async def hang() -> None:
    await asyncio.Event().wait()


async def cling() -> None:
    """Hang, and do not even take a cancellation."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_soon(lambda: None)
            return


async def give_up() -> None:
    raise asyncio.CancelledError


async def test_after_failures_in_a_row_the_carrier_is_left_alone(
    polling: Polling,
) -> None:
    polled = polling(Asked(batch_size=1))
    await many(polled, 9)
    polled.carrier.always = raising_for({f"AC{n}" for n in range(9)})
    with capture_logs() as lines:
        await polled.poll(minutes=30)
    assert len(polled.carrier.asks) == 5
    logged = [line["event"] for line in lines]
    assert logged.count("polling paused after repeated failures") == 1
    await polled.poll(seconds=59)
    assert len(polled.carrier.asks) == 5
    await polled.poll(seconds=1)
    assert len(polled.carrier.asks) == 6
    await polled.poll(seconds=61)
    assert len(polled.carrier.asks) == 6
    polled.carrier.always = None
    await polled.poll(minutes=1)
    assert (await polled.state()).failures == 0
    await polled.poll(days=1)
    assert {n for asked in polled.carrier.asks[6:] for n in asked} == {
        f"AC{n}" for n in range(9)
    }


def raising_for(numbers: set[str]) -> Callable[[Sequence[str]], None]:
    def always(asked: Sequence[str]) -> None:
        if numbers.intersection(asked):
            raise CarrierFailure("500")

    return always


async def test_a_carriers_wish_to_be_left_alone_is_honoured(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.ways = [raising(CarrierFailure("429", wait=7200))]
    await polled.poll(minutes=30)
    await polled.poll(seconds=7199)
    assert len(polled.carrier.asks) == 1
    await polled.poll(seconds=1)
    assert len(polled.carrier.asks) == 2


async def test_nobody_may_wish_to_be_left_alone_for_ever(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.ways = [raising(CarrierFailure("429", wait=1e12))]
    await polled.poll(minutes=30)
    await polled.poll(days=1)
    assert len(polled.carrier.asks) == 2


async def test_one_parcel_that_makes_calls_fail_ends_up_alone(polled: Polled) -> None:
    await many(polled, 8)
    polled.carrier.always = raising_for({"AC3"})
    for _ in range(30):
        await polled.poll(minutes=20)
    rows = await polled.way_in.rows("parcel_polls")
    unanswered = [r["tracking_number"] for r in rows if r["polled_at"] is None]
    assert unanswered == ["AC3"]
    assert polled.carrier.asks.count(["AC3"]) > 1


@pytest.mark.parametrize(
    ("way", "because"),
    [
        (raising(CarrierFailure("")), "the carrier failed"),
        (raising(ClientConnectionError("x")), "could not reach the carrier"),
        (raising(TimeoutError()), "could not reach the carrier (TimeoutError)"),
        (raising(KeyError("objetos")), "the adapter failed (KeyError)"),
        (raising(SystemExit()), "the adapter failed (RuntimeError)"),
        (lambda: {"no": "list"}, "the adapter failed (TypeError)"),
        (lambda: [b"no document"], "the adapter failed (TypeError)"),
        (hang, "no answer within 0.02 s"),
        (cling, "no answer within 0.02 s"),
        (give_up, "cancelled its own call"),
    ],
)
async def test_whatever_an_adapter_does_it_is_a_failure_and_the_loop_goes_on(
    polled: Polled, way: Callable[[], Any], because: str
) -> None:
    poller = polled.poller(limit=SOON)
    await polled.way_in.register("AC1")
    polled.carrier.ways = [way]
    with capture_logs() as lines:
        await polled.poll(minutes=30)
    state = await polled.state()
    assert state.failures == 1
    assert because in (state.reason or "")
    bugs = [line for line in lines if line["log_level"] == "error"]
    assert bool(bugs) == ("the adapter failed" in because)
    await polled.poll(minutes=15)
    assert len(polled.carrier.asks) == 2
    assert (await polled.state()).failures == 0
    assert poller.health.reasons() == []


async def test_an_answer_that_cannot_be_kept_is_asked_for_again(
    polled: Polled,
) -> None:
    async def full(*_: object) -> None:
        raise BacklogFull("the disk is full")

    poller = polled.poller(keep=full)
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START)]
    await polled.poll(minutes=30)
    assert "the disk is full" in ((await polled.state()).reason or "")
    await poller.close()
    polled.pollers.clear()
    await polled.poll(minutes=15)
    assert await polled.codes() == ["IT"]


async def test_reading_that_hangs_is_stored_before_it_ends_the_process(
    polled: Polled,
) -> None:
    polled.poller(limit=SOON)
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START)]
    polled.carrier.held = held = threading.Event()
    with capture_logs() as lines:
        await polled.poll(minutes=30)
    held.set()
    assert polled.published == ["acme failed", "hang"]
    assert (await polled.parcel())["poll_failures"] == 1
    assert (await polled.state()).failures == 1
    errors = [line for line in lines if line["event"] == "polling failed"]
    assert len(errors) == 1
    hang = "poller: the adapter of acme did not return within 0.02 s"
    assert polled.way_in.health.reasons() == [hang]


async def test_a_call_that_is_killed_is_made_again_when_its_claim_is_over(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.ways = [hang]
    polled.clock.advance(timedelta(minutes=30))
    poller = polled.poller()
    assert await poller.step() == 1
    await until(lambda: len(polled.carrier.asks) == 1)
    await poller.close()
    polled.pollers.clear()
    await polled.poll(seconds=149)
    assert len(polled.carrier.asks) == 1
    await polled.poll(seconds=1)
    assert polled.carrier.asks == [["AC1"], ["AC1"]]


@pytest.mark.parametrize(("alone", "asked"), [(True, True), (False, False)])
async def test_a_process_that_is_alone_does_not_wait_for_its_predecessors_call(
    polled: Polled, *, alone: bool, asked: bool
) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.ways = [hang]
    polled.clock.advance(timedelta(minutes=30))
    poller = polled.poller()
    assert await poller.step() == 1
    await until(lambda: len(polled.carrier.asks) == 1)
    await poller.close()
    polled.pollers.clear()
    await polled.way_in.register("AC2", order_id="v1-02")
    async with polled.way_in.database.writing() as tx:
        await tx.run("move_poll", **turn(2, 0, 2))
    await polled.poller().start(alone=alone)
    await polled.poll(seconds=1)
    assert (["AC2"] in polled.carrier.asks) is asked


async def test_a_call_longer_than_its_claim_settles_nothing(polled: Polled) -> None:
    await polled.way_in.register("AC1")

    async def slow() -> list[Document]:
        polled.clock.advance(timedelta(minutes=3))
        other = Polled(polled.way_in)
        await other.poller().settle_all()
        await other.pollers[0].close()
        return []

    polled.carrier.ways = [slow]
    await polled.poll(minutes=30)
    assert polled.published == ["acme lost"]
    assert len(polled.carrier.asks) == 2
    assert (await polled.state()).used == 2


async def test_a_failure_after_the_claim_is_over_settles_nothing(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")

    async def slow() -> list[Document]:
        polled.clock.advance(timedelta(minutes=3))
        other = Polled(polled.way_in)
        await other.poller().settle_all()
        await other.pollers[0].close()
        raise CarrierFailure("too late")

    polled.carrier.ways = [slow]
    await polled.poll(minutes=30)
    assert (await polled.state()).failures == 0


async def test_what_was_moved_meanwhile_stays_where_it_was_put(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")

    async def meanwhile() -> list[Document]:
        await polled.close_shipment()
        return []

    polled.carrier.ways = [meanwhile]
    await polled.poll(minutes=30)
    assert (await polled.parcel())["poll_at"] is None


async def test_the_loop_polls_and_survives_errors_of_the_store(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START)]
    polled.clock.advance(timedelta(minutes=30))
    poller = polled.poller()
    begin = poller.claims.begin
    failed = asyncio.Event()

    async def once(*_: Any) -> None:
        poller.claims.begin = begin  # type: ignore[method-assign]
        failed.set()
        raise OSError("disk I/O error")

    poller.claims.begin = once  # type: ignore[method-assign]
    task = asyncio.create_task(poller.run())
    await failed.wait()
    await until(lambda: bool(poller.health.reasons()))
    assert poller.health.reasons() == ["poller: failing (OSError); see the log"]
    poller.wake()

    async def kept() -> bool:
        return bool(await Documents(polled.way_in.database).list())

    await until(kept)
    assert poller.health.reasons() == []
    task.cancel()
    await asyncio.wait({task})
    polled.pollers.clear()


async def test_without_a_carrier_to_ask_there_is_nothing_to_do(
    polling: Polling,
) -> None:
    poller = polling(poll=False).poller()
    assert isinstance(poller, Poller)
    assert await poller.step() == 0


async def test_an_answer_is_split_and_read_in_pieces(polling: Polling) -> None:
    class Splitting(Asked):
        breaks = False

        def split(self, document: Document) -> Any:
            if self.breaks:
                raise ValueError("no list")
            for part in document.body.split(b"\n"):
                yield Document(part, document.received_at, document.headers)

    polled = polling(Splitting())
    await many(polled, 2)
    one, other = body(scan("AC0", "IT", START)), body(scan("AC1", "IT", START))
    whole = Document(one + b"\n" + other, START, KIND)
    polled.carrier.ways = [lambda: [whole]]
    await polled.poll(minutes=30)
    assert [d["body"] for d in await polled.way_in.rows("documents")] == [one, other]
    polled.carrier.breaks = True
    polled.carrier.ways = [lambda: [Document(b"neither", START, KIND)]]
    await polled.poll(hours=3)
    assert [d["body"] for d in await polled.way_in.rows("documents")][2:] == [
        b"neither"
    ]


async def test_a_polled_document_that_is_refused_fails_alone(polled: Polled) -> None:
    way_in = polled.way_in
    knows = polled.carrier.knows
    for number in ("AC1", "AC2", "AC3"):
        knows[number] = [scan(number, "OD", START)]
        more = {"order_id": f"v-{number}"}
        await way_in.register(number, **more)
    bad = "CAST(NEW.body AS TEXT) LIKE '%AC2%'"
    if way_in.database.dialect == "postgres":
        bad = "position('AC2'::bytea in NEW.body) > 0"
    await refuse(way_in.database, "documents", "INSERT", bad)
    await polled.poll(hours=3)
    stored = [d["body"] for d in await way_in.rows("documents")]
    assert stored == [body(*knows[n]) for n in ("AC1", "AC3")]
    assert polled.published.count("acme answered") == 1
