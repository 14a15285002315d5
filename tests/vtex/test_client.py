"""The calls as VTEX receives them, and what is taken from its answers."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector, TraceConfig, web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from relay.errors import ConfigurationError, DeadlineOver, NotSent, VtexError
from relay.vtex.client import (
    USER_AGENT,
    Deadline,
    VtexAccount,
    VtexClient,
    VtexResponse,
)
from relay.vtex.http import vtex_session

KEY, TOKEN = "vtexappkey-shop-KEY", "TOKEN-that-nobody-may-see"
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
RECEIPT = {"date": "2026-08-01", "orderId": "00-v1-01", "receipt": "r-1"}

Reply = Callable[[web.Request], web.StreamResponse]
Serve = Callable[[Reply], Awaitable["Vtex"]]


class Vtex:
    """A server that records requests and sends a given reply."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.seen: list[tuple[str, str, bytes]] = []
        self.headers: list[Any] = []
        self.base_url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.raw_path, await request.read()))
        self.headers.append(request.headers)
        return self.reply(request)


@pytest.fixture
def serve(aiohttp_server: Callable[..., Awaitable[TestServer]]) -> Serve:
    async def start(reply: Reply) -> Vtex:
        vtex = Vtex(reply)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", vtex.handle)
        server = await aiohttp_server(app)
        vtex.base_url = str(server.make_url("/"))
        return vtex

    return start


def account(base_url: str = "https://shop.test") -> VtexAccount:
    return VtexAccount("shop", base_url, KEY, TOKEN)


def soon() -> Deadline:
    return Deadline.within(5, lambda: NOW)


async def ask(
    vtex: Vtex, verb: str = "send_events", number: str = "123"
) -> VtexResponse:
    """Make one call with a client of its own."""
    async with vtex_session() as session:
        client = VtexClient(session, clock=lambda: NOW, waits=(0, 0))
        shop = account(vtex.base_url)
        if verb == "read_order":
            return await client.read_order(shop, "v1-01", deadline=soon())
        if verb == "post_invoice":
            return await client.post_invoice(
                shop, "v1-01", b'{"a": 1}', deadline=soon()
            )
        call = (
            client.send_tracking_number
            if verb == "send_tracking_number"
            else client.send_events
        )
        return await call(shop, "v1-01", number, b'{"a": 1}', deadline=soon())


@pytest.mark.parametrize(
    ("verb", "seen"),
    [
        ("read_order", ("GET", "/api/oms/pvt/orders/v1-01", b"")),
        (
            "post_invoice",
            ("POST", "/api/oms/pvt/orders/v1-01/invoice", b'{"a": 1}'),
        ),
        (
            "send_tracking_number",
            ("PATCH", "/api/oms/pvt/orders/v1-01/invoice/123", b'{"a": 1}'),
        ),
        (
            "send_events",
            ("PUT", "/api/oms/pvt/orders/v1-01/invoice/123/tracking", b'{"a": 1}'),
        ),
    ],
)
async def test_each_call_goes_out_as_vtex_documents_it(
    serve: Serve, verb: str, seen: tuple[str, str, bytes]
) -> None:
    vtex = await serve(lambda _: web.json_response(RECEIPT))
    answer = await ask(vtex, verb)
    assert answer == VtexResponse(200, "", None, RECEIPT, "r-1")
    assert vtex.seen == [seen]
    sent = vtex.headers[0]
    assert sent["X-VTEX-API-AppKey"] == KEY
    assert sent["X-VTEX-API-AppToken"] == TOKEN
    assert sent["Accept"] == sent["Content-Type"] == "application/json"
    assert sent["User-Agent"] == USER_AGENT


@pytest.mark.parametrize(
    ("number", "segment"),
    [
        ("000123-1", "000123-1"),
        ("a#12", "a%2312"),
        ("1/2", "1%2F2"),
        ("a b", "a%20b"),
        ("a%20b", "a%2520b"),
        ("nº?x=1", "n%C2%BA%3Fx%3D1"),
    ],
)
async def test_an_invoice_number_is_one_segment_whatever_it_holds(
    serve: Serve, number: str, segment: str
) -> None:
    vtex = await serve(lambda _: web.json_response(RECEIPT))
    await ask(vtex, "send_tracking_number", number)
    assert vtex.seen[0][1] == f"/api/oms/pvt/orders/v1-01/invoice/{segment}"


async def test_a_redirect_is_an_answer_and_is_not_followed(serve: Serve) -> None:
    def reply(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    vtex = await serve(reply)
    assert (await ask(vtex)).status == 302
    assert len(vtex.seen) == 1


@pytest.mark.parametrize(
    ("status", "body", "words", "payload"),
    [
        (200, b"OK", "OK", None),
        (200, b"", "", None),
        (200, b"[" * 5000, ("[" * 5000)[:500], None),
        (200, b"\xff", "�", None),
        (200, b'{"receipt": 7}', "", {"receipt": 7}),
        (400, b'"no"', "no", "no"),
        (500, b"An error has occurred", "An error has occurred", None),
    ],
)
async def test_an_answer_is_taken_whatever_its_body(
    serve: Serve, status: int, body: bytes, words: str, payload: object
) -> None:
    vtex = await serve(lambda _: web.Response(status=status, body=body))
    assert await ask(vtex) == VtexResponse(status, words, None, payload, None)


async def test_retry_after_comes_in_seconds(serve: Serve) -> None:
    when = {"Retry-After": "Sat, 01 Aug 2026 12:01:30 GMT"}
    vtex = await serve(lambda _: web.Response(status=429, headers=when))
    assert (await ask(vtex)).retry_after == 90


@pytest.mark.parametrize(
    ("verb", "size", "is_read"),
    [
        ("read_order", 1_900_000, True),
        ("read_order", 2_200_000, False),
        ("send_events", 60_000, True),
        ("send_events", 70_000, False),
    ],
)
async def test_a_body_is_read_up_to_a_limit(
    serve: Serve, verb: str, size: int, is_read: bool
) -> None:
    vtex = await serve(lambda _: web.json_response({"orderId": "x" * size}))
    answer = await ask(vtex, verb)
    assert answer.status == 200
    assert (answer.payload is not None) is is_read


class Resolver(AbstractResolver):
    """A resolver that fails some times before it finds this machine."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> list[ResolveResult]:
        self.asked += 1
        if self.asked <= self.failures:
            raise OSError(None, "no such host")
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=port,
                family=family,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def knock(
    resolver: Resolver, vtex: Vtex, waits: tuple[float, ...]
) -> VtexResponse:
    port = vtex.base_url.rstrip("/").rpartition(":")[2]
    connector = TCPConnector(resolver=resolver, use_dns_cache=False)
    async with ClientSession(connector=connector) as session:
        client = VtexClient(session, clock=lambda: NOW, waits=waits)
        shop = account(f"http://localhost:{port}")
        return await client.send_events(shop, "v1-01", "1", b"{}", deadline=soon())


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_a_connection_that_could_not_be_made_is_tried_again(
    serve: Serve, failures: int
) -> None:
    vtex = await serve(lambda _: web.json_response(RECEIPT))
    assert (await knock(Resolver(failures), vtex, (0, 0))).receipt == "r-1"
    assert len(vtex.seen) == 1


@pytest.mark.parametrize(
    ("waits", "tries"),
    [((0, 0), 3), ((), 1), ((10, 0), 1)],
    ids=["three tries", "no waits, no second try", "a wait beyond the deadline"],
)
async def test_but_not_for_ever(
    serve: Serve, waits: tuple[float, ...], tries: int
) -> None:
    vtex = await serve(lambda _: web.json_response(RECEIPT))
    resolver = Resolver(99)
    with pytest.raises(NotSent, match="cannot connect to localhost: no such host"):
        await knock(resolver, vtex, waits)
    assert resolver.asked == tries
    assert vtex.seen == []


@pytest.mark.parametrize(("loop_seconds", "wall_seconds"), [(-1, 10), (10, -1), (0, 0)])
async def test_past_either_clocks_deadline_nothing_is_sent(
    loop_seconds: float, wall_seconds: float
) -> None:
    started: list[object] = []
    trace = TraceConfig()

    async def note(*event: object) -> None:
        started.append(event)

    trace.on_request_start.append(note)
    loop_time = asyncio.get_running_loop().time() + loop_seconds
    deadline = Deadline(loop_time, NOW + timedelta(seconds=wall_seconds))
    async with ClientSession(trace_configs=[trace]) as session:
        client = VtexClient(session, clock=lambda: NOW)
        with pytest.raises(DeadlineOver, match="no time left for GET"):
            await client.read_order(account(), "v1-01", deadline=deadline)
    assert started == []


def break_off(request: web.Request) -> web.Response:
    """Act upon the request and close the connection without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def echo(request: web.Request) -> web.Response:
    """Answer with the credentials, as a careless proxy's error page does."""
    return web.Response(status=500, text=f"{dict(request.headers)}")


async def test_the_credentials_are_in_no_log_no_error_and_no_repr(
    serve: Serve, caplog: pytest.LogCaptureFixture, unused_tcp_port: int
) -> None:
    caplog.set_level(logging.DEBUG)
    vtex = await serve(echo)
    seen = [repr(await ask(vtex)), repr(account()), str(account())]
    vtex.reply = break_off
    nobody = Vtex(echo)
    nobody.base_url = f"http://127.0.0.1:{unused_tcp_port}"
    for server in (vtex, nobody):
        with pytest.raises(VtexError) as caught:
            await ask(server)
        seen += [repr(caught.value), *traceback.format_exception(caught.value)]
    text = "\n".join([*seen, caplog.text])
    assert TOKEN not in text
    assert KEY not in text


async def test_an_order_does_not_show_in_an_answers_repr(serve: Serve) -> None:
    vtex = await serve(lambda _: web.json_response({"clientProfileData": "Ana"}))
    answer = await ask(vtex, "read_order")
    assert answer.payload == {"clientProfileData": "Ana"}
    assert "Ana" not in repr(answer)


@pytest.mark.parametrize(
    ("base_url", "key", "token", "at_fault"),
    [
        ("http://shop.vtexcommercestable.com.br", KEY, TOKEN, "base_url"),
        ("https://shop.test", "", TOKEN, "app_key"),
        ("https://shop.test", KEY, "two\nlines", "app_token"),
        ("https://shop.test", KEY, "a blank", "app_token"),
        ("https://shop.test", KEY, "acentuação", "app_token"),
    ],
)
def test_an_account_that_cannot_work_is_refused_without_showing_its_secret(
    base_url: str, key: str, token: str, at_fault: str
) -> None:
    with pytest.raises(
        ConfigurationError, match=rf"accounts\.shop\.{at_fault}: "
    ) as caught:
        VtexAccount("shop", base_url, key, token)
    assert not token.strip() or token not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400])
async def test_words_that_no_database_stores_are_made_storable(
    serve: Serve, status: int
) -> None:
    """VTEX may echo what others wrote: NUL and half a character among it."""
    body = b'{"orderId": "A\\u0000\\ud800", "error": {"message": "no\\u0000\\ud800"}}'
    vtex = await serve(lambda _: web.Response(body=body, status=status))
    answer = await ask(vtex)
    kept = f"{answer.message}{answer.payload}"
    assert "A\N{REPLACEMENT CHARACTER}?" in kept
    assert kept.encode()
    assert "\0" not in kept


async def test_an_answer_in_odd_bytes_is_made_storable(serve: Serve) -> None:
    vtex = await serve(lambda _: web.Response(body=b"\xffno\0", status=500))
    answer = await ask(vtex)
    assert "no" in answer.message
    assert "\0" not in answer.message
