"""Carrier simulators send webhooks and answer polls."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from relay.sandbox.simulator import (
    SimulatedAnswer,
    SimulatedCall,
    SimulatedRequest,
    SimulatedRoute,
    SimulatedScan,
    Simulation,
)
from relay.sandbox.simulator_calls import forged


class Caller:
    """A carrier that calls and is asked as well."""

    adapter = "caller"
    codes: ClassVar = {"delivered": "done"}

    def webhook(self, scan: SimulatedScan, secret: str) -> SimulatedRequest:
        if scan.code == "unknown":
            raise LookupError("no such code")
        body = json.dumps(
            {"code": scan.code, "at": scan.occurred_at.isoformat()}
        ).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return SimulatedRequest({"X-Signature": signature}, body)

    def routes(self) -> Iterable[SimulatedRoute]:
        yield SimulatedRoute("GET", "/track/{number}", self.track)

    def track(self, call: SimulatedCall, stage: Simulation) -> SimulatedAnswer:
        scans = stage.scans_of(call.path_values["number"])
        codes = [scan.code for scan in scans]
        return SimulatedAnswer(json.dumps(codes).encode(), 200 if codes else 404)


class Asked:
    """A carrier that is asked only, and says how."""

    adapter = "asked"
    codes: ClassVar = {"picked_up": "up"}

    def contract(self, base_url: str) -> dict[str, str]:
        return {"base_url": base_url, "secret": "s"}

    def routes(self) -> Iterable[SimulatedRoute]:
        return []


class Relay:
    """The webhook endpoint that carriers call."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answers: list[int] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        good = hmac.new(b"s3cret-0", body, hashlib.sha256).hexdigest()
        if request.headers["X-Signature"] != good:
            return web.Response(status=401, text="rejected")
        self.bodies.append(body)
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, text="kept")


@pytest.fixture
async def relay(
    aiohttp_server: Callable[..., Awaitable[TestServer]],
) -> Relay:
    relay = Relay()
    app = web.Application()
    app.router.add_post("/webhooks/c", relay.take)
    relay.url = str((await aiohttp_server(app)).make_url("/webhooks/c"))
    return relay


@pytest.fixture
async def staged(made: Any) -> Any:
    return await made(simulators={"caller": Caller(), "asked": Asked()})


def scan_of(relay: Relay, **fields: Any) -> dict[str, Any]:
    body = {
        "url": relay.url,
        "secret": "s3cret-0",
        "parcel": {"orderId": "1", "trackingNumber": "TN1"},
        "code": "posted",
        "occurredAt": "2026-08-01T09:00:00-03:00",
    }
    return body | fields


async def test_the_carriers_are_listed(staged: Any) -> None:
    url = staged.client.make_url("/carriers/asked")
    assert await staged.listed("carriers") == [
        {
            "adapter": "asked",
            "webhook": False,
            "codes": {"picked_up": "up"},
            "routes": [],
            "contract": {"base_url": str(url), "secret": "s"},
        },
        {
            "adapter": "caller",
            "webhook": True,
            "codes": {"delivered": "done"},
            "routes": ["GET /track/{number}"],
            "contract": {},
        },
    ]


async def test_a_scan_is_sent_as_a_signed_webhook(staged: Any, relay: Relay) -> None:
    sent = await staged.ask("POST", "/carriers/caller/scans", scan_of(relay))

    attempt = {"status": 200, "body": "kept", "error": None}
    assert sent == attempt | {"attempts": [attempt]}
    expected = {"code": "posted", "at": "2026-08-01T12:00:00+00:00"}
    assert json.loads(relay.bodies[0]) == expected


async def test_a_scan_without_a_time_happens_now(staged: Any, relay: Relay) -> None:
    body = scan_of(relay, occurredAt=None)
    await staged.ask("POST", "/carriers/caller/scans", body)
    assert json.loads(relay.bodies[0])["at"] == "2026-08-01T12:00:00+00:00"


async def test_a_forged_webhook_is_signed_wrongly(staged: Any, relay: Relay) -> None:
    body = scan_of(relay, forged=True)
    sent = await staged.ask("POST", "/carriers/caller/scans", body)
    assert (sent["status"], sent["body"]) == (401, "rejected")


@pytest.mark.parametrize("secret", ["", "x", "whsec_MfKQ9r8GKYqrTwjU", "----------"])
def test_a_forged_secret_is_another_one(secret: str) -> None:
    assert forged(secret) != secret


def test_a_forged_secret_keeps_its_shape() -> None:
    assert forged("whsec_AbCd1290==") == "whsec_AbcD2301=="


async def test_a_webhook_can_be_repeated(staged: Any, relay: Relay) -> None:
    body = scan_of(relay, repeat=3)
    sent = await staged.ask("POST", "/carriers/caller/scans", body)
    assert len(sent["attempts"]) == 3
    assert relay.bodies == [relay.bodies[0]] * 3


async def test_a_carrier_retries_if_requested(staged: Any, relay: Relay) -> None:
    relay.answers = [503, 200]
    body = scan_of(relay, retry=True)
    sent = await staged.ask("POST", "/carriers/caller/scans", body)
    assert [attempt["status"] for attempt in sent["attempts"]] == [503, 200]
    assert sent["status"] == 200


async def test_a_carrier_stops_after_three_attempts(staged: Any, relay: Relay) -> None:
    relay.answers = [503] * 9
    body = scan_of(relay, retry=True)
    sent = await staged.ask("POST", "/carriers/caller/scans", body)
    assert [attempt["status"] for attempt in sent["attempts"]] == [503] * 3


async def test_a_relay_that_is_down_is_an_error(
    staged: Any, relay: Relay, unused_tcp_port: int
) -> None:
    body = scan_of(relay, url=f"http://127.0.0.1:{unused_tcp_port}/webhooks/c")
    sent = await staged.ask("POST", "/carriers/caller/scans", body)
    assert sent["status"] is None
    assert "connect" in sent["error"].lower()


@pytest.mark.parametrize(
    "url",
    [
        "https://carrier.example/hook",
        "http://10.0.0.1/",
        "http://127.0.0.1.example.com/",
        "ftp://127.0.0.1/",
        "/webhooks/c",
        "http://[::1",
        "",
    ],
)
async def test_webhooks_go_to_loopback_addresses_only(
    staged: Any, relay: Relay, url: str
) -> None:
    response = await staged.client.post(
        "/sandbox/carriers/caller/scans", json=scan_of(relay, url=url)
    )
    assert response.status == 422
    assert "$.url" in (await response.json())["errors"]


async def test_an_unknown_carrier_names_the_known_ones(staged: Any) -> None:
    response = await staged.client.post("/sandbox/carriers/nobody/scans", json={})
    assert response.status == 404
    assert "asked, caller" in (await response.json())["error"]


async def test_a_code_the_carrier_does_not_know_is_refused(
    staged: Any, relay: Relay
) -> None:
    response = await staged.client.post(
        "/sandbox/carriers/caller/scans", json=scan_of(relay, code="unknown")
    )
    assert response.status == 422
    assert "no such code" in await response.text()


async def test_a_carrier_that_only_answers_sends_nothing(
    staged: Any, relay: Relay
) -> None:
    path = "/sandbox/carriers/asked/scans"
    response = await staged.client.post(path, json=scan_of(relay))
    assert response.status == 422
    kept = await staged.client.post(path, json=scan_of(relay, url=None))
    assert await kept.json() == {"status": None, "body": None, "attempts": []}


async def test_polls_are_answered_from_the_recorded_scans(staged: Any) -> None:
    async def play(code: str, hour: int) -> None:
        at = f"2026-08-01T{hour:02}:00:00Z"
        parcel = {"orderId": "1", "trackingNumber": "TN1", "shipmentId": "uuid"}
        body = {"parcel": parcel, "code": code, "occurredAt": at}
        await staged.ask("POST", "/carriers/caller/scans", body)

    assert (await staged.client.get("/carriers/caller/track/TN1")).status == 404
    await play("delivered", 11)
    await play("posted", 10)

    for reference in ("TN1", "uuid"):
        answer = await staged.client.get(f"/carriers/caller/track/{reference}")
        assert answer.content_type == "application/json"
        assert await answer.json() == ["posted", "delivered"]
    await staged.ask("POST", "/reset")
    assert (await staged.client.get("/carriers/caller/track/TN1")).status == 404
