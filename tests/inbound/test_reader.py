"""Kept documents become events, whatever their adapters do."""

import asyncio
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import MethodType
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.adapters.parts import EventOrder, hold_deliveries
from relay.adapters.protocol import Document, UnreadablePart
from relay.clock import micros
from relay.domain.events import Effect, Milestone
from relay.inbound.adapter_thread import AdapterTimeout, Watchdog
from relay.inbound.translate import MOST_PARTS
from relay.metrics import Metrics
from tests.store.making import execute
from tests.support import acme
from tests.support.clock import START
from tests.support.way_in import WayIn, until


def scans(*codes: str, number: str = "AC1", **more: Any) -> bytes:
    return acme.body(*(acme.scan(number, code, START) for code in codes), **more)


async def test_a_webhook_becomes_an_event_of_its_parcel(way_in: WayIn) -> None:
    await way_in.register("AC1")
    await way_in.keep(scans("OD"))
    assert await way_in.read() == 1
    (event,) = await way_in.rows("events")
    assert event["milestone"] == Milestone.OUT_FOR_DELIVERY
    assert event["via"] is not None
    (match,) = await way_in.rows("event_parcels")
    assert (match["event"], match["volume"]) == (event["event"], 1)
    (shipment,) = await way_in.rows("shipments")
    assert shipment["events_due_at"] == micros(START + timedelta(seconds=3))
    assert way_in.published == ["news", "idle"]


async def test_the_same_webhook_twice_is_one_event(way_in: WayIn) -> None:
    await way_in.keep(scans("OD"), scans("OD"))
    await way_in.read()
    await way_in.keep(scans("OD"))
    await way_in.read()
    assert len(await way_in.rows("events")) == 1
    assert [r["new_events"] for r in await way_in.rows("documents")] == [0, 1, 0]
    assert len(await way_in.rows("event_documents")) == 3


async def test_a_later_document_completes_an_event(way_in: WayIn) -> None:
    await way_in.keep(acme.body(acme.scan("AC1", "OD", START)))
    await way_in.read()
    worded = acme.body(acme.scan("AC1", "OD", START, text="Saiu para entrega"))
    way_in.clock.advance(timedelta(seconds=1))
    await way_in.keep(worded)
    await way_in.read()
    (event,) = await way_in.rows("events")
    assert event["description"] == "Saiu para entrega"
    assert event["document_received_at"] == micros(way_in.clock())


async def test_a_document_read_late_does_not_word_an_event_otherwise(
    way_in: WayIn,
) -> None:
    way_in.clock.advance(timedelta(hours=1))
    await way_in.keep(acme.body(acme.scan("AC1", "OD", START, text="newer")))
    await way_in.read()
    way_in.clock.advance(timedelta(hours=-1))
    await way_in.keep(acme.body(acme.scan("AC1", "OD", START, text="older")))
    await way_in.read()
    assert [e["description"] for e in await way_in.rows("events")] == ["newer"]


async def test_a_document_without_events_is_read(way_in: WayIn) -> None:
    await way_in.keep(scans())
    assert await way_in.read() == 1
    (row,) = await way_in.rows("documents")
    assert (row["new_events"], row["unreadable_reason"]) == (0, None)
    assert way_in.published == ["idle"]


async def test_what_an_adapter_cannot_read_is_kept_with_the_reason(
    way_in: WayIn,
) -> None:
    await way_in.keep(b"no json", scans("OD"))
    with capture_logs() as lines:
        assert await way_in.read() == 2
    unreadable, fine = await way_in.rows("documents")
    assert unreadable["unreadable_reason"].startswith("JSONDecodeError: Expecting")
    assert unreadable["body"] == b"no json"
    assert fine["unreadable_reason"] is None
    assert [line["event"] for line in lines] == ["unreadable document", "events parsed"]


BAD = {"code": "OD"}
"""A scan without a time: in a batch, of any parcel."""


async def test_one_bad_event_does_not_stop_the_others_of_its_document(
    way_in: WayIn,
) -> None:
    await way_in.register("AC1")
    metrics = Metrics()
    good = [acme.scan("AC1", "OD", START), acme.scan("AC2", "PU", START)]
    await way_in.keep(acme.body(good[0], BAD, good[1]))
    with capture_logs() as lines:
        await way_in.read(metrics=metrics)
    assert [e["code"] for e in await way_in.rows("events")] == ["OD", "PU"]
    assert way_in.published == ["news", "idle"]
    (row,) = await way_in.rows("documents")
    assert (row["partly_parsed"], row["new_events"]) == (1, 2)
    because = "1 of 3 parts unreadable: scans.1: KeyError: 'refs'"
    assert row["unreadable_reason"] == because
    assert json.loads(row["unreadable_parts"]) == [
        {"position": "scans.1", "reason": "KeyError: 'refs'"}
    ]
    (line,) = (line for line in lines if line["event"] == "document partly parsed")
    assert (line["contract"], line["document"]) == ("acme", row["document"])
    assert line["because"] == because
    assert 'relay_documents_partly_parsed_total{contract="acme"} 1' in (
        metrics.text().decode()
    )


async def test_a_document_whose_parts_are_all_bad_is_unreadable(way_in: WayIn) -> None:
    await way_in.keep(acme.body(BAD, BAD))
    await way_in.read()
    (row,) = await way_in.rows("documents")
    assert (row["partly_parsed"], row["new_events"]) == (0, 0)
    assert row["unreadable_reason"].startswith("2 of 2 parts unreadable: scans.0: ")
    assert len(json.loads(row["unreadable_parts"])) == 2


async def again(way_in: WayIn, *codes: str, bad: Sequence[int] = ()) -> list[str]:
    """Replay the only document as if its adapter gave other parts; return what is left.

    *bad* are the positions of unreadable parts.
    """
    events = acme.Acme().parse(Document(scans(*codes), START))
    parts = [UnreadablePart(f"scans.{n}", ValueError("odd")) for n in bad]
    way_in.acme.returns = [*events, *parts]
    (document,) = await way_in.documents.list()
    await way_in.documents.replay(document["document"])
    await way_in.read()
    rows = await way_in.rows("events")
    return [row["code"] for row in rows if row["withdrawn_at"] is None]


async def test_after_a_fix_a_partly_parsed_document_is_whole_and_nothing_is_doubled(
    way_in: WayIn,
) -> None:
    await way_in.keep(acme.body(acme.scan("AC1", "PU", START), BAD))
    await way_in.read()
    assert await again(way_in, "PU", "OD") == ["PU", "OD"]
    (row,) = await way_in.rows("documents")
    assert (row["partly_parsed"], row["unreadable_reason"]) == (0, None)
    assert row["unreadable_parts"] == "[]"


async def test_an_event_that_became_unreadable_is_not_withdrawn(way_in: WayIn) -> None:
    await way_in.keep(scans("PU", "OD"))
    await way_in.read()
    assert await again(way_in, "PU", bad=[1]) == ["PU", "OD"]
    assert await again(way_in, "PU", bad=[1, 2]) == ["PU", "OD"]


async def test_an_event_that_is_gone_is_withdrawn_if_no_other_part_became_unreadable(
    way_in: WayIn,
) -> None:
    await way_in.keep(acme.body(acme.scan("AC1", "PU", START), BAD))
    await way_in.read()
    assert await again(way_in, "IT", bad=[1]) == ["IT"]


async def test_a_held_delivery_counts_once_its_document_is_whole(
    way_in: WayIn,
) -> None:
    parts = [*acme.Acme().parse(Document(scans("DL"), START))]
    parts.append(UnreadablePart("scans.1", ValueError("odd")))
    way_in.acme.returns = hold_deliveries(parts, EventOrder.OLDEST_FIRST)
    await way_in.keep(scans("DL"))
    await way_in.read()
    (held,) = await way_in.rows("events")
    assert held["effect"] == Effect.INCOMPLETE
    await again(way_in, "DL")
    (event,) = await way_in.rows("events")
    assert (event["event"], event["effect"]) == (held["event"], Effect.NORMAL)


async def test_with_more_bad_parts_than_are_listed_nothing_is_withdrawn(
    way_in: WayIn,
) -> None:
    await way_in.keep(acme.body(acme.scan("AC1", "PU", START), *[BAD] * 60))
    await way_in.read()
    (row,) = await way_in.rows("documents")
    assert len(json.loads(row["unreadable_parts"])) == MOST_PARTS
    assert row["unreadable_reason"].startswith("60 of 61 parts unreadable")
    assert await again(way_in, "IT", bad=range(1, 61)) == ["PU", "IT"]


class Speechless(Exception):
    """An error that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError


STAGES: dict[str, tuple[acme.Acme, str, str]] = {
    "parse": (acme.Acme(fails=ValueError("odd")), "", "ValueError: odd"),
    "reason": (
        acme.Acme(fails=Speechless()),
        "",
        "Speechless: its message cannot be shown",
    ),
    "result": (acme.Acme(returns=["x"]), "", "TypeError: the adapter did not return"),
    "part": (
        acme.Acme(returns=[UnreadablePart("scans.0", Speechless())]),
        "",
        "1 of 1 parts unreadable: scans.0: Speechless: ",
    ),
    "headers": (acme.Acme(), "headers = '{'", "its row in the database is damaged"),
    "time": (
        acme.Acme(),
        f"received_at = {2**62}",
        "its row in the database is damaged: OverflowError",
    ),
}
"""What makes one document of a slice fail, a change of its row, and the reason."""


@pytest.mark.parametrize("unclean", [False, True])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_document_that_fails_at_any_stage_stops_no_other(
    way_in: WayIn, settings: Any, stage: str, unclean: bool
) -> None:
    adapter, change, because = STAGES[stage]
    way_in.contracts = settings({"acme": {}, "odd": {}}).contracts
    way_in.carriers["odd"] = adapter
    await way_in.register("AC1")
    await way_in.keep(scans("PU"))
    await way_in.keep(scans("IT"), contract="odd")
    await way_in.keep(scans("OD"))
    if change:
        statement = f"UPDATE documents SET {change} WHERE contract = 'odd'"  # noqa: S608
        await execute(way_in.database, statement)
    assert await way_in.read(unclean=unclean) == 3
    assert [e["code"] for e in await way_in.rows("events")] == ["PU", "OD"]
    assert {"news", "idle"} == set(way_in.published)
    (failed,) = [r for r in await way_in.rows("documents") if r["contract"] == "odd"]
    assert failed["unreadable_reason"].startswith(because)
    assert failed["read_at"] is not None


async def test_personal_data_that_cannot_be_removed_loses_no_event(
    way_in: WayIn,
) -> None:
    way_in.acme.personal_fields = (7,)
    await way_in.keep(scans("OD"))
    await way_in.read()
    assert len(await way_in.rows("events")) == 1
    (row,) = await way_in.rows("documents")
    assert row["partly_parsed"] == 1
    assert "personal_fields: AttributeError" in row["unreadable_reason"]


async def test_an_unreadable_document_has_the_calls_that_led_to_its_error(
    way_in: WayIn,
) -> None:
    await way_in.keep(b"no json of Ana", acme.body(BAD, acme.scan("AC1", "OD", START)))
    await way_in.read()
    whole, partly = await way_in.rows("documents")
    assert re.search(r"tests/support/acme\.py:\d+ in parse\n", whole["traceback"])
    assert re.search(r"tests/support/acme\.py:\d+ in _event", partly["traceback"])
    assert "Ana" not in whole["traceback"]
    way_in.acme.returns = []
    await way_in.documents.replay(whole["document"])
    await way_in.read()
    assert (await way_in.rows("documents"))[0]["traceback"] is None


@pytest.mark.parametrize("returned", ["events", ["an event"], (), 7])
async def test_an_adapter_that_returns_no_events_makes_it_unreadable(
    way_in: WayIn, returned: object
) -> None:
    way_in.acme.returns = returned
    await way_in.keep(scans("OD"))
    await way_in.read()
    (row,) = await way_in.rows("documents")
    assert "not return a list of tracking events" in row["unreadable_reason"]


@pytest.mark.parametrize("error", [SystemExit(3), RecursionError(), MemoryError()])
async def test_no_error_of_an_adapter_stops_the_reader(
    way_in: WayIn, error: BaseException
) -> None:
    way_in.acme.fails = error
    await way_in.keep(scans("OD"))
    await way_in.read()
    (row,) = await way_in.rows("documents")
    assert row["unreadable_reason"].startswith(type(error).__name__)


async def test_personal_fields_are_cut_once_it_was_read(way_in: WayIn) -> None:
    body = scans("OD", recipient={"name": "Ana de Souza", "zone": "north"})
    await way_in.keep(body, scans("PU"))
    await way_in.read()
    cut, whole = await way_in.rows("documents")
    assert json.loads(cut["body"])["recipient"] == {"zone": "north"}
    assert cut["digest"] == hashlib.sha256(body).hexdigest()
    assert (whole["body"], whole["digest"]) == (scans("PU"), None)


async def test_where_an_adapter_names_none_nothing_is_cut(way_in: WayIn) -> None:
    way_in.acme.personal_fields = ()
    body = scans("OD", recipient={"name": "Ana de Souza"})
    await way_in.keep(body)
    await way_in.read()
    assert [r["body"] for r in await way_in.rows("documents")] == [body]


async def test_a_replayed_document_replaces_what_it_said(way_in: WayIn) -> None:
    await way_in.register("AC1")
    await way_in.keep(scans("OD"))
    await way_in.read()
    way_in.acme.returns = []
    (document,) = await way_in.documents.list()
    await way_in.documents.replay(document["document"])
    way_in.published.clear()
    await way_in.read()
    (event,) = await way_in.rows("events")
    assert event["withdrawn_at"] == micros(START)
    assert way_in.published == ["news", "idle"]


async def test_documents_of_a_contract_that_is_gone_wait(
    way_in: WayIn, settings: Any
) -> None:
    await way_in.keep(scans("OD"), contract="gone")
    await way_in.keep(scans("PU"))
    with capture_logs() as lines:
        assert await way_in.read() == 2
    assert [(line["event"], line["contract"]) for line in lines] == [
        ("documents parked: unknown contract", "gone"),
        ("events parsed", "acme"),
    ]
    assert await way_in.documents.parked() == {"gone": 1}
    assert len(await way_in.rows("events")) == 1
    way_in.contracts = settings({"acme": {}, "gone": {}}).contracts
    way_in.carriers["gone"] = acme.Acme()
    reader = way_in.reader()
    assert [await reader.step() for _ in range(3)] == [0, 1, 0]
    assert len(await way_in.rows("events")) == 2


async def test_it_looks_for_contracts_that_came_back_once_a_minute(
    way_in: WayIn,
) -> None:
    reader = way_in.reader()
    await reader.step()
    await way_in.keep(scans("OD"), contract="gone")
    await way_in.read()
    reader._carriers["gone"] = way_in.acme  # noqa: SLF001 -- another replica's settings
    assert [await reader.step(), await reader.step()] == [0, 0]
    way_in.clock.advance(timedelta(minutes=1))
    assert [await reader.step(), await reader.step()] == [0, 1]


async def test_slices_are_small_until_a_backlog_has_built_up(way_in: WayIn) -> None:
    await way_in.keep(*(scans("OD", number=f"AC{i}") for i in range(700)))
    reader = way_in.reader()
    assert [await reader.step() for _ in range(4)] == [64, 512, 124, 0]
    await way_in.keep(*(scans("OD", number=f"BD{i}") for i in range(65)))
    assert [await reader.step(), await reader.step()] == [64, 1]


async def test_many_events_are_stored_in_several_portions(way_in: WayIn) -> None:
    many = [acme.scan("AC1", f"C{i}", START) for i in range(400)]
    await way_in.keep(*(acme.body(*many, who=i) for i in range(3)))
    assert await way_in.reader().step() == 3
    assert len(await way_in.rows("events")) == 400
    assert [r["new_events"] for r in await way_in.rows("documents")] == [400, 0, 0]


async def test_after_an_unclean_stop_documents_are_read_alone(way_in: WayIn) -> None:
    await way_in.keep(*(scans("OD", number=f"AC{i}") for i in range(3)))
    reader = way_in.reader(unclean=True)
    assert [await reader.step() for _ in range(4)] == [1, 1, 1, 0]
    await way_in.keep(*(scans("PU", number=f"AC{i}") for i in range(3)))
    assert await reader.step() == 3
    assert {r["tries"] for r in await way_in.rows("documents")} == {0}


async def test_a_document_that_kills_the_process_is_given_up_after_three_tries(
    way_in: WayIn,
) -> None:
    class Killed(BaseException):
        """The process ends here."""

    @contextmanager
    def deadly() -> Iterator[None]:
        raise Killed
        yield

    await way_in.keep(scans("OD"), scans("PU"))
    for _ in range(3):
        with pytest.raises(Killed):
            await way_in.reader(unclean=True, watchdog=Watchdog(guard=deadly)).step()
    assert [r["tries"] for r in await way_in.rows("documents")] == [3, 0]
    assert await way_in.read(unclean=True) == 2
    poison, fine = await way_in.rows("documents")
    assert poison["unreadable_reason"] == "parsing it ended the process 3 times"
    assert fine["new_events"] == 1


async def test_the_one_that_is_read_alone_is_the_one_that_was_counted(
    way_in: WayIn,
) -> None:
    await way_in.keep(scans("OD"))
    reader = way_in.reader(unclean=True)
    documents = reader._documents  # noqa: SLF001 -- another replica comes between

    async def another(_: object) -> int:
        return 12345

    documents.count_try = MethodType(another, documents)  # type: ignore[method-assign]
    assert await reader.step() == 0
    assert way_in.acme.read_bodies == []


async def test_an_adapter_that_hangs_is_noticed(way_in: WayIn) -> None:
    way_in.acme.held = threading.Event()
    await way_in.keep(scans("OD"))
    reader = way_in.reader(watchdog=way_in.watchdog(timedelta(milliseconds=20)))
    with pytest.raises(AdapterTimeout, match="acme"):
        await reader.step()
    assert way_in.published == ["hang"]
    assert way_in.health.reasons() == [
        "reader: the adapter of acme did not return within 0.02 s"
    ]
    way_in.acme.held.set()
    await reader.close()
    assert (await way_in.documents.backlog()).documents == 1


async def test_what_is_heard_of_a_parcel_can_be_followed_in_the_log(
    way_in: WayIn,
) -> None:
    await way_in.keep(scans("OD"), scans("DL", number="AC2"))
    with capture_logs() as lines:
        await way_in.read()
    (line,) = lines
    assert (line["event"], line["contract"]) == ("events parsed", "acme")
    at = START.isoformat(timespec="seconds")
    assert line["events"] == [f"AC1 OD out_for_delivery {at}", f"AC2 DL delivered {at}"]


async def test_an_unknown_code_is_named_once(way_in: WayIn) -> None:
    await way_in.register("AC1")
    reader = way_in.reader()
    with capture_logs() as lines:
        await way_in.keep(scans("ZZ", "OD"))
        await reader.step()
        await way_in.keep(scans("ZZ", number="AC2"), scans("YY"))
        await reader.step()
    codes = [line["code"] for line in lines if line["event"] == "unknown code"]
    assert codes == ["ZZ", "YY"]


async def test_the_loop_reads_what_comes_and_says_that_it_lives(way_in: WayIn) -> None:
    reader = way_in.reader()
    intake = way_in.intake(on_stored=reader.wake)
    task = asyncio.create_task(reader.run())
    await intake.accept("acme", acme.request(scans("OD")))

    async def read() -> bool:
        return len(await way_in.rows("events")) == 1

    await until(read)
    assert way_in.health.reasons() == []
    task.cancel()
    await asyncio.wait({task})
    assert way_in.health.reasons() == ["reader: the loop ended; restart the relay"]


async def test_the_loop_survives_errors_of_the_store(way_in: WayIn) -> None:
    reader = way_in.reader()
    failing = asyncio.Event()
    parts = reader._documents  # noqa: SLF001 -- the disk fails once
    whole = parts.slice

    def once(*_: int) -> Any:
        parts.slice = whole  # type: ignore[method-assign]
        failing.set()
        raise OSError("disk I/O error")

    parts.slice = once  # type: ignore[method-assign, assignment]
    await way_in.keep(scans("OD"))
    task = asyncio.create_task(reader.run())
    await failing.wait()
    await until(lambda: bool(way_in.health.reasons()))
    assert way_in.health.reasons() == ["reader: failing (OSError); see the log"]

    async def read() -> bool:
        return not way_in.health.reasons() and bool(await way_in.rows("events"))

    await until(read)
    task.cancel()
    await asyncio.wait({task})
