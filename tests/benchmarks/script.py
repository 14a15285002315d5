"""What one writes in an afternoon instead: FastAPI, SQLite, a background task, httpx.

`python -m tests.benchmarks.script PORT FOLDER VTEX_PORT`. It verifies the signature,
stores the webhook, and sends all events of the shipment to VTEX after the answer. It
is fair as a measure of speed only: it retries nothing, and loses what a crash stops.
"""

import base64
import hmac
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import BackgroundTasks, FastAPI, Request, Response

from tests.benchmarks.loads import HOST
from tests.benchmarks.webhooks import INVOICE, SECRET, order_id

SCHEMA = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS events (
        number TEXT, occurred TEXT, code TEXT, PRIMARY KEY (number, occurred, code));
"""
UNAUTHORIZED = 401


def application(folder: Path, vtex: int) -> FastAPI:
    """Make the script's application."""
    database = sqlite3.connect(folder / "script.db", isolation_level=None)
    database.executescript(SCHEMA)
    base = f"http://{HOST}:{vtex}/api/oms/pvt/orders"
    client = httpx.Client(base_url=base, timeout=30)

    app = FastAPI()

    def publish(number: str, found: list[tuple[str, str]]) -> None:
        events = [{"date": at, "description": code} for at, code in found]
        order = order_id(int(number[2:-2]))
        path = f"/{order}/invoice/{INVOICE}/tracking"
        client.put(path, json={"isDelivered": False, "events": events})

    @app.get("/healthz")
    async def alive() -> dict[str, bool]:
        return {"alive": True}

    @app.post("/webhooks/me")
    async def receive(request: Request, tasks: BackgroundTasks) -> Response:
        body = await request.body()
        digest = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256"))
        presented = request.headers.get("x-me-signature", "")
        if not hmac.compare_digest(digest.decode(), presented):
            return Response(status_code=UNAUTHORIZED)
        number, occurred, code = event_of(json.loads(body))
        database.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?)", (number, occurred, code)
        )
        found = database.execute(
            "SELECT occurred, code FROM events WHERE number = ? ORDER BY 1", (number,)
        ).fetchall()
        tasks.add_task(publish, number, found)  # in a thread: it is not a coroutine
        return Response(b"{}", media_type="application/json")

    return app


def event_of(body: dict[str, Any]) -> tuple[str, str, str]:
    """Return number, time and code of a webhook."""
    data = body["data"]
    return data["tracking"], str(occurred_of(data)), body["event"]


def occurred_of(data: dict[str, Any]) -> str | None:
    """Return the latest time that the webhook has."""
    return max((v for k, v in data.items() if k.endswith("_at") and v), default=None)


if __name__ == "__main__":
    port, folder, vtex_port = sys.argv[1:]
    made = application(Path(folder), int(vtex_port))
    uvicorn.run(made, host=HOST, port=int(port), log_level="warning")
