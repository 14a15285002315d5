"""Both doors of the demo: who calls, who is asked, and what the relay says of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from relay.demo import client, processes
from relay.demo.bodies import nfe_key
from relay.demo.client import RelayClient, SandboxClient
from relay.demo.evidence import Evidence, Package, channels_of
from relay.demo.plan import DELIVERED, POLL, WEBHOOK, Phase, Speaker, asked, both
from relay.demo.processes import DemoFailed, Program, environment
from relay.demo.promises import BrokenPromise, counted, wrong_channels
from relay.demo.report import result
from relay.demo.scenario import Scenario
from relay.demo.stories import ASKED, BY_BOTH, STORIES, shipments
from relay.domain.fiscal import NfeKey
from relay.sandbox.server import serve_sandbox
from relay.sandbox.simulator import SimulatedRequest, SimulatedRoute, SimulatedScan
from relay.sandbox.world import SandboxOptions

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
SPEAKS = {"picked_up": "PU", DELIVERED: "OK"}
CALLER = Speaker("acme", SPEAKS, "s3cret")
POLLED = Speaker("acme", SPEAKS, channel=POLL, settings={"base_url": "http://x"})
PLAN = shipments([CALLER, POLLED], NOW, STORIES[:1])
BY_POLL = [s for s in PLAN if s.speaker.channel == POLL]
CALLED, POLLED_ONE = PLAN[0], BY_POLL[0]


def test_who_is_asked_takes_part_if_it_says_enough() -> None:
    good = {"adapter": "good", "webhook": True, "speaks": SPEAKS}
    found = asked(
        [
            good | {"contract": {"base_url": "http://x"}},
            good | {"contract": {}},
            good | {"contract": {"base_url": "http://x"}, "speaks": {"lost": "L"}},
        ]
    )
    expected = Speaker("good", SPEAKS, channel=POLL, settings={"base_url": "http://x"})
    assert found == [expected]
    assert expected.contract == "good_asked"


def test_each_carrier_that_is_asked_lives_through_all_of_its_stories() -> None:
    other = replace(POLLED, adapter="other")
    plan = shipments([CALLER, POLLED, other], NOW)
    each = sum(story.shipments for story in ASKED)
    count = Counter((s.speaker.adapter, s.speaker.channel) for s in plan)
    shared = sum(story.shipments for story in STORIES)
    assert count == {
        ("acme", WEBHOOK): shared,
        ("acme", POLL): each,
        ("other", POLL): each,
    }
    assert len({s.order_id for s in plan}) == len(plan)


def test_who_calls_and_is_asked_keeps_a_delivery_to_itself() -> None:
    carriers = [
        {"adapter": "acme", "webhook": True, "speaks": SPEAKS, "contract": settings}
        for settings in ({"secret": "s"}, {"base_url": "http://x"}, {})
    ]
    (speaker,) = both(carriers)
    assert (speaker.contract, speaker.channels) == ("acme_both", {WEBHOOK, POLL})
    plan = shipments([CALLER, speaker], NOW)
    unsaid = [
        (s.speaker, scan.milestone) for s in plan for scan in s.scans if scan.unsaid
    ]
    assert unsaid == [(speaker, DELIVERED)] * BY_BOTH[0].shipments


def test_an_invoice_of_who_is_asked_has_a_key_that_names_it() -> None:
    for shipment in BY_POLL:
        assert NfeKey.parse(shipment.invoice_key).number == shipment.invoice_number
    assert CALLED.invoice_key == ""


@pytest.mark.parametrize("number", range(1, 60))
def test_every_key_is_right_to_its_last_digit(number: int) -> None:
    assert NfeKey.parse(nfe_key(number, NOW)).number == str(number)


def test_a_contract_has_one_door() -> None:
    made = environment(Path("f"), "r", "http://s", [CALLER, POLLED], "token")
    contracts = {
        name.removeprefix("RELAY_CONTRACTS__"): text
        for name, text in made.items()
        if name.startswith("RELAY_CONTRACTS__")
    }
    assert contracts == {
        "ACME__ADAPTER": "acme",
        "ACME__SECRET": "s3cret",
        "ACME__POLL": "false",
        "ACME_ASKED__ADAPTER": "acme",
        "ACME_ASKED__BASE_URL": "http://x",
        "ACME_ASKED__POLL_SPACING_SECONDS": "0",
    }


def published(*documents: tuple[str, int | None]) -> dict[str, Any]:
    lines = [{"source": channel, "newEvents": count} for channel, count in documents]
    return {"timeline": {"documents": lines}}


def test_events_count_by_the_door_of_their_document() -> None:
    shown = published((POLL, 2), (POLL, 0), (POLL, None), (WEBHOOK, 0), (POLL, 1))
    assert channels_of(shown) == {POLL: 3}


def test_all_events_are_counted_in_a_line() -> None:
    channels = {"1": Counter({WEBHOOK: 2}), "2": Counter({POLL: 1, WEBHOOK: 1})}
    assert counted(channels) == "Events by door: 3 by webhook, 1 by poll"
    assert counted({}) == "Events by door: none"


def test_who_comes_by_the_wrong_door_or_by_none_is_named() -> None:
    plan = [CALLED, POLLED_ONE]
    right = {
        CALLED.order_id: Counter({WEBHOOK: 2}),
        POLLED_ONE.order_id: Counter({POLL: 2}),
    }
    assert list(wrong_channels(plan, right)) == []
    both = right | {POLLED_ONE.order_id: Counter({WEBHOOK: 1, POLL: 1})}
    reason = "it was heard of by poll and webhook, not by poll"
    assert list(wrong_channels(plan, both)) == [
        BrokenPromise(POLLED_ONE.order_id, reason)
    ]
    reason = "it was heard of by nothing, not by webhook"
    del right[CALLED.order_id]
    assert list(wrong_channels(plan, right)) == [BrokenPromise(CALLED.order_id, reason)]


def test_the_table_says_by_which_door_a_shipment_came() -> None:
    package = Package(CALLED.order_id, "71000", None, False, None, ())
    channels = {CALLED.order_id: Counter({WEBHOOK: 1, POLL: 1})}
    table = result([CALLED], Evidence([package], [], [], [], [], channels=channels))
    columns = {str(column.header): list(column.cells) for column in table.columns}
    assert columns["door"] == ["both"]


class Asked:
    """A carrier that is asked and never calls."""

    adapter = "asked"
    speaks: ClassVar = SPEAKS

    def routes(self) -> Iterable[SimulatedRoute]:
        return ()

    def contract(self, base_url: str) -> dict[str, str]:
        return {"base_url": base_url}


class Calls:
    """A carrier that calls with any secret."""

    adapter = "calls"
    speaks: ClassVar = SPEAKS

    def webhook(self, _scan: SimulatedScan, _secret: str) -> SimulatedRequest:
        return SimulatedRequest({}, b"")


async def test_callers_and_asked_carriers_are_cast() -> None:
    options = SandboxOptions(simulators={"asked": Asked(), "calls": Calls()})
    url = f"http://127.0.0.1:{processes.free_port()}"
    async with serve_sandbox(options=options) as at, ClientSession() as session:
        found = await client.available_carriers(SandboxClient(session, at), url)
    assert [(s.adapter, s.channel) for s in found] == [
        ("calls", WEBHOOK),
        ("asked", POLL),
    ]
    assert found[1].settings == {"base_url": f"{at}/carriers/asked"}


async def test_without_anybody_who_calls_the_demo_cannot_go_on() -> None:
    options = SandboxOptions(simulators={"asked": Asked()})
    async with serve_sandbox(options=options) as at, ClientSession() as session:
        with pytest.raises(DemoFailed, match="no carrier"):
            await client.available_carriers(SandboxClient(session, at), at)


class Listening:
    """A relay that knows every order, down for its first answers."""

    def __init__(self, down: int = 0) -> None:
        self.asked: list[str] = []
        self._down = down

    async def answer(self, request: web.Request) -> web.Response:
        self._down -= 1
        if self._down >= 0:
            return web.Response(status=503)
        self.asked.append(f"{request.method} {request.path_qs}")
        if request.path.endswith("/S-1"):
            return web.json_response(published((POLL, 5)))
        return web.json_response({"shipments": [{"id": "S-1"}]})

    def server(self) -> TestServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        return TestServer(app)


def playing(session: ClientSession, sandbox: str, relay: object) -> Scenario:
    url = str(relay).rstrip("/")
    talks = RelayClient(session, url, "token")
    stage = SandboxClient(session, sandbox)
    one = replace(POLLED_ONE, speaker=replace(POLLED, adapter="asked"))
    return Scenario([one], stage, talks, Program("relay", (), Path()))


async def test_what_is_only_recorded_is_asked_for_at_the_end_of_the_act() -> None:
    options = SandboxOptions(simulators={"asked": Asked()})
    relay = Listening(down=2)
    async with (
        serve_sandbox(options=options) as at,
        relay.server() as server,
        ClientSession() as session,
    ):
        play = playing(session, at, server.make_url(""))
        await play.perform(Phase.CLOSING)
        assert await play.channels() == {POLLED_ONE.order_id: {POLL: 5}}
    listed = f"GET /v1/shipments?orderId={POLLED_ONE.order_id}"
    again = "POST /v1/shipments/S-1/poll-now"
    assert relay.asked == [listed, again, listed, "GET /v1/shipments/S-1"]
    assert play.webhooks == []
