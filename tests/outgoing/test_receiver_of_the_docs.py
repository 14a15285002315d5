"""The receiver of the page runs as it stands, and verifies a real call."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from relay.clock import utcnow
from relay.config.receivers import OutgoingReceiver
from relay.domain.outgoing_events import OutgoingEvent
from relay.outgoing.dispatcher import Dispatcher
from relay.store.outgoing_claims import OutgoingClaims
from relay.store.outgoing_events import OutgoingEvents, state_of
from relay.store.sqlite import SqliteDatabase

PAGE = Path(__file__).parents[2] / "docs" / "outgoing-events.md"
BLOCK = re.compile(
    r"<!-- receiver -->\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="


async def state_after_a_call(database: SqliteDatabase, url: str, **more: Any) -> str:
    """Return what becomes of an event at the receiver."""
    given = {"name": "crm", "url": url, "secret": SECRET, **more}
    receiver = OutgoingReceiver.model_validate(given)
    events, claims = OutgoingEvents(database), OutgoingClaims(database)
    now = utcnow()
    event = OutgoingEvent("shipment.late", now, {"shipment": {"orderId": "O-1"}})
    id_ = await events.record(event, ["crm"], now)
    dispatcher = Dispatcher(claims, {"crm": receiver}, utcnow)
    await dispatcher.settle_all()
    await dispatcher.close()
    stored = await events.find(id_)
    assert stored is not None
    return state_of(stored[1][0])


async def test_the_receiver_verifies_real_calls(
    sqlite: SqliteDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (text,) = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(text.splitlines()) < 30
    (tmp_path / "receiver.py").write_text(text, encoding="utf-8")
    page = runpy.run_path(str(tmp_path / "receiver.py"))
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    async with TestServer(page["app"]) as server:
        url = str(server.make_url("/hooks/relay"))
        assert await state_after_a_call(sqlite, url) == "delivered"
        assert (
            "shipment.late {'shipment': {'orderId': 'O-1'}}" in capsys.readouterr().out
        )
        rotated = {"secret": OTHER, "previous_secret": SECRET}
        assert await state_after_a_call(sqlite, url, **rotated) == "delivered"
        assert await state_after_a_call(sqlite, url, secret=OTHER) == "waiting"
