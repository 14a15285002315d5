"""A loop that keeps failing makes the shipped process not ready, until it recovers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from relay.config.load import SettingsSource
from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from relay.runtime.reload import Reloader
from relay.runtime.serve import reload

SETTINGS = """
database = "{database}"

[contracts.swift]
adapter = "ssw"
secret = "s"

[accounts.store]
app_key = "k"
app_token = "t"
"""
ON_BOTH = ("reader", "publisher", "poller", "housekeeper", "gates", "reloader")
ALWAYS = {("sqlite", "publisher"), ("postgres", "reader")}
"""One loop of each kind of database; the others wait just as long, and are slow."""
CASES = [
    pytest.param(*case, marks=() if case in ALWAYS else pytest.mark.slow)
    for case in (
        *((kind, loop) for kind in ("sqlite", "postgres") for loop in ON_BOTH),
        ("postgres", "clock"),  # SQLite has no clock of its own
        ("sqlite", "checkpointer"),
        ("sqlite", "disk"),
    )
]


@dataclass
class Process:
    """A relay as it is shipped; only the loop under test runs."""

    relay: Relay
    client: TestClient[Any, Any]
    file: Path
    reloader: Reloader

    async def reasons(self, condition: Callable[[list[str]], bool]) -> list[str]:
        """Ask `/readyz` until *condition* holds for its reasons, and return them."""
        async with asyncio.timeout(60):
            while True:
                async with self.client.get("/readyz") as answer:
                    reasons: list[str] = (await answer.json())["reasons"]
                assert answer.status == (503 if reasons else 200)
                if condition(reasons):
                    return reasons

    async def break_database(self) -> None:
        """Close the database, and move the folder of its file away."""
        await self.relay.database.close()
        if self.folder.exists():
            self.folder.rename(self.away)

    async def repair_database(self) -> None:
        if self.away.exists():
            self.away.rename(self.folder)
        database: Any = self.relay.database
        await database.open(**({"serving": True} if self.relay.alone else {}))

    def loop(self, name: str) -> Coroutine[Any, Any, None]:
        """Return one loop, with something to do."""
        if name == "reloader":
            self.file.write_text(self.file.read_text() + "burst = 3\n")
            self.reloader.wake()
        if self.relay.checkpointer is not None:
            self.relay.checkpointer.burst_read()
        loops = self.relay.loops() | {"reloader": self.reloader.run()}
        wanted = loops.pop(name)
        for other in loops.values():
            other.close()
        return wanted

    @property
    def folder(self) -> Path:
        return self.file.with_name("data")

    @property
    def away(self) -> Path:
        return self.file.with_name("away")


@asynccontextmanager
async def process(folder: Path, database: str) -> AsyncIterator[Process]:
    file = folder / "relay.toml"
    file.write_text(SETTINGS.format(database=database))
    source = SettingsSource(file, {})
    settings = source.load()
    async with (
        assemble(settings) as relay,
        TestClient(TestServer(relay.application())) as client,
    ):
        reloader = Reloader(source, settings, partial(reload, relay), relay.health)
        yield Process(relay, client, file, reloader)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "postgres":
        address: str = request.getfixturevalue("postgres_url")
        return address
    (tmp_path / "data").mkdir()
    return f"sqlite:///{tmp_path / 'data' / 'relay.db'}"


@pytest.mark.parametrize(("kind", "name"), CASES)
async def test_a_failing_loop_is_named_until_it_recovers(
    tmp_path: Path, url: str, name: str
) -> None:
    def failing(reasons: list[str]) -> bool:
        return any(reason.startswith(f"{name}: failing (") for reason in reasons)

    async with process(tmp_path, url) as made:
        await made.reasons(lambda reasons: not reasons)
        await made.break_database()
        task = asyncio.create_task(made.loop(name))
        await made.reasons(failing)
        await made.repair_database()
        await made.reasons(lambda reasons: not reasons)
        assert not task.done()
        task.cancel()
        await asyncio.wait({task})


async def test_settings_that_could_not_be_applied_are_applied_later(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    url = f"sqlite:///{tmp_path / 'data' / 'relay.db'}"
    async with process(tmp_path, url) as made:
        await made.reloader.step()
        await made.break_database()
        made.loop("reloader").close()
        with pytest.raises(ValueError, match="onnection"):
            await made.reloader.step()
        await made.repair_database()
        assert await made.reloader.step()
        assert made.reloader.settings.accounts["store"].burst == 3
