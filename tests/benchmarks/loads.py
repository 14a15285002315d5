"""A light load: HTTP/1.1 with keep-alive, requests made beforehand.

There are `CONNECTIONS`, each with one request under way. The next one goes out when
an answer is there (`at_full_speed`) or at its time, whatever happens (`at_rate`).
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, cast

HOST: Final = "127.0.0.1"
CONNECTIONS: Final = 64
LOOK_AGAIN: Final = 0.02
"""Seconds between two looks whether the server is to be left alone."""
LAST_ANSWERS: Final = 10.0

_LENGTH: Final = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


class NoAnswer(Exception):
    """The server broke a connection off, or did not answer in time."""


@dataclass
class Outcome:
    """What came of a load; latencies are in seconds."""

    seconds: float = 0.0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """How many answers there were."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds


class _Connection(asyncio.Protocol):
    """Sends one request at a time and says when its answer is there."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._since = 0.0
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, since: float) -> None:
        self._since = since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._received, 0, head + 2)
        if length is None or len(self._received) < head + 4 + int(length[1]):
            return
        good, self._received = self._received.startswith(b"HTTP/1.1 2"), b""
        self._load.answer(self, time.perf_counter() - self._since, good=good)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.broken(exc)

    def close(self) -> None:
        self._transport.close()


class _Load:
    """Connections that are idle, requests that wait for one, and what came back."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        self.idle: list[_Connection] = []
        self.waiting: deque[tuple[bytes, float]] = deque()
        self.next: Callable[[], bytes | None] = lambda: None
        self.under_way = 0
        self.ended = False
        self._failure: Exception | None = None

    def send(self, connection: _Connection, request: bytes, since: float) -> None:
        self.under_way += 1
        connection.send(request, since)

    def offer(self, request: bytes) -> None:
        """Send now if a connection is idle, else when one is."""
        now = time.perf_counter()
        if self.idle:
            self.send(self.idle.pop(), request, now)
        else:
            self.waiting.append((request, now))

    def answer(self, connection: _Connection, latency: float, *, good: bool) -> None:
        self.under_way -= 1
        self.outcome.latencies.append(latency)
        self.outcome.refused += not good
        if self.waiting:
            self.send(connection, *self.waiting.popleft())
        elif (request := self.next()) is not None:
            self.send(connection, request, time.perf_counter())
        else:
            self.idle.append(connection)

    def broken(self, error: Exception | None) -> None:
        if not self.ended:
            self._failure = NoAnswer(f"a connection was broken off: {error}")

    async def finished(self) -> None:
        """Wait for the last answers."""
        until = time.perf_counter() + LAST_ANSWERS
        while self.under_way or self.waiting:
            self.check()
            if time.perf_counter() > until:
                raise NoAnswer(f"{self.under_way} requests got no answer")
            await asyncio.sleep(0.001)

    def check(self) -> None:
        """Raise what went wrong."""
        if self._failure is not None:
            raise self._failure


@asynccontextmanager
async def _connected(port: int, connections: int) -> AsyncIterator[_Load]:
    load = _Load()
    loop = asyncio.get_running_loop()
    opened: list[_Connection] = []
    try:
        for _ in range(connections):
            _, one = await loop.create_connection(lambda: _Connection(load), HOST, port)
            opened.append(one)
        load.idle += opened
        yield load
    finally:
        load.ended = True
        for connection in opened:
            connection.close()


async def at_full_speed(
    port: int,
    requests: Iterable[bytes],
    seconds: float,
    *,
    overtaxed: Callable[[], bool] = lambda: False,
    connections: int = CONNECTIONS,
) -> Outcome:
    """Send as fast as answers come, for *seconds* or until *requests* are sent.

    While the server is *overtaxed*, nothing more is sent.
    """
    source = iter(requests)
    async with _connected(port, connections) as load:
        began = time.perf_counter()
        until, paused = began + seconds, False

        def following() -> bytes | None:
            if paused or time.perf_counter() >= until:
                return None
            return next(source, None)

        load.next = following
        while time.perf_counter() < until:
            load.check()
            paused = overtaxed()
            while load.idle and (request := following()) is not None:
                load.offer(request)
            if not paused and not load.under_way:
                break
            await asyncio.sleep(LOOK_AGAIN)
        await load.finished()
        load.outcome.seconds = time.perf_counter() - began
    return load.outcome


async def at_rate(port: int, requests: Iterable[bytes], rate: float) -> Outcome:
    """Send *requests* at *rate* per second; who is late does not slow them down."""
    async with _connected(port, CONNECTIONS) as load:
        began = time.perf_counter()
        for number, request in enumerate(requests):
            load.check()
            wait = began + number / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            load.offer(request)
        await load.finished()
        load.outcome.seconds = time.perf_counter() - began
    return load.outcome
