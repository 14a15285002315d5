"""The demo's parts: what it plays, what it shows, what it says when it cannot go on."""

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from rich.console import Console

from relay.demo import client, processes, runner, scenario
from relay.demo.client import RelayClient, SandboxClient, until
from relay.demo.evidence import Evidence, Package, RecordedCall, Webhook
from relay.demo.plan import (
    DELIVERED,
    DemoShipment,
    LabelPrint,
    Phase,
    Scan,
    Speaker,
    speakers,
)
from relay.demo.processes import DemoFailed, Program, inherited
from relay.demo.promises import BrokenPromise, Verdict
from relay.demo.report import disturbed, result, sentences, stands
from relay.demo.scenario import Scenario
from relay.demo.stories import STORIES, shipments
from relay.sandbox.server import serve_sandbox
from relay.sandbox.simulator import SimulatedRequest, SimulatedScan
from relay.sandbox.world import SandboxOptions

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
CARRIER = Speaker("acme", {"picked_up": "PU", "in_transit": "IT", DELIVERED: "OK"})
PLAN = shipments([CARRIER], NOW)
PACKAGE = Package(PLAN[0].order_id, "71000", None, False, None, ())
EMPTY = Evidence([], [], [], [], [])


def listed(adapter: str, *, webhook: bool = True, **speaks: str) -> dict[str, Any]:
    published = {"adapter": adapter, "webhook": webhook, "speaks": speaks}
    return published | {"routes": [], "contract": {}}


def test_only_carriers_that_call_and_say_enough_take_part() -> None:
    found = speakers(
        [
            listed("good", picked_up="1", delivered="2"),
            listed("asked", webhook=False),
            listed("silent", picked_up="1"),
            listed("abrupt", delivered="2"),
        ]
    )
    assert [s.adapter for s in found] == ["good"]


def test_a_few_dozen_shipments_are_shared_out_among_the_carriers() -> None:
    other = Speaker("other", {"at_hub": "H", DELIVERED: "D"})
    plan = shipments([CARRIER, other], NOW)
    assert 24 < len(plan) < 60
    assert len({s.order_id for s in plan}) == len(plan)
    assert {s.speaker.adapter for s in plan} == {"acme", "other"}


def test_every_kind_of_trouble_is_in_the_plan() -> None:
    every = [s for p in PLAN for steps in p.steps.values() for s in steps]
    scans = [s for s in every if isinstance(s, Scan)]
    assert any(s.forged for s in scans)
    assert any(s.older for s in scans)
    assert any(s.times > 1 for s in every)
    assert any(len(p.boxes) == 3 for p in PLAN)
    assert any(p.visible_after for p in PLAN)
    assert any(
        isinstance(p.steps[Phase.OPENING][0], Scan)
        for p in PLAN
        if Phase.OPENING in p.steps
    )
    assert {act for p in PLAN for act in p.steps} == set(Phase)


def test_scans_are_believable() -> None:
    for shipment in PLAN:
        instants = [s.occurred_at for s in shipment.scans]
        assert len(set(instants)) == len(instants)
        assert all(shipment.dispatched_at < i < NOW for i in instants)
    open_ = [p for p in PLAN if p.delivered_at is None]
    assert {p.story for p in open_} == {
        "still on its way",
        "forged delivery",
        "number used before",
        "two of three volumes",
    }


def test_each_story_fits_into_a_terminal() -> None:
    console = Console(file=io.StringIO(), width=80)
    packages = [
        replace(PACKAGE, order_id=p.order_id, number="RL000000001BR") for p in PLAN
    ]
    console.print(result(PLAN, replace(EMPTY, packages=packages[:-1])))
    assert isinstance(console.file, io.StringIO)
    drawn = console.file.getvalue()
    assert "…" not in drawn
    assert all(story.name in drawn for story in STORIES)


def test_how_a_shipment_stands_is_said_in_a_word() -> None:
    assert stands(PACKAGE) == "…"
    tracking_sent = replace(PACKAGE, number="RL1")
    assert stands(tracking_sent) == "announced"
    assert stands(replace(tracking_sent, events=(NOW, NOW))) == "2 events"
    assert stands(replace(tracking_sent, finished=True)) == "delivered"


def test_disturbed_calls_are_named_once_by_their_cause() -> None:
    calls = [
        RecordedCall(n, "put", "O-1", NOW, fault, 200)
        for n, fault in enumerate(("outage", "outage", None, "cut_after"))
    ]
    assert disturbed(replace(EMPTY, calls=calls)) == [
        "met the outage: PUT O-1",
        "answer lost: PUT O-1",
    ]


@pytest.mark.parametrize(
    ("verdict", "lines"),
    [
        (
            Verdict((), (BrokenPromise("O-1", "told again"),)),
            [
                "Told again: O-1: told again",
                "Every promise was kept: 3 shipments in 7 s.",
            ],
        ),
        (Verdict((BrokenPromise("O-1", "x"),)), ["1 promise was broken:", "  O-1: x"]),
        (
            Verdict((BrokenPromise("O-1", "x"), BrokenPromise("O-2", "y"))),
            ["2 promises were broken:", "  O-1: x", "  O-2: y"],
        ),
    ],
)
def test_the_outcome_is_said_in_sentences(verdict: Verdict, lines: list[str]) -> None:
    assert sentences(verdict, 3, 7.2) == lines


def written(*, terminal: bool) -> tuple[Console, Callable[[], str]]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    return console, file.getvalue


def test_a_terminal_gets_a_picture_of_every_shipment() -> None:
    console, said = written(terminal=True)
    with runner.board(console) as board:
        for act in (Phase.OPENING, Phase.KILL):
            board.begin(act)
        board.look([replace(PACKAGE, finished=True), replace(PACKAGE, number="RL1")])
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said())
    assert f"✓ {Phase.OPENING.value}" in text
    assert f"▸ {Phase.KILL.value}" in text
    assert f"{PACKAGE.order_id}  delivered" in text


def test_a_pipe_gets_a_line_for_each_change() -> None:
    console, said = written(terminal=False)
    with runner.board(console) as board:
        board.begin(Phase.OPENING)
        for number in (None, "RL1", "RL1"):
            board.look([replace(PACKAGE, number=number)])
    lines = said().splitlines()
    assert lines == [f"== {Phase.OPENING.value}", f"{PACKAGE.order_id}  announced"]


def test_another_relays_settings_are_not_inherited() -> None:
    assert inherited({"RELAY_LISTEN": "x", "relay_database": "y", "HOME": "z"}) == {
        "HOME": "z"
    }


async def test_what_does_not_come_true_in_time_is_named() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(DemoFailed, match="the end: not within 0 s"):
        await until("the end", never, seconds=0.01, pause=0.001)


async def test_a_program_that_ended_says_why(tmp_path: Path) -> None:
    program = Program("relay", ("no-such-command",), tmp_path)
    program.check()
    await program.stop()
    await program.start()
    assert program.process is not None
    await asyncio.wait_for(program.process.wait(), 30)
    await program.kill()
    await program.stop()
    with pytest.raises(DemoFailed, match="No such command"):
        program.check()


async def test_a_program_that_does_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.05)
    ignores = "import signal, time; signal.signal(15, signal.SIG_IGN)\n"
    ignores += "print('deaf', flush=True); time.sleep(60)"
    program = Program("relay", (), tmp_path)
    with program.log.open("ab") as log:
        program.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ignores, stdout=log
        )

    async def deaf() -> bool:
        return "deaf" in program.tail()

    await until("a deaf program", deaf)
    await program.stop()
    assert program.process.returncode == -9


@asynccontextmanager
async def answering(*statuses: int) -> AsyncIterator[tuple[str, list[int]]]:
    """Serve a relay that gives these answers, one after the other."""
    left = list(statuses)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=left.pop(0), text="words")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/"), left


SHIPMENT: DemoShipment = PLAN[0]
PRINTED = LabelPrint(SHIPMENT.boxes[0])


async def test_a_label_is_sent_again_until_the_relay_has_it() -> None:
    async with answering(503, 201) as (url, left), ClientSession() as session:
        await RelayClient(session, url, "token").register(SHIPMENT, PRINTED)
        assert left == []


async def test_a_label_that_the_relay_refuses_ends_the_demo() -> None:
    async with answering(422) as (url, _), ClientSession() as session:
        with pytest.raises(DemoFailed, match="refuses a label: words"):
            await RelayClient(session, url, "token").register(SHIPMENT, PRINTED)


async def test_nobody_listens_and_that_is_no_error() -> None:
    async with ClientSession() as session:
        port = processes.free_port()
        relay = RelayClient(session, f"http://127.0.0.1:{port}", "token")
        assert not await relay.ready()
        registering = asyncio.create_task(relay.register(SHIPMENT, PRINTED))
        scan = SHIPMENT.scans[0]
        async with serve_sandbox() as url:
            sandbox = SandboxClient(session, url)
            with pytest.raises(DemoFailed, match="the sandbox refuses carriers"):
                await relay.hear(sandbox, SHIPMENT, scan)
        assert not registering.done()
        app = web.Application()
        app.router.add_post("/v1/shipments", _created)
        async with TestServer(app, port=port):
            await registering


async def _created(_: web.Request) -> web.Response:
    return web.Response(status=201)


async def test_what_the_sandbox_refuses_ends_the_demo() -> None:
    async with serve_sandbox() as url, ClientSession() as session:
        with pytest.raises(DemoFailed, match="the sandbox refuses faults"):
            await SandboxClient(session, url).tell("faults", {"kind": "nonsense"})


async def test_a_failure_of_one_shipment_is_the_demos_own() -> None:
    async with (
        answering(422) as (relay, _),
        serve_sandbox() as url,
        ClientSession() as session,
    ):
        play = Scenario(
            PLAN[:1],
            SandboxClient(session, url),
            RelayClient(session, relay, "token"),
            Program("relay", (), Path()),
        )
        with pytest.raises(DemoFailed, match="refuses a label"):
            await play.perform(Phase.OPENING)


async def test_a_broken_promise_is_waited_for_and_stays_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scenario, "LOOK_AGAIN_SECONDS", 0.001)
    async with serve_sandbox() as url, ClientSession() as session:
        sandbox = SandboxClient(session, url)
        relay = RelayClient(session, url, "token")
        play = Scenario(PLAN[:1], sandbox, relay, Program("relay", (), Path()))
        play.webhooks.append(Webhook(SHIPMENT.order_id, forged=False, statuses=(200,)))
        await play.prepare()
        verdict = await play.settled(0.01)
        reason = f"its tracking number {SHIPMENT.boxes[0].number} is missing"
        assert BrokenPromise(SHIPMENT.order_id, reason) in verdict.broken
        console, said = written(terminal=False)
        assert runner.outcome(console, play, await play.evidence(), verdict, 1) == 1
        assert "promises were broken" in said()


def test_without_carriers_the_demo_cannot_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(_: Any) -> list[Speaker]:
        return []

    monkeypatch.setattr(client, "speakers", nobody)
    console, said = written(terminal=False)
    assert runner.run(console) == 1
    assert "no carrier of the sandbox says enough" in said()


class Picky:
    """A carrier that plays with a secret of its own kind only."""

    def __init__(self, adapter: str, secret: str) -> None:
        self.adapter = adapter
        self.speaks = {"picked_up": "P", DELIVERED: "D"}
        self._secret = secret

    def webhook(self, _: SimulatedScan, secret: str) -> SimulatedRequest:
        if not re.fullmatch(self._secret, secret):
            raise ValueError("another secret")
        return SimulatedRequest({}, b"")


async def test_every_carrier_gets_a_secret_it_can_play_with_or_no_part() -> None:
    kinds = {"basic": "[^:]+:.+", "hex": "[0-9a-f]{64}", "strange": "whsec_.*"}
    parts = {adapter: Picky(adapter, kind) for adapter, kind in kinds.items()}
    options = SandboxOptions(simulators=parts)
    url = f"http://127.0.0.1:{processes.free_port()}"
    async with serve_sandbox(options=options) as at, ClientSession() as session:
        found = await client.available_carriers(SandboxClient(session, at), url)
    assert [s.adapter for s in found] == ["basic", "hex"]
    assert all(re.fullmatch(kinds[s.adapter], s.secret) for s in found)


def test_a_relay_that_cannot_start_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: Any) -> dict[str, str]:
        return {"RELAY_LISTEN": "nowhere"}

    monkeypatch.setattr(runner, "environment", wrong)
    console, said = written(terminal=False)
    assert runner.run(console) == 1
    assert "the relay ended with 2" in said()
    assert "RELAY_LISTEN" in said()


def test_instants_are_minutes_apart() -> None:
    assert timedelta(minutes=1) == min(
        abs(a.occurred_at - b.occurred_at)
        for p in PLAN
        for a in p.scans
        for b in p.scans
        if a is not b
    )
