"""The connection between the intake and the worker process, over a socket pair.

It carries hints ("documents were stored") and questions with answers (the worker's
health and metrics), as JSON lines. A hint may be lost, for instance while the worker
is restarted: its loops look for work every second anyway.
"""

import asyncio
import itertools
import json
import socket
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

PATIENCE: Final = timedelta(seconds=2)
"""How long an answer may take."""
LONGEST: Final = 64 * 1024 * 1024
"""Bytes of the longest line: the metrics of very many accounts."""
FULL: Final = 64 * 1024
"""Bytes waiting for the other process above which hints are dropped."""


class Channel:
    """One end of the connection; `run` handles what the other process sends."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._hints: dict[str, None] = {}
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Use the socket in the running event loop."""
        self._reader, self._writer = await asyncio.open_unix_connection(
            sock=self._end, limit=LONGEST
        )

    def hint(self, work: str) -> None:
        """Say that there is *work*; hints of one turn of the event loop are merged."""
        if not self._hints:
            asyncio.get_running_loop().call_soon(self._flush)
        self._hints[work] = None

    async def ask(self, question: str) -> Any:
        """Return the other process's answer; raise `TimeoutError` without one."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                self._send({"ask": question, "number": number})
                return await answer
        finally:
            del self._asked[number]

    async def run(
        self,
        on_hint: Callable[[str], None],
        answers: Mapping[str, Callable[[], Any]],
    ) -> None:
        """Handle hints, questions and answers until cancelled."""
        while line := await self._reader.readline():
            try:
                message = json.loads(line)
            except ValueError:  # the rest of a line of a killed process
                continue
            self._handle(message, on_hint, answers)

    def close(self) -> None:
        """Close this process's end."""
        if self._writer is not None:
            self._writer.close()

    def _handle(
        self,
        message: dict[str, Any],
        on_hint: Callable[[str], None],
        answers: Mapping[str, Callable[[], Any]],
    ) -> None:
        for work in message.get("hints", ()):
            on_hint(work)
        if message.get("ask") in answers:
            answer = answers[message["ask"]]()
            self._send({"answers": message["number"], "answer": answer})
        asked = self._asked.get(message.get("answers", -1))
        if asked is not None and not asked.done():
            asked.set_result(message["answer"])

    def _flush(self) -> None:
        hints, self._hints = self._hints, {}
        if self._writer and self._writer.transport.get_write_buffer_size() < FULL:
            self._send({"hints": list(hints)})

    def _send(self, message: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(message).encode() + b"\n")
