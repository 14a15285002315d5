"""Carriers test a webhook's address without a signature, over real HTTP."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import ContractOptions
from relay.adapters.signatures import hmac_sha256
from relay.api import webhooks
from relay.api.content import SERVER
from relay.api.keys import INTAKE
from relay.api.problems import problems
from relay.clock import micros
from relay.inbound.handshakes import LARGEST
from relay.inbound.intake import Intake
from relay.store.handshakes import Handshakes
from relay.store.sqlite import SqliteDatabase
from tests.support import acme
from tests.support.clock import START
from tests.support.way_in import WayIn

SECRET = "0123456789abcdef-in-the-address"
AT = datetime(2026, 3, 2, tzinfo=UTC)
Client = TestClient[web.Request, web.Application]
Serve = Callable[[Intake], Any]
Answer = tuple[int, bytes, Mapping[str, str]]


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is tested here does not depend on it."""
    return sqlite


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve the webhooks of an intake; close every server at the end."""
    clients: list[Client] = []

    async def served(intake: Intake) -> Client:
        app = web.Application(middlewares=[webhooks.observe, problems])
        app[INTAKE] = intake
        app.add_routes(webhooks.routes())
        server = TestServer(app)
        await server.start_server(**SERVER)
        clients.append(TestClient(server))
        return clients[-1]

    yield served
    for client in clients:
        await client.close()


@pytest.fixture
def handshaking(way_in: WayIn) -> acme.Handshaking:
    carrier = acme.Handshaking()
    way_in.carriers["acme"] = carrier
    return carrier


async def sent(client: Client, method: str, path: str, **more: Any) -> Answer:
    async with client.request(method, path, **more) as answer:
        return answer.status, await answer.read(), answer.headers


def use(way_in: WayIn, adapter: str, secret: str = "s", **options: Any) -> None:
    """Let the contract acme have another adapter."""
    contract = ContractOptions("acme", ZoneInfo("UTC"), (secret,), options=options)
    way_in.carriers["acme"] = load_carrier(adapter, contract)


GENERIC: dict[str, Any] = {
    "references": [{"kind": "tracking_number", "path": "n"}],
    "code": "c",
    "time": "t",
    "signature": {"kind": "hmac", "header": "x-sign"},
}
EVENT = b'{"n": "ZZ1", "c": "1", "t": "2026-05-20T10:00:00Z"}'


@pytest.mark.parametrize(
    ("method", "body", "headers"),
    [
        ("GET", None, {}),
        ("HEAD", None, {}),
        ("POST", None, {}),
        ("POST", b"{}", {}),
        ("POST", b'{"event": "ping", "data": {}}', {}),
        ("POST", b'{"event": "ping", "data": []}', {"X-ME-Signature": "wrong"}),
    ],
)
async def test_the_registration_at_melhor_envio_succeeds(
    way_in: WayIn,
    serve: Serve,
    method: str,
    body: bytes | None,
    headers: dict[str, str],
) -> None:
    use(way_in, "melhorenvio")
    client = await serve(way_in.intake())
    for path in ("/webhooks/acme", "/webhooks/acme/"):
        status, _, _ = await sent(client, method, path, data=body, headers=headers)
        assert status == 200
    assert await way_in.rows("documents") == []


async def test_an_unsigned_event_of_melhor_envio_is_refused(
    way_in: WayIn, serve: Serve
) -> None:
    use(way_in, "melhorenvio")
    intake = way_in.intake()
    client = await serve(intake)
    label = {"id": "1f0c", "posted_at": "2026-05-15 14:30:00"}
    for data in (label, {**label, "id": None, "tracking": "QQ1BR"}):
        body = json.dumps({"event": "order.posted", "data": data}).encode()
        assert (await sent(client, "POST", "/webhooks/acme", data=body))[0] == 401
    assert (await sent(client, "POST", "/webhooks/acme", data=b"<x/>"))[0] == 401
    assert await way_in.rows("documents") == []
    await intake.close()


async def test_a_handshake_is_answered_and_nothing_is_stored(
    way_in: WayIn, serve: Serve, handshaking: acme.Handshaking
) -> None:
    client = await serve(way_in.intake())
    status, body, headers = await sent(client, "GET", "/webhooks/acme?say=hi")
    assert (status, body, headers["Content-Type"]) == (200, b"hi", "text/plain")
    hello = b'{"hello": true}'
    status, body, headers = await sent(client, "POST", "/webhooks/acme", data=hello)
    assert (status, body, headers["X-Hello"]) == (204, b"", "yes")
    assert await way_in.rows("documents") == []
    assert hello in handshaking.read_bodies


async def test_an_event_in_a_handshake_needs_a_signature(
    way_in: WayIn, serve: Serve, handshaking: acme.Handshaking
) -> None:
    intake = way_in.intake()
    client = await serve(intake)
    scans = {"scans": [acme.scan("ZZ1", "PU", AT)], "hello": True}
    body = json.dumps(scans).encode()
    assert (await sent(client, "POST", "/webhooks/acme", data=body))[0] == 401
    assert (await sent(client, "PUT", "/webhooks/acme", data=b"{}"))[0] == 401
    large = b'{"hello": "' + b"x" * LARGEST + b'"}'
    assert (await sent(client, "POST", "/webhooks/acme", data=large))[0] == 401
    handshaking.handshake_fails = KeyError("bug")
    assert (await sent(client, "POST", "/webhooks/acme", data=b"{}"))[0] == 401
    assert await way_in.rows("documents") == []
    await intake.close()


async def test_a_signed_handshake_is_stored_like_every_webhook(
    way_in: WayIn, serve: Serve, handshaking: acme.Handshaking
) -> None:
    client = await serve(way_in.intake())
    body = b'{"hello": true}'
    signed = acme.signed(body)
    answer = await sent(client, "POST", "/webhooks/acme", data=body, headers=signed)
    assert (answer[0], answer[2]["X-Hello"]) == (204, "yes")
    assert [row["body"] for row in await way_in.rows("documents")] == [body]
    assert handshaking.handshake_fails is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PATCH"])
async def test_a_handshake_that_the_contract_does_not_declare_is_refused(
    way_in: WayIn, serve: Serve, method: str
) -> None:
    client = await serve(way_in.intake())
    status, body, headers = await sent(client, method, "/webhooks/acme")
    assert (status, headers["Allow"]) == (405, "POST, PUT")
    if method != "HEAD":
        problem = json.loads(body)
        assert problem["detail"].startswith(f"{method}: not a method of this contract")
        assert "handshakes" in problem["hint"]


async def test_the_methods_of_a_contract_are_those_of_its_handshakes(
    way_in: WayIn, serve: Serve, handshaking: acme.Handshaking
) -> None:
    client = await serve(way_in.intake())
    _, _, headers = await sent(client, "DELETE", "/webhooks/acme")
    assert headers["Allow"] == "GET, HEAD, POST, PUT"
    assert (await sent(client, "GET", "/webhooks/other"))[0] == 404
    handshaking.handshake_fails = KeyError("bug")
    assert (await sent(client, "GET", "/webhooks/acme"))[0] == 401


@pytest.mark.usefixtures("handshaking")
async def test_a_secret_in_the_address_is_needed_for_a_handshake_too(
    way_in: WayIn, settings: Any, serve: Serve
) -> None:
    contract = {"verification": "url", "url_secret": SECRET}
    way_in.contracts = settings({"acme": contract}).contracts
    intake = way_in.intake()
    client = await serve(intake)
    for method in ("GET", "POST"):
        right = await sent(client, method, f"/webhooks/acme/{SECRET}")
        assert right[0] in (200, 204)
        for path in ("/webhooks/acme", f"/webhooks/acme/{SECRET}x"):
            assert (await sent(client, method, path))[0] == 401
    await intake.close()


@pytest.mark.usefixtures("handshaking")
async def test_a_polling_only_contract_has_no_handshake(
    way_in: WayIn, settings: Any, serve: Serve
) -> None:
    way_in.contracts = settings({"acme": {"verification": "polling_only"}}).contracts
    intake = way_in.intake()
    client = await serve(intake)
    for method in ("GET", "POST"):
        assert (await sent(client, method, "/webhooks/acme"))[0] == 401
    await intake.close()


@pytest.mark.usefixtures("handshaking")
async def test_handshakes_are_counted_logged_and_stored_once_a_minute(
    way_in: WayIn, serve: Serve
) -> None:
    intake = way_in.intake()
    client = await serve(intake)
    stored = Handshakes(way_in.database)
    found = []
    with capture_logs() as logged:
        for step in (0, 30, 31):
            way_in.clock.now += timedelta(seconds=step)
            for method in ("GET", "POST"):
                await sent(client, method, "/webhooks/acme")
            found.append((await stored.all())["acme"])
    assert [line["count"] for line in logged] == [1, 2, 4]
    assert {line["event"] for line in logged} == {"handshake"}
    later = START + timedelta(seconds=61)
    assert found == [micros(START), micros(START), micros(later)]
    text = intake.metrics.text().decode()
    assert 'relay_webhook_handshakes_total{contract="acme"} 6.0' in text


@pytest.mark.usefixtures("handshaking")
async def test_a_handshake_is_answered_although_it_cannot_be_recorded(
    way_in: WayIn, serve: Serve
) -> None:
    client = await serve(way_in.intake())
    await way_in.database.close()
    with capture_logs() as logged:
        assert (await sent(client, "GET", "/webhooks/acme"))[0] == 200
    assert logged[-1]["event"] == "could not store a handshake"


HOOK = {"query": {"hub.verify_token": "{secret}"}, "challenge": {"query": "hub.c"}}
TYPED = {"when": "type == 'v'", "challenge": {"body": "challenge"}}
AS_JSON = {"content_type": "application/json", "body": '{"answer": "{challenge}"}'}
AS_HEADER = {"body": "", "headers": {"X-Hook": "{challenge}"}}


@pytest.mark.parametrize(
    ("handshake", "request_", "expected"),
    [
        ({"method": "GET"}, ("GET", "", b"", {}), (200, b"")),
        ({"method": "GET"}, ("HEAD", "", b"", {}), (200, b"")),
        ({"method": "GET"}, ("OPTIONS", "", b"", {}), (405, None)),
        ({"method": "OPTIONS"}, ("OPTIONS", "", b"", {}), (200, b"")),
        ({"method": "POST"}, ("POST", "", b"", {}), (200, b"")),
        ({"method": "POST"}, ("POST", "", b" {}", {}), (200, b"")),
        ({"method": "POST"}, ("POST", "", b'{"a": 1}', {}), (401, None)),
        ({"method": "POST"}, ("POST", "", b"<xml/>", {}), (401, None)),
        ({"method": "PUT"}, ("PUT", "", b"", {}), (200, b"")),
        (
            {"method": "POST", "when": "ping", "reply": {"body": "pong"}},
            ("POST", "", b'{"ping": true}', {}),
            (200, b"pong"),
        ),
        (
            {"method": "POST", "when": "ping"},
            ("POST", "", EVENT[:-1] + b', "ping": 1}', {}),
            (401, None),
        ),
        (
            {"method": "POST", **TYPED},
            ("POST", "", b'{"type": "v", "challenge": "a\\"b"}', {}),
            (200, b'a"b'),
        ),
        (
            {"method": "POST", **TYPED, "reply": AS_JSON},
            ("POST", "", b'{"type": "v", "challenge": "a\\"b"}', {}),
            (200, b'{"answer": "a\\"b"}'),
        ),
        (
            {"method": "POST", **TYPED},
            ("POST", "", b'{"type": "w", "challenge": "a"}', {}),
            (401, None),
        ),
        (
            {"method": "POST", "challenge": {"body": "c"}},
            ("POST", "", b'{"c": 42}', {}),
            (200, b"42"),
        ),
        (
            {"method": "POST", "challenge": {"body": "c"}},
            ("POST", "", b'{"c": "a\\nb"}', {}),
            (401, None),
        ),
        (
            {"method": "POST", "challenge": {"body": "c"}},
            ("POST", "", b'{"c": {"d": 1}}', {}),
            (401, None),
        ),
        (
            {"method": "POST", "challenge": {"body": "length(c)"}},
            ("POST", "", b'{"c": 5}', {}),
            (401, None),
        ),
        ({"method": "GET", **HOOK}, ("GET", "hub.c=7", b"", {}), (401, None)),
        (
            {"method": "GET", **HOOK},
            ("GET", "hub.verify_token=s&hub.c=7", b"", {}),
            (200, b"7"),
        ),
        (
            {"method": "GET", **HOOK},
            ("GET", "hub.verify_token=x&hub.c=7", b"", {}),
            (401, None),
        ),
        (
            {"method": "GET", "challenge": {"query": "c"}, "reply": AS_HEADER},
            ("GET", "c=a%0d%0aSet-Cookie:+b", b"", {}),
            (401, None),
        ),
        (
            {"method": "GET", "challenge": {"query": "c"}},
            ("GET", "c=" + "x" * 501, b"", {}),
            (401, None),
        ),
        (
            {"method": "POST", "challenge": {"header": "X-Hook"}, "reply": AS_HEADER},
            ("POST", "", b"", {"X-Hook": "abc"}),
            (200, b""),
        ),
        (
            {"method": "POST", "challenge": {"header": "X-Hook"}},
            ("POST", "", b"", {}),
            (401, None),
        ),
    ],
)
async def test_a_generic_contract_answers_the_handshakes_that_it_declares(
    way_in: WayIn,
    serve: Serve,
    handshake: dict[str, Any],
    request_: tuple[str, str, bytes, dict[str, str]],
    expected: tuple[int, bytes | None],
) -> None:
    use(way_in, "generic", **GENERIC, handshakes=[handshake])
    intake = way_in.intake()
    client = await serve(intake)
    method, query, body, given = request_
    path = f"/webhooks/acme?{query}"
    status, answer, headers = await sent(
        client, method, path, data=body or None, headers=given
    )
    assert status == expected[0]
    if expected[1] is not None:
        assert answer == expected[1]
        assert headers.get("X-Hook") == given.get("X-Hook")
    assert await way_in.rows("documents") == []
    await intake.close()


async def test_a_signed_handshake_of_a_generic_contract_has_no_events(
    way_in: WayIn, serve: Serve
) -> None:
    kinds = ({"challenge": {"body": "c"}}, {"when": "length(c) > `9`"})
    handshakes = [{"method": "GET"}, *({"method": "POST", **kind} for kind in kinds)]
    use(way_in, "generic", **GENERIC, handshakes=handshakes)
    intake = way_in.intake()
    client = await serve(intake)
    bodies = (b'{"c": "abc"}', EVENT, b'{"c": {}}', b"{}")
    for body in bodies:
        headers = {"x-sign": hmac_sha256("s", body, "hex")}
        answer = await sent(
            client, "POST", "/webhooks/acme", data=body, headers=headers
        )
        assert answer[0] == 200
    await way_in.read()
    rows = await way_in.rows("documents")
    assert [row["body"] for row in rows] == list(bodies)
    unreadable = [row["unreadable_reason"] is not None for row in rows]
    assert unreadable == [False, False, True, True]
    assert len(await way_in.rows("events")) == 1


async def test_a_signed_empty_object_has_no_events_if_it_is_a_handshake(
    way_in: WayIn, serve: Serve
) -> None:
    use(way_in, "generic", **GENERIC, handshakes=[{"method": "POST"}])
    client = await serve(way_in.intake())
    headers = {"x-sign": hmac_sha256("s", b"{}", "hex")}
    await sent(client, "POST", "/webhooks/acme", data=b"{}", headers=headers)
    await way_in.read()
    (row,) = await way_in.rows("documents")
    assert row["unreadable_reason"] is None
