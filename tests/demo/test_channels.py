"""The demo's channels: webhook, poll, both, and the relay's count of each."""

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
from relay.demo.client import RelayClient, SandboxClient
from relay.demo.evidence import Evidence, Package, channels_of
from relay.demo.plan import (
    BOTH,
    DELIVERED,
    POLL,
    WEBHOOK,
    DemoCarrier,
    Phase,
    demo_carriers,
)
from relay.demo.processes import DemoFailed, Program, environment
from relay.demo.report import result
from relay.demo.scenario import Scenario
from relay.demo.stories import DUAL, POLLED, STORIES, nfe_key, shipments
from relay.demo.verdict import FailedCheck, channel_counts, wrong_channels
from relay.domain.fiscal import NfeKey
from relay.sandbox.server import serve_sandbox
from relay.sandbox.simulator import SimulatedRequest, SimulatedRoute, SimulatedScan
from relay.sandbox.world import SandboxOptions

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
CODES = {"picked_up": "PU", DELIVERED: "OK"}
SENDER = DemoCarrier("acme", CODES, "s3cret")
POLLING = DemoCarrier("acme", CODES, channel=POLL, settings={"base_url": "http://x"})
PLAN = shipments([SENDER, POLLING], NOW, STORIES[:1])
BY_POLL = [s for s in PLAN if s.carrier.channel == POLL]
CALLED, POLLED_ONE = PLAN[0], BY_POLL[0]


def test_a_polling_carrier_takes_part_if_it_has_enough_codes() -> None:
    good = {"adapter": "good", "webhook": False, "codes": CODES}
    found = demo_carriers(
        [
            good | {"contract": {"base_url": "http://x"}},
            good | {"contract": {}},
            good | {"contract": {"base_url": "http://x"}, "codes": {"lost": "L"}},
        ]
    )
    expected = DemoCarrier(
        "good", CODES, channel=POLL, settings={"base_url": "http://x"}
    )
    assert found == [expected]
    assert expected.contract == "good_poll"


def test_each_polling_carrier_has_all_stories_of_polling() -> None:
    other = replace(POLLING, adapter="other")
    plan = shipments([SENDER, POLLING, other], NOW)
    each = sum(story.shipments for story in POLLED)
    count = Counter((s.carrier.adapter, s.carrier.channel) for s in plan)
    shared = sum(story.shipments for story in STORIES)
    assert count == {
        ("acme", WEBHOOK): shared,
        ("acme", POLL): each,
        ("other", POLL): each,
    }
    assert len({s.order_id for s in plan}) == len(plan)


def test_a_carrier_with_both_channels_loses_the_webhook_of_a_delivery() -> None:
    carriers = [
        {"adapter": "acme", "webhook": True, "codes": CODES, "contract": settings}
        for settings in ({"secret": "s"}, {"base_url": "http://x"}, {})
    ]
    (dual,) = [c for c in demo_carriers(carriers) if c.channel == BOTH]
    assert (dual.contract, dual.channels) == ("acme_both", {WEBHOOK, POLL})
    plan = shipments([SENDER, dual], NOW)
    unsent = [
        (s.carrier, scan.milestone) for s in plan for scan in s.scans if scan.unsent
    ]
    assert unsent == [(dual, DELIVERED)] * DUAL[0].shipments


def test_an_invoice_of_a_polling_carrier_has_a_key_with_its_number() -> None:
    for shipment in BY_POLL:
        assert NfeKey.parse(shipment.invoice_key).number == shipment.invoice_number
    assert CALLED.invoice_key == ""


@pytest.mark.parametrize("number", range(1, 60))
def test_every_key_is_right_to_its_last_digit(number: int) -> None:
    assert NfeKey.parse(nfe_key(number, NOW)).number == str(number)


def test_a_contract_has_one_channel() -> None:
    made = environment(Path("f"), "r", "http://s", [SENDER, POLLING], "token")
    contracts = {
        name.removeprefix("RELAY_CONTRACTS__"): text
        for name, text in made.items()
        if name.startswith("RELAY_CONTRACTS__")
    }
    assert contracts == {
        "ACME__ADAPTER": "acme",
        "ACME__ACCOUNT": "demo",
        "ACME__ACCOUNTS": "demo,appending",
        "ACME__SECRET": "s3cret",
        "ACME__POLL": "false",
        "ACME_POLL__ADAPTER": "acme",
        "ACME_POLL__ACCOUNT": "demo",
        "ACME_POLL__ACCOUNTS": "demo,appending",
        "ACME_POLL__BASE_URL": "http://x",
        "ACME_POLL__POLL_SPACING_SECONDS": "0",
    }


def published(*documents: tuple[str, int | None]) -> dict[str, Any]:
    lines = [{"source": channel, "newEvents": count} for channel, count in documents]
    return {"timeline": {"documents": lines}}


def test_events_count_by_the_channel_of_their_document() -> None:
    shown = published((POLL, 2), (POLL, 0), (POLL, None), (WEBHOOK, 0), (POLL, 1))
    assert channels_of(shown) == {POLL: 3}


def test_all_events_are_counted_in_a_line() -> None:
    channels = {"1": Counter({WEBHOOK: 2}), "2": Counter({POLL: 1, WEBHOOK: 1})}
    assert channel_counts(channels) == "Events by channel: 3 by webhook, 1 by poll"
    assert channel_counts({}) == "Events by channel: none"


def test_a_shipment_with_a_wrong_channel_or_none_is_a_failed_check() -> None:
    plan = [CALLED, POLLED_ONE]
    right = {
        CALLED.order_id: Counter({WEBHOOK: 2}),
        POLLED_ONE.order_id: Counter({POLL: 2}),
    }
    assert list(wrong_channels(plan, right)) == []
    both = right | {POLLED_ONE.order_id: Counter({WEBHOOK: 1, POLL: 1})}
    reason = "events arrived by poll and webhook, expected poll"
    assert list(wrong_channels(plan, both)) == [
        FailedCheck(POLLED_ONE.order_id, reason)
    ]
    reason = "events arrived by nothing, expected webhook"
    del right[CALLED.order_id]
    assert list(wrong_channels(plan, right)) == [FailedCheck(CALLED.order_id, reason)]


def test_the_table_shows_the_channel_of_a_shipment() -> None:
    package = Package(CALLED.order_id, "71000", None, False, None, ())
    channels = {CALLED.order_id: Counter({WEBHOOK: 1, POLL: 1})}
    table = result([CALLED], Evidence([package], [], [], [], [], channels=channels))
    columns = {str(column.header): list(column.cells) for column in table.columns}
    assert columns["channel"] == ["both"]


class Polled:
    """A carrier without webhooks."""

    adapter = "polled"
    codes: ClassVar = CODES

    def routes(self) -> Iterable[SimulatedRoute]:
        return ()

    def contract(self, base_url: str) -> dict[str, str]:
        return {"base_url": base_url}


class Sends:
    """A carrier that sends webhooks with any secret."""

    adapter = "sends"
    codes: ClassVar = CODES

    def webhook(self, _scan: SimulatedScan, _secret: str) -> SimulatedRequest:
        return SimulatedRequest({}, b"")


async def test_carriers_of_both_channels_are_available() -> None:
    options = SandboxOptions(simulators={"polled": Polled(), "sends": Sends()})
    url = f"http://127.0.0.1:{processes.free_port()}"
    async with serve_sandbox(options=options) as at, ClientSession() as session:
        found = await client.available_carriers(SandboxClient(session, at), url)
    assert [(s.adapter, s.channel) for s in found] == [
        ("polled", POLL),
        ("sends", WEBHOOK),
    ]
    assert found[0].settings == {"base_url": f"{at}/carriers/polled"}


async def test_without_a_webhook_carrier_the_demo_fails() -> None:
    options = SandboxOptions(simulators={"polled": Polled()})
    async with serve_sandbox(options=options) as at, ClientSession() as session:
        with pytest.raises(DemoFailed, match="no carrier with webhooks"):
            await client.available_carriers(SandboxClient(session, at), at)


class Listening:
    """A relay that knows every order, but answers 503 at first."""

    def __init__(self, down: int = 0) -> None:
        self.requests: list[str] = []
        self._down = down

    async def answer(self, request: web.Request) -> web.Response:
        self._down -= 1
        if self._down >= 0:
            return web.Response(status=503)
        self.requests.append(f"{request.method} {request.path_qs}")
        if request.path.endswith("/S-1"):
            return web.json_response(published((POLL, 5)))
        return web.json_response({"shipments": [{"id": "S-1"}]})

    def server(self) -> TestServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        return TestServer(app)


def scenario_of(session: ClientSession, sandbox: str, relay: object) -> Scenario:
    url = str(relay).rstrip("/")
    client_ = RelayClient(session, url, "token")
    control = SandboxClient(session, sandbox)
    one = replace(POLLED_ONE, carrier=replace(POLLING, adapter="polled"))
    return Scenario([one], control, client_, Program("relay", (), Path()))


async def test_a_polling_carrier_is_polled_at_the_end_of_a_phase() -> None:
    options = SandboxOptions(simulators={"polled": Polled()})
    relay = Listening(down=2)
    async with (
        serve_sandbox(options=options) as at,
        relay.server() as server,
        ClientSession() as session,
    ):
        scenario = scenario_of(session, at, server.make_url(""))
        await scenario.run(Phase.CLOSING)
        (shown,) = (await scenario.shipments()).values()
        assert channels_of(shown) == {POLL: 5}
    listed = f"GET /v1/shipments?orderId={POLLED_ONE.order_id}"
    again = "POST /v1/shipments/S-1/poll-now"
    assert relay.requests == [listed, again, listed, "GET /v1/shipments/S-1"]
    assert scenario.webhooks == []
