"""One exchange: sent once, limited in size and time, without leaking credentials."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote

import pytest
from aiohttp import ClientSession, ServerDisconnectedError, TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import NotSent, Unanswered
from relay.vtex.http import (
    Exchange,
    NotConnected,
    Received,
    address,
    exchange,
    is_safe,
    vtex_session,
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[str]:
    """Serve bytes by hand, for answers that no web framework gives."""
    talks = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        with suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*filter(None, talks))


def answering(data: bytes, seen: list[bytes]) -> Talk:
    """Return a server that acts upon one request, sends *data* and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(data)
        await writer.drain()

    return talk


def breaking_after(answers: int, seen: list[bytes]) -> Talk:
    """Return a server that answers some requests and acts upon one more, silently."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(answers):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        seen.append(await reader.readuntil(b"\r\n\r\n"))

    return talk


class Resolver(AbstractResolver):
    """A resolver whose look-ups never end."""

    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> list[ResolveResult]:
        del host, port, family
        await asyncio.Event().wait()
        return []

    async def close(self) -> None:
        """Nothing is held."""


def call(base_url: str, method: str = "PUT", limit: int = 1000) -> Exchange:
    body = None if method == "GET" else b"{}"
    return Exchange(
        method, address(base_url, "o-1"), limit, {"X-Token": "s3cr3t"}, body
    )


async def send(what: Exchange) -> Received:
    async with vtex_session() as session:
        return await exchange(session, what, seconds=5)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
async def test_a_call_whose_connection_breaks_is_not_sent_again(method: str) -> None:
    seen: list[bytes] = []
    async with raw_server(breaking_after(0, seen)) as base_url:
        with pytest.raises(Unanswered, match="ServerDisconnectedError"):
            await send(call(base_url, method))
    assert len(seen) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
async def test_nor_is_one_on_a_connection_that_was_used_before(method: str) -> None:
    seen: list[bytes] = []
    async with (
        raw_server(breaking_after(1, seen)) as base_url,
        vtex_session() as session,
    ):
        await exchange(session, call(base_url, "GET"), seconds=5)
        with pytest.raises(Unanswered):
            await exchange(session, call(base_url, method), seconds=5)
    assert [line.split()[0] for line in seen] == [b"GET", method.encode()]


async def test_aiohttp_by_itself_would_send_it_twice() -> None:
    seen: list[bytes] = []
    async with (
        raw_server(breaking_after(0, seen)) as base_url,
        ClientSession() as session,
    ):
        with pytest.raises(ServerDisconnectedError):
            await session.put(base_url, data=b"{}")
    assert len(seen) == 2


async def test_a_closed_port_means_not_connected(
    unused_tcp_port: int,
) -> None:
    with pytest.raises(NotConnected, match=r"cannot connect to 127\.0\.0\.1: "):
        await send(call(f"http://127.0.0.1:{unused_tcp_port}"))


async def test_connecting_too_slowly_sends_nothing() -> None:
    connector = TCPConnector(resolver=Resolver())
    async with ClientSession(connector=connector) as session:
        with pytest.raises(NotSent, match="timeout while connecting") as caught:
            await exchange(
                session, call("https://shop.test"), seconds=5, connect_within=0.01
            )
    assert not isinstance(caught.value, NotConnected)


async def test_an_answer_that_does_not_come_in_time_is_unconfirmed() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()  # until the client gives up

    async with raw_server(talk) as base_url, vtex_session() as session:
        with pytest.raises(Unanswered, match="TimeoutError"):
            await exchange(session, call(base_url), seconds=0.05)


BROKEN_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


async def test_a_write_is_answered_once_its_status_is_known() -> None:
    async with raw_server(answering(BROKEN_OFF, [])) as base_url:
        assert await send(call(base_url)) == Received(200, None, b"{", complete=False)


async def test_an_order_that_breaks_off_is_no_answer() -> None:
    async with raw_server(answering(BROKEN_OFF, [])) as base_url:
        with pytest.raises(Unanswered, match="ClientPayloadError"):
            await send(call(base_url, "GET"))


async def test_no_more_of_a_body_is_read_than_its_limit() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"
    async with raw_server(answering(head + b"x" * 90_000, [])) as base_url:
        received = await send(call(base_url, limit=10))
    assert received.body == b"x" * 10


async def test_an_error_holds_nothing_of_aiohttps_own() -> None:
    async with raw_server(answering(b"no HTTP at all\r\n\r\n", [])) as base_url:
        with pytest.raises(Unanswered) as caught:
            await send(call(base_url))
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


async def test_cookies_are_not_stored_because_accounts_share_the_session(
    aiohttp_server: Callable[..., Awaitable[TestServer]],
) -> None:
    cookies = []

    async def handler(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "janus=1; Path=/"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    server = await aiohttp_server(app, host="localhost")
    async with vtex_session() as session:
        for _ in range(2):
            url = f"http://localhost:{server.port}"
            await exchange(session, call(url), seconds=5)
    assert cookies == [None, None]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_segment_arrives_as_it_is_whatever_it_holds(segments: list[str]) -> None:
    if any(s in {".", ".."} or _is_broken(s) for s in segments):
        return
    path = address("https://shop.test/", *segments).raw_path
    prefix = "/api/oms/pvt/orders/"
    assert path.startswith(prefix)
    assert [unquote(p) for p in path.removeprefix(prefix).split("/")] == segments


def _is_broken(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


@pytest.mark.parametrize("segment", ["", ".", "..", "\ud800"])
def test_a_segment_that_would_change_the_path_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match=r"segments|surrogates"):
        address("https://shop.test", "o-1", "invoice", segment)


@pytest.mark.parametrize(
    ("base_url", "safe"),
    [
        ("https://shop.vtexcommercestable.com.br", True),
        ("https://10.0.0.1:8443/vtex", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost:8080", True),
        ("http://shop.vtexcommercestable.com.br", False),
        ("http://10.0.0.1", False),
        ("ftp://localhost", False),
        ("https://", False),
        ("http:", False),
        ("shop", False),
        ("https://shop:port", False),
        ("", False),
    ],
)
def test_credentials_go_over_https_or_stay_on_this_machine(
    base_url: str,
    safe: bool,
) -> None:
    assert is_safe(base_url) is safe
