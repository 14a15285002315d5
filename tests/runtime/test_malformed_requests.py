"""HTTP that no client library sends: refused, and logged without a traceback."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.config.settings import Settings
from relay.runtime.assemble import assemble
from relay.runtime.serve import run
from tests.support.way_in import until

WEBHOOK = b"POST /webhooks/swift HTTP/1.1\r\nHost: relay\r\n"
LABEL = (
    b"POST /v1/shipments HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n"
)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """Serve a relay as the process does."""
    port = free_port()
    settings = Settings.model_validate(
        {
            "database": f"sqlite:///{tmp_path / 'relay.db'}",
            "listen": f"127.0.0.1:{port}",
            "accounts": {"store": {"app_key": "k", "app_token": "the-token"}},
            "contracts": {"swift": {"adapter": "loggi", "secret": "user:password"}},
        }
    )
    stop = asyncio.Event()
    async with assemble(settings) as relay:
        running = asyncio.create_task(run(relay, stop))
        await until(lambda: _is_open(port))
        yield port
        stop.set()
        await running


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def status_of(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (WEBHOOK + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
        (WEBHOOK + b"Content-Length: -1\r\n\r\n", 400),
        (WEBHOOK + b"Content-Length: 9223372036854775807\r\n\r\n", 413),
        (LABEL + b"Content-Length: 9223372036854775807\r\n\r\n", 413),
        (WEBHOOK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (WEBHOOK + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415),
        (LABEL + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415),
        (LABEL + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    ],
)
async def test_malformed_http_is_refused_without_a_traceback(
    port: int, caplog: pytest.LogCaptureFixture, request_: bytes, status: int
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert await status_of(port, request_) == status
    loud = [r for r in caplog.records if r.levelno > logging.INFO or r.exc_info]
    assert [r.getMessage() for r in loud] == []


async def test_a_client_that_leaves_is_no_error(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    for head in (WEBHOOK, LABEL):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"Content-Length: 5\r\n\r\nx")
        await writer.drain()
        writer.close()
    assert await status_of(port, b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n") == 200
    loud = [r for r in caplog.records if r.levelno > logging.INFO or r.exc_info]
    assert [r.getMessage() for r in loud] == []
