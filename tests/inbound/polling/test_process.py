"""The whole process asks a carrier over HTTP, and counts the calls."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent

import pytest
from aiohttp import web

from relay.config.settings import Settings
from relay.domain.labels import Label, LabelParcel
from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from relay.store.operator_events import poll_now
from relay.store.shipments import Shipments
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import everything, until

SOURCE = """
    from relay.adapters.protocol import Document
    from relay.domain.events import ReferenceKind
    from relay.clock import utcnow
    from tests.support.acme import Acme

    class Adapter(Acme):
        batch_size = 50

        def __init__(self, contract):
            super().__init__()
            self.url = contract.options["base_url"]

        async def poll(self, session, parcels):
            numbers = ",".join(p.tracking_number for p in parcels)
            async with session.get(self.url, params={"numbers": numbers}) as answer:
                return [Document(await answer.read(), utcnow())]
"""


@asynccontextmanager
async def carrier() -> AsyncIterator[str]:
    """Serve a carrier that knows every number."""

    async def answer(request: web.Request) -> web.Response:
        numbers = request.query["numbers"].split(",")
        return web.Response(body=body(*(scan(n, "IT", START) for n in numbers)))

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """Run every loop of a process."""
    tasks = [asyncio.create_task(loop) for loop in relay.loops().values()]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_process_asks_for_what_a_person_wants_to_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asked_owl.py").write_text(dedent(SOURCE), encoding="utf-8")
    info = tmp_path / "asked_owl-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: asked-owl\nVersion: 1.0\n")
    points = "[relay.carriers]\nasked_owl = asked_owl:Adapter\n"
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "asked_owl", raising=False)
    async with carrier() as url:
        owl = {"adapter": "asked_owl", "secret": "s", "base_url": url}
        settings = Settings.model_validate(
            {
                "database": f"sqlite:///{tmp_path / 'relay.db'}",
                "accounts": {
                    "store": {"app_key": "k", "app_token": "t",
                              "base_url": "http://127.0.0.1:1"}
                },
                "contracts": {"owl": owl},
            }
        )  # fmt: skip
        async with assemble(settings) as relay, running(relay):
            label = Label("store", "owl", "O-1", "1", (LabelParcel("AC1"),))
            registered = await Shipments(relay.database).register(label, relay.clock())
            now = relay.clock()
            await poll_now(relay.database, registered.id, "Ana", now, {"owl"})
            relay.poller.wake()

            async def known() -> bool:
                return bool(await everything(relay.database, "events"))

            await until(known)
            assert relay.health.reasons() == []
            (document,) = await everything(relay.database, "documents")
            assert document["source"] == "poll"
            counted = relay.metrics.text().decode()
    assert 'relay_polls_total{contract="owl",outcome="answered"} 1.0' in counted
