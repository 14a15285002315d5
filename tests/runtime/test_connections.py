"""Connections are bounded in number and time; real sockets, a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.config.sections import IntakeSettings as Limits
from relay.config.settings import Settings
from relay.inbound.reception import SMALL
from relay.metrics import Metrics
from relay.runtime.assemble import assemble
from relay.runtime.connections import Connections, source_of
from relay.runtime.serve import run
from tests.runtime.test_malformed_requests import free_port
from tests.support.way_in import until

SECRET = "0123456789abcdef-in-the-address"
WEBHOOK = f"POST /webhooks/swift/{SECRET} HTTP/1.1\r\nHost: relay\r\n".encode()
LABEL = b"POST /v1/shipments HTTP/1.1\r\nHost: r\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[..., Awaitable[Streams]]
Serve = Callable[..., Awaitable[Connect]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Serve a relay as the process does, with limits; return how to connect to it."""
    async with AsyncExitStack() as stack:

        async def served(**limits: Any) -> Connect:
            port = free_port()
            stop = asyncio.Event()
            settings = _settings(tmp_path, port, limits)
            relay = await stack.enter_async_context(assemble(settings))
            running = asyncio.create_task(run(relay, stop))

            async def ended() -> None:
                stop.set()
                await running

            stack.push_async_callback(ended)

            async def connect(source: str = "127.0.0.1") -> Streams:
                streams = await asyncio.open_connection(
                    "127.0.0.1", port, local_addr=(source, 0)
                )
                stack.callback(streams[1].close)
                return streams

            await until(lambda: _is_listening(connect))
            return connect

        yield served


def _settings(folder: Path, port: int, limits: dict[str, Any]) -> Settings:
    contract = {"adapter": "loggi", "verification": "url", "url_secret": SECRET}
    return Settings.model_validate(
        {
            "database": f"sqlite:///{folder / 'relay.db'}",
            "listen": f"127.0.0.1:{port}",
            "accounts": {"store": {"app_key": "k", "app_token": "the-token"}},
            "contracts": {"swift": contract},
            "intake": limits,
        }
    )


async def _is_listening(connect: Connect) -> bool:
    with suppress(ConnectionError):
        _, writer = await connect("127.0.0.9")
        writer.close()
        await writer.wait_closed()
        return True
    return False


async def received(streams: Streams) -> bytes:
    """Return all that the server sends until it closes the connection."""
    async with asyncio.timeout(20):
        return await streams[0].read()


async def asked(streams: Streams, request: bytes) -> bytes:
    """Return the head of the answer to *request*."""
    streams[1].write(request)
    async with asyncio.timeout(20):
        return await streams[0].readuntil(b"\r\n\r\n")


def webhook(size: int, sent: int) -> bytes:
    """Return a webhook of *size* bytes, of which *sent* arrive."""
    return WEBHOOK + f"Content-Length: {size}\r\n\r\n".encode() + b"x" * sent


async def test_headers_that_never_end_are_answered_408(serve: Serve) -> None:
    connect = await serve(header_seconds=0.2)
    for start in (b"G", WEBHOOK, WEBHOOK + b"X: y\r\n"):
        streams = await connect()
        streams[1].write(start)
        answer = await received(streams)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"Connection: close\r\n" in answer
        problem = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert problem["code"] == "request_timeout"
        assert problem["detail"] == "the headers did not arrive in time"


async def test_headers_in_pieces_are_accepted(serve: Serve) -> None:
    connect = await serve(header_seconds=0.3, keepalive_seconds=0.6)
    streams = await connect()
    for piece in (HEALTH[:9], HEALTH[9:-3], HEALTH[-3:-1]):
        streams[1].write(piece)
        # An answer on another connection shows that the piece has arrived.
        await asked(await connect(), HEALTH)
    assert (await asked(streams, HEALTH[-1:])).startswith(b"HTTP/1.1 200 OK")
    assert b"408" not in await received(streams)


@pytest.mark.parametrize("path", [WEBHOOK, LABEL])
async def test_a_body_that_never_comes_is_answered_408(
    serve: Serve, path: bytes
) -> None:
    connect = await serve(body_seconds=0.2)
    streams = await connect()
    streams[1].write(
        path + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\nx"
    )
    head, _, body = (await received(streams)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert problem["detail"] == "the body did not arrive within 0.2 seconds"
    assert "intake.body_seconds" in problem["hint"]


@pytest.mark.parametrize("start", [b"", HEALTH, HEALTH + b"GET /he"])
async def test_a_connection_without_a_request_is_closed(
    serve: Serve, start: bytes
) -> None:
    connect = await serve(keepalive_seconds=0.2)
    streams = await connect()
    streams[1].write(start)
    answer = await received(streams)
    assert answer.count(b"HTTP/1.1 200 OK") == start.count(HEALTH)


async def test_one_source_cannot_have_all_connections(serve: Serve) -> None:
    connect = await serve(connections=10, connections_per_source=3)
    with capture_logs() as logged:
        open_ = [await connect() for _ in range(3)]
        for streams in open_:
            assert (await asked(streams, HEALTH)).startswith(b"HTTP/1.1 200 OK")
        refused = await connect()
        refused[1].write(webhook(500_000, 500_000))
        answer = await received(refused)
    assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\n")
    assert b"too many connections are open from this address" in answer
    warned = [line for line in logged if line["event"] == "too many connections"]
    assert [(line["source"], line["count"]) for line in warned] == [("127.0.0.1", 1)]
    other = await connect("127.0.0.2")
    assert (await asked(other, HEALTH)).startswith(b"HTTP/1.1 200 OK")
    open_[0][1].close()
    await open_[0][1].wait_closed()
    await until(lambda: _is_served(connect))


async def _is_served(connect: Connect) -> bool:
    streams = await connect()
    head = await asked(streams, HEALTH)
    streams[1].close()
    await streams[1].wait_closed()
    return head.startswith(b"HTTP/1.1 200 OK")


async def test_all_sources_together_are_bounded_and_counted(serve: Serve) -> None:
    connect = await serve(connections=2, connections_per_source=2)
    kept = [await connect(f"127.0.0.{n}") for n in (1, 2)]
    for streams in kept:
        await asked(streams, HEALTH)
    refused = await connect("127.0.0.3")
    refused[1].write(HEALTH)
    answer = await received(refused)
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n")
    kept[0][1].write(b"GET /metrics HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n")
    text = await received(kept[0])
    assert b'relay_connections_refused_total{status="503"} 1.0' in text


async def test_a_refused_connection_that_sends_nothing_is_closed(serve: Serve) -> None:
    connect = await serve(connections=1, connections_per_source=1)
    kept = await connect()
    await asked(kept, HEALTH)
    refused = await connect()
    with suppress(ConnectionError):
        assert await received(refused) == b""
    ended = await connect()
    ended[1].write_eof()
    with suppress(ConnectionError):
        assert await received(ended) == b""


async def test_bodies_that_are_still_arriving_count_as_backlog(serve: Serve) -> None:
    connect = await serve(backlog_bytes=200_000, body_limit=100_000)
    held = [await connect() for _ in range(12)]
    for streams in held:
        streams[1].write(webhook(100_000, 60_000))
    heads = [asyncio.create_task(one[0].readuntil(b"\r\n\r\n")) for one in held]
    fit = 200_000 // (60_000 - SMALL)
    await until(lambda: sum(head.done() for head in heads) >= len(held) - fit)
    refused = [head.result() for head in heads if head.done()]
    assert len(refused) < len(held)
    assert all(head.startswith(b"HTTP/1.1 503 ") for head in refused)
    assert all(b"Retry-After: 5\r\n" in head for head in refused)
    # Carriers' webhooks are small, and stay welcome.
    small = await connect()
    assert (await asked(small, webhook(2, 0) + b"{}")).startswith(b"HTTP/1.1 200 OK")
    for streams, head in zip(held, heads, strict=True):
        streams[1].close()
        await streams[1].wait_closed()
        await asyncio.gather(head, return_exceptions=True)
    await until(lambda: _takes_large(connect))


async def _takes_large(connect: Connect) -> bool:
    streams = await connect()
    head = await asked(streams, webhook(100_000, 100_000))
    streams[1].close()
    return head.startswith(b"HTTP/1.1 200 OK")


class Flood(asyncio.Protocol):
    """Sends more than any buffer takes, and notes the end of the connection."""

    def __init__(self, lost: asyncio.Future[bool]) -> None:
        self._lost = lost
        self.paused = 0

    def connection_made(self, transport: Any) -> None:
        transport.write(b"x" * 50_000_000)

    def pause_writing(self) -> None:
        self.paused += 1

    def resume_writing(self) -> None:
        self.paused -= 1

    def connection_lost(self, _exc: Exception | None) -> None:
        self._lost.set_result(bool(self.paused))


@pytest.mark.parametrize(("reads", "seconds"), [(False, 0.2), (True, 60)])
async def test_a_client_that_stops_receiving_is_disconnected(
    *, reads: bool, seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    limits = Limits.model_validate({"send_seconds": seconds})
    connections = Connections(lambda: Flood(lost), limits, Metrics())
    server = await loop.create_server(connections, "127.0.0.1", 0)
    async with server, asyncio.timeout(20):
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if reads:
            assert len(await reader.readexactly(50_000_000)) == 50_000_000
            writer.close()
        assert await lost is not reads
        writer.close()


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        (("192.0.2.7", 5000), "192.0.2.7"),
        (("::ffff:192.0.2.7", 5000, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 5000, 0, 0), "2001:0db8:0001:0002"),
        (("2001:db8:1:2:ffff::1", 5000, 0, 0), "2001:0db8:0001:0002"),
        (("fe80::1%eth0", 5000, 0, 2), "fe80:0000:0000:0000"),
        ("/run/relay.sock", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_source_is_an_address_or_a_customers_network(peer: Any, source: str) -> None:
    assert source_of(peer) == source
