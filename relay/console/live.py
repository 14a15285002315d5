"""Tells open pages that something changed; they then ask for their numbers again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from aiohttp import web
from pydantic_core import to_json

from relay.console.keys import SERVICES
from relay.console.security import caller
from relay.store.work_counts import WorkCounts

EVERY: Final = timedelta(seconds=2)
MOST: Final = 50
"""Open pages of one process; further ones ask again by themselves."""
LASTS: Final = timedelta(minutes=10)
"""After this time the browser connects again, and its session is checked again."""
OPEN: Final = web.AppKey("open_pages", list[int])
routes = web.RouteTableDef()


@dataclass(slots=True)
class SharedCounts:
    """Counts once for all open pages of a process."""

    _counted: WorkCounts | None = None
    _at: float = 0.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def counts(self, count: Callable[[], Awaitable[WorkCounts]]) -> WorkCounts:
        """Return what *count* returned, at most half of `EVERY` ago."""
        async with self._turn:
            now = time.monotonic()
            if self._counted is None or now - self._at > EVERY.total_seconds() / 2:
                self._counted, self._at = await count(), now
            return self._counted


COUNTS: Final = web.AppKey("shared_counts", SharedCounts)


@routes.get("/live")
async def live(request: web.Request) -> web.StreamResponse:
    """Send an event whenever the counts change.

    See https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    if len(request.app[OPEN]) >= MOST:
        raise web.HTTPServiceUnavailable(text="too many pages are open")
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    answer.headers["Cache-Control"] = "no-store"
    request.app[OPEN].append(1)
    try:
        await answer.prepare(request)
        with suppress(TimeoutError, ConnectionResetError):
            async with asyncio.timeout(LASTS.total_seconds()):
                await _send_changes(request, answer)
    finally:
        request.app[OPEN].pop()
    return answer


async def _send_changes(request: web.Request, answer: web.StreamResponse) -> None:
    worklists, who, last = request.app[SERVICES].worklists, caller(request), b""
    while True:
        work = await request.app[COUNTS].counts(worklists.counts)
        counted = to_json(worklists.counts_for(who, work))
        # A comment keeps proxies from closing a connection without news.
        await answer.write(
            b"event: changed\ndata: \n\n" if counted != last else b":\n\n"
        )
        last = counted
        await asyncio.sleep(EVERY.total_seconds())
