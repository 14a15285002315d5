"""Two processes over a socket pair: hints, questions, and rests of a killed one."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from relay.api.process import Process
from relay.health import Health
from relay.metrics import Metrics
from relay.runtime import channel as module
from relay.runtime.channel import FULL, Channel
from relay.runtime.worker_view import WorkerView, answers


@dataclass
class Pair:
    """The intake's and the worker's end; the worker's may be closed or silent."""

    intake: Channel
    worker: Channel
    raw: socket.socket
    worker_health: Health = field(default_factory=Health)
    worker_metrics: Metrics = field(default_factory=Metrics)
    health: Health = field(default_factory=Health)
    heard: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start_worker(self) -> None:
        answering = answers(self.worker_health, self.worker_metrics)
        running = self.worker.run(self.heard.put_nowait, answering)
        self.tasks.append(asyncio.create_task(running))

    def process(self) -> Process:
        """Return the intake process as the API sees it."""
        return Process(self.health, Metrics(), WorkerView(self.intake, self.health))


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    here, there = socket.socketpair()
    async with AsyncExitStack() as stack:
        ends = [Channel(end) for end in (here, there)]
        for end in ends:
            await end.open()
            stack.callback(end.close)
        made = Pair(*ends, there)
        made.tasks.append(asyncio.create_task(ends[0].run(lambda _: None, {})))
        yield made
        for task in made.tasks:
            task.cancel()


async def test_the_workers_reasons_are_those_of_the_relay(pair: Pair) -> None:
    pair.start_worker()
    pair.health.report_problem("database", "takes no writes now; see the log")
    pair.worker_health.report_problem("database", "takes no writes now; see the log")
    pair.worker_health.report_problem("reader", "an adapter hangs")
    assert await pair.process().reasons() == [
        "database: takes no writes now; see the log",
        "reader: an adapter hangs",
    ]


async def test_a_worker_that_does_not_answer_is_a_reason_until_it_does(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", module.PATIENCE / 100)
    process = pair.process()
    assert list(await process.families()) == []
    (reason,) = await process.reasons()
    assert reason.startswith("worker: no answer within 2 s")
    pair.start_worker()
    monkeypatch.undo()
    assert await process.reasons() == []


async def test_metrics_of_both_processes_are_in_one_text(pair: Pair) -> None:
    pair.start_worker()
    process = pair.process()
    process.metrics.damaged_rows.labels("event").inc(2)
    process.metrics.due.labels("store").set(7)
    pair.worker_metrics.damaged_rows.labels("event").inc(3)
    pair.worker_metrics.damaged_rows.labels("document").inc()
    pair.worker_metrics.count_call("store", "send_events", 200, 0.2)
    pair.worker_metrics.due.labels("store").set(1)
    lines = process.metrics.text(await process.families()).decode().splitlines()
    assert 'relay_damaged_rows_total{kind="event"} 5.0' in lines
    assert 'relay_damaged_rows_total{kind="document"} 1.0' in lines
    assert 'relay_due_shipments{account="store"} 7.0' in lines
    assert any(line.startswith("relay_vtex_calls_total{") for line in lines)
    started = [line for line in lines if line.startswith("process_start_time_seconds{")]
    assert [line.split('"')[1] for line in started] == ["intake", "worker"]
    named = [line for line in lines if line.startswith("# TYPE")]
    assert len(named) == len(set(named))


async def test_the_rest_of_a_killed_processs_line_is_skipped(pair: Pair) -> None:
    pair.start_worker()
    unanswered: dict[str, Any] = {"answers": 99, "answer": 1}
    for message in (b'{"hints": ["docu', b"\xff", json.dumps(unanswered).encode()):
        pair.intake._writer.write(message + b"\n")  # type: ignore[union-attr] # noqa: SLF001 -- as a process that dies
    pair.intake.hint("polls")
    assert await pair.heard.get() == "polls"


async def test_hints_are_dropped_while_the_other_process_takes_none() -> None:
    here, there = socket.socketpair()
    intake, worker = Channel(here), Channel(there)
    await intake.open()
    for _ in range(40_000):
        intake.hint("documents")
        await asyncio.sleep(0)
    waiting = intake._writer.transport.get_write_buffer_size()  # type: ignore[union-attr] # noqa: SLF001 -- what is in memory
    assert FULL <= waiting < FULL + 100
    heard: asyncio.Queue[str] = asyncio.Queue()
    await worker.open()
    listening = asyncio.create_task(worker.run(heard.put_nowait, {}))
    assert await heard.get() == "documents"
    listening.cancel()
    intake.close()
    worker.close()


async def test_an_end_that_was_never_opened_takes_hints() -> None:
    here, there = socket.socketpair()
    channel = Channel(here)
    channel.hint("documents")
    await asyncio.sleep(0)
    channel.close()
    here.close()
    there.close()
