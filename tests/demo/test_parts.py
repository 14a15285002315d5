"""The demo's plan, output, clients and failures."""

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
from relay.demo.evidence import Evidence, Package, Webhook
from relay.demo.plan import (
    DELIVERED,
    DemoCarrier,
    DemoShipment,
    LabelPrint,
    Phase,
    Scan,
    demo_carriers,
)
from relay.demo.processes import DemoFailed, Program, inherited
from relay.demo.report import disturbed, result, state, summary
from relay.demo.scenario import Scenario
from relay.demo.stories import STORIES, shipments
from relay.demo.verdict import FailedCheck, Verdict
from relay.sandbox.records import Call
from relay.sandbox.server import serve_sandbox
from relay.sandbox.simulator import SimulatedRequest, SimulatedScan
from relay.sandbox.world import SandboxOptions

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
CARRIER = DemoCarrier("acme", {"picked_up": "PU", "in_transit": "IT", DELIVERED: "OK"})
PLAN = shipments([CARRIER], NOW)
PACKAGE = Package(PLAN[0].order_id, "71000", None, False, None, ())
EMPTY = Evidence([], [], [], [], [])


def listed(adapter: str, *, webhook: bool = True, **codes: str) -> dict[str, Any]:
    carrier = {"adapter": adapter, "webhook": webhook, "codes": codes}
    return carrier | {"routes": [], "contract": {}}


def test_only_webhook_carriers_with_enough_codes_take_part() -> None:
    found = demo_carriers(
        [
            listed("good", picked_up="1", delivered="2"),
            listed("asked", webhook=False),
            listed("silent", picked_up="1"),
            listed("abrupt", delivered="2"),
        ]
    )
    assert [s.adapter for s in found] == ["good"]


def test_a_few_dozen_shipments_are_shared_out_among_the_carriers() -> None:
    other = DemoCarrier("other", {"at_hub": "H", DELIVERED: "D"})
    plan = shipments([CARRIER, other], NOW)
    assert 24 < len(plan) < 60
    assert len({s.order_id for s in plan}) == len(plan)
    assert {s.carrier.adapter for s in plan} == {"acme", "other"}


def test_every_kind_of_disturbance_is_in_the_plan() -> None:
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
    assert {phase for p in PLAN for phase in p.steps} == set(Phase)


def test_scans_are_believable() -> None:
    for shipment in PLAN:
        instants = [s.occurred_at for s in shipment.scans]
        assert len(set(instants)) == len(instants)
        assert all(shipment.dispatched_at < i < NOW for i in instants)
    open_ = [p for p in PLAN if p.delivered_at is None]
    assert {p.story for p in open_} == {
        "in transit",
        "forged delivery",
        "reused number",
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


def test_the_state_of_a_shipment_is_a_word_or_two() -> None:
    assert state(PACKAGE) == "…"
    tracking_sent = replace(PACKAGE, number="RL1")
    assert state(tracking_sent) == "number sent"
    assert state(replace(tracking_sent, events=(NOW,))) == "1 event"
    assert state(replace(tracking_sent, events=(NOW, NOW))) == "2 events"
    assert state(replace(tracking_sent, finished=True)) == "delivered"


def test_disturbed_calls_are_named_once_by_their_cause() -> None:
    calls = [
        Call(
            sequence=n,
            at=NOW,
            account="demo",
            order_id="O-1",
            kind="put",
            method="PUT",
            path="/",
            fault=fault,
            answered=200,
        )
        for n, fault in enumerate(("outage", "outage", None, "cut_after"))
    ]
    assert disturbed(replace(EMPTY, calls=calls)) == [
        "hit the outage: PUT O-1",
        "response lost: PUT O-1",
    ]


@pytest.mark.parametrize(
    ("verdict", "lines"),
    [
        (
            Verdict((), (FailedCheck("O-1", "repeated"),)),
            [
                "Repeated: O-1: repeated",
                "All checks passed: 3 shipments in 7 s.",
            ],
        ),
        (Verdict((FailedCheck("O-1", "x"),)), ["1 check failed:", "  O-1: x"]),
        (
            Verdict((FailedCheck("O-1", "x"), FailedCheck("O-2", "y"))),
            ["2 checks failed:", "  O-1: x", "  O-2: y"],
        ),
    ],
)
def test_the_outcome_is_said_in_summary(verdict: Verdict, lines: list[str]) -> None:
    assert summary(verdict, 3, 7.2) == lines


def written(*, terminal: bool) -> tuple[Console, Callable[[], str]]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    return console, file.getvalue


def test_a_terminal_shows_every_shipment() -> None:
    console, said = written(terminal=True)
    with runner.progress_on(console) as progress:
        for phase in (Phase.OPENING, Phase.KILL):
            progress.begin(phase)
        progress.update(
            [replace(PACKAGE, finished=True), replace(PACKAGE, number="RL1")]
        )
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said())
    assert f"✓ {Phase.OPENING.value}" in text
    assert f"▸ {Phase.KILL.value}" in text
    assert f"{PACKAGE.order_id}  delivered" in text


def test_a_pipe_gets_a_line_for_each_change() -> None:
    console, said = written(terminal=False)
    with runner.progress_on(console) as progress:
        progress.begin(Phase.OPENING)
        for number in (None, "RL1", "RL1"):
            progress.update([replace(PACKAGE, number=number)])
    lines = said().splitlines()
    assert lines == [f"== {Phase.OPENING.value}", f"{PACKAGE.order_id}  number sent"]


def test_another_relays_settings_are_not_inherited() -> None:
    assert inherited({"RELAY_LISTEN": "x", "relay_database": "y", "HOME": "z"}) == {
        "HOME": "z"
    }


async def test_a_timeout_names_what_was_waited_for() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(DemoFailed, match="the end: timed out after 0 s"):
        await until("the end", never, seconds=0.01, pause=0.001)


async def test_a_program_that_exited_is_quoted(tmp_path: Path) -> None:
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
    ignores += "print('unstoppable', flush=True); time.sleep(60)"
    program = Program("relay", (), tmp_path)
    with program.log.open("ab") as log:
        program.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ignores, stdout=log
        )

    async def unstoppable() -> bool:
        return "unstoppable" in program.tail()

    await until("a unstoppable program", unstoppable)
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
        with pytest.raises(
            DemoFailed, match=f"refused label of {SHIPMENT.order_id}: words"
        ):
            await RelayClient(session, url, "token").register(SHIPMENT, PRINTED)


async def test_an_unreachable_relay_is_retried() -> None:
    async with ClientSession() as session:
        port = processes.free_port()
        relay = RelayClient(session, f"http://127.0.0.1:{port}", "token")
        assert not await relay.ready()
        registering = asyncio.create_task(relay.register(SHIPMENT, PRINTED))
        scan = SHIPMENT.scans[0]
        async with serve_sandbox() as url:
            sandbox = SandboxClient(session, url)
            with pytest.raises(DemoFailed, match="sandbox refused carriers"):
                await relay.receive(sandbox, SHIPMENT, scan)
        assert not registering.done()
        app = web.Application()
        app.router.add_post("/v1/shipments", _created)
        async with TestServer(app, port=port):
            await registering


async def _created(_: web.Request) -> web.Response:
    return web.Response(status=201)


async def test_a_request_that_the_sandbox_refuses_ends_the_demo() -> None:
    async with serve_sandbox() as url, ClientSession() as session:
        with pytest.raises(DemoFailed, match="sandbox refused faults"):
            await SandboxClient(session, url).post("faults", {"kind": "nonsense"})


async def test_a_failure_of_one_shipment_is_the_demos_own() -> None:
    async with (
        answering(422) as (relay, _),
        serve_sandbox() as url,
        ClientSession() as session,
    ):
        run_ = Scenario(
            PLAN[:1],
            SandboxClient(session, url),
            RelayClient(session, relay, "token"),
            Program("relay", (), Path()),
        )
        with pytest.raises(DemoFailed, match="relay refused label"):
            await run_.run(Phase.OPENING)


async def test_a_check_that_still_fails_at_the_end_counts_as_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scenario, "VERDICT_SECONDS", 0.001)
    async with serve_sandbox() as url, ClientSession() as session:
        sandbox = SandboxClient(session, url)
        relay = RelayClient(session, url, "token")
        run_ = Scenario(PLAN[:1], sandbox, relay, Program("relay", (), Path()))
        run_.webhooks.append(Webhook(SHIPMENT.order_id, forged=False, statuses=(200,)))
        await run_.prepare()
        verdict = await run_.settled(0.01)
        reason = f"trackingNumber: missing, expected {SHIPMENT.boxes[0].number}"
        assert FailedCheck(SHIPMENT.order_id, reason) in verdict.failed
        console, said = written(terminal=False)
        assert runner.outcome(console, run_, await run_.evidence(), verdict, 1) == 1
        assert "checks failed" in said()


def test_without_carriers_the_demo_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(_: Any) -> list[DemoCarrier]:
        return []

    monkeypatch.setattr(client, "demo_carriers", none)
    console, said = written(terminal=False)
    assert runner.run(console) == 1
    assert "the sandbox has no carrier with webhooks" in said()


class Picky:
    """A carrier that signs with one kind of secret only."""

    def __init__(self, adapter: str, secret: str) -> None:
        self.adapter = adapter
        self.codes = {"picked_up": "P", DELIVERED: "D"}
        self._secret = secret

    def webhook(self, _: SimulatedScan, secret: str) -> SimulatedRequest:
        if not re.fullmatch(self._secret, secret):
            raise ValueError("another secret")
        return SimulatedRequest({}, b"")


async def test_every_carrier_gets_a_secret_it_can_sign_with_or_is_left_out() -> None:
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
    assert "relay: exited with code 2" in said()
    assert "RELAY_LISTEN" in said()


def test_instants_are_minutes_apart() -> None:
    assert timedelta(minutes=1) == min(
        abs(a.occurred_at - b.occurred_at)
        for p in PLAN
        for a in p.scans
        for b in p.scans
        if a is not b
    )
