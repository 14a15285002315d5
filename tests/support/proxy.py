"""A TCP proxy between the relay and a server, whose connections can go dead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 65536


@dataclass
class Proxy:
    """Forwards bytes to a local *target* port, unless it is frozen.

    `freeze` is a network that swallows packets: nothing arrives, and nothing says so.
    A connection that was frozen stays so; after `thaw` new ones work.
    """

    target: int
    port: int = 0
    _flow: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def freeze(self) -> None:
        self._flow.clear()

    def thaw(self) -> None:
        self._flow = asyncio.Event()
        self._flow.set()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def serve(
        self, reader: asyncio.StreamReader, out: asyncio.StreamWriter
    ) -> None:
        flow = self._flow
        self._writers.add(out)
        await flow.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers.add(back)
        await asyncio.wait(
            {
                asyncio.create_task(_pump(reader, back, flow)),
                asyncio.create_task(_pump(there, out, flow)),
            },
            return_when=asyncio.FIRST_COMPLETED,
        )
        out.transport.abort()
        back.transport.abort()


async def _pump(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: asyncio.Event
) -> None:
    with suppress(ConnectionError):
        while data := await source.read(CHUNK):
            await flow.wait()
            sink.write(data)
            await sink.drain()


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """Run a proxy in front of a local port."""
    proxy = Proxy(target)
    proxy.thaw()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()
