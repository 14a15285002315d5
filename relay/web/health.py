"""Whether the process is alive, and whether it does its work."""

import asyncio
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from pydantic_core import to_json

from relay.store.documents import Backlog
from relay.web.keys import CLOCK, DOCUMENTS, HEALTH, INTAKE

PATIENCE: Final = timedelta(seconds=5)
"""The database has to answer within this time."""
UNREAD_FOR: Final = timedelta(minutes=5)
"""Documents that wait longer than this say that the reader does not follow."""


def routes() -> list[web.RouteDef]:
    """Return the routes that those who run the relay ask."""
    return [web.get("/healthz", alive), web.get("/readyz", ready)]


async def alive(_: web.Request) -> web.Response:
    """Answer, which is all there is to say."""
    return _answer(200, {"alive": True})


async def ready(request: web.Request) -> web.Response:
    """Answer 200, or 503 with the reasons for which work is left undone."""
    app = request.app
    backlog, reasons = await _backlog(request)
    body: dict[str, Any] = {}
    if backlog is not None:
        age = app[CLOCK]() - backlog.oldest if backlog.oldest else timedelta(0)
        body["unread"] = {
            "documents": backlog.documents,
            "oldestSeconds": max(int(age.total_seconds()), 0),
        }
        if age > UNREAD_FOR:
            reasons.append(f"reader: documents wait for more than {UNREAD_FOR}")
    reasons += app[HEALTH].reasons()
    return _answer(
        503 if reasons else 200, {"ready": not reasons, "reasons": reasons} | body
    )


async def _backlog(request: web.Request) -> tuple[Backlog | None, list[str]]:
    """Ask the database what waits, and whether it takes documents again."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await request.app[INTAKE].probe()
            return await request.app[DOCUMENTS].backlog(), []
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the reason
        return None, [f"database: no answer ({type(error).__name__})"]


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(
        status=status, body=to_json(body), content_type="application/json"
    )
