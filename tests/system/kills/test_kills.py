"""Killed at any moment, the relay loses nothing that it acknowledged.

A few kills are always tried, more with the slow tests. `RELAY_KILLS=100` makes those
the long run, `RELAY_KILLS_SEED` repeats the moments of one that failed, as far as
anything repeats a kill. `pytest -n 0 -s` shows the summary.
"""

import asyncio
import json
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
import pytest

from tests.system.kills import judging
from tests.system.kills.loading import Loader
from tests.system.kills.processes import (
    Program,
    account,
    relay_program,
    running,
    sandbox_program,
)

KILLS: Final = 7
FEW_KILLS: Final = 2
VICTIMS: Final = ("all", "supervisor", "intake", "worker")
LATENCY_MS: Final = 30
PUBLISHED_WITHIN: Final = 60.0
"""Seconds after the last start until all that was acknowledged must be published."""
IN_FLIGHT: Final = 8
HIGH: Final = {
    "requests_per_second": "500",
    "burst": "100",
    "in_flight": str(IN_FLIGHT),
}
PUBLISHER: Final = {
    "QUIET_SECONDS": "0.1",
    "EVENTS_WAIT_SECONDS": "0.5",
    "UNREAD_WAIT_SECONDS": "5",
    "DUE_CHECK_SECONDS": "0.2",
    "DEADLINE_SECONDS": "10",
    "UNCONFIRMED_WAIT_SECONDS": "2",
    "UNAVAILABLE_SECONDS": "0.5",
    "OUTAGE_PROBE_SECONDS": "0.2",
    "NOT_YET_SECONDS": "0.5",
    "IN_FLIGHT": "16",
}


@dataclass
class Ordeal:
    """A relay under load, killed and started again and again."""

    relay: Program
    sandbox: Program
    session: aiohttp.ClientSession
    random: Random
    kills: list[datetime] = field(default_factory=list)
    victims: Counter[str] = field(default_factory=Counter)

    async def run(self, times: int) -> Loader:
        """Kill the relay so many times; return when everything is published."""
        loader = Loader(self.relay.url, self.sandbox.url, self.random)
        async with asyncio.TaskGroup() as group:
            loading = group.create_task(loader.run())
            for _ in range(times):
                await self._live_a_while()
            if self.relay.process is None:
                self.relay.start()
            await self.relay.ready()
            loader.stopping.set()
            async with asyncio.timeout(PUBLISHED_WITHIN):
                await loading
        await self._published_everything(loader)
        assert self.relay.stop() == 0
        return loader

    async def _live_a_while(self) -> None:
        """Start unless it runs, and kill: one time in five before it serves."""
        if self.relay.process is None:
            self.relay.start()
        if self.random.random() >= 0.2:
            await self.relay.ready()
        await asyncio.sleep(self.random.uniform(0, 1.5))
        victim = self.random.choice(VICTIMS)
        if victim == "all":
            self.relay.kill()
        else:
            self._kill_one(victim)
        self.victims[victim] += 1
        self.kills.append(datetime.now(UTC))

    def _kill_one(self, victim: str) -> None:
        """Kill the supervisor, whose children end then, or one of its children."""
        assert self.relay.process is not None
        processes = {"supervisor": self.relay.process.pid}
        processes |= zip(("intake", "worker"), self.relay.children(), strict=False)
        if victim in processes:  # it may not have been started yet
            self.relay.kill_one(processes[victim])

    async def _published_everything(self, loader: Loader) -> None:
        """Wait until nothing is missing; the verdict says what still is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PUBLISHED_WITHIN):
                while True:
                    if not judging.missing(loader.parcels, await self.shown()):
                        return
                    await asyncio.sleep(0.5)

    async def shown(self) -> judging.Shown:
        """Ask the sandbox what it shows of each order."""
        return judging.shown_of((await self.asked("orders"))["orders"])

    async def asked(self, what: str) -> dict[str, Any]:
        """Ask the sandbox."""
        async with self.session.get(f"{self.sandbox.url}/sandbox/{what}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def verdict(self, loader: Loader) -> dict[str, Any]:
        """Compare the sandbox's account with the loader's."""
        shown = await self.shown()
        calls = await self.asked("calls")
        published = (await self.asked("writes"))["writes"]
        writes = judging.writes_of(published, calls["calls"])
        return {
            "kills": len(self.kills),
            "victims": dict(self.victims),
            "parcels": len(loader.parcels),
            "acknowledged": sum(len(p.acknowledged) for p in loader.parcels),
            "requests": loader.requests,
            "unanswered": loader.unanswered,
            "refused": loader.refused,
            "published": len(writes),
            "in flight at kills": judging.in_flight(writes, self.kills, IN_FLIGHT),
            "published twice": judging.repeated(writes, self.kills),
            "calls": calls["counts"],
            "outcomes": calls["outcomes"],
            "lost": judging.missing(loader.parcels, shown),
            "invented": judging.invented(loader.parcels, shown),
            "complaints": (await self.asked("complaints"))["complaints"],
        }


@pytest.fixture(params=["sqlite", "postgres"])
def variables(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Give the relay's variables that name its database; without any it is a file."""
    if request.param == "sqlite":
        return {}
    return {"RELAY_DATABASE": request.getfixturevalue("postgres_url")}


async def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    await killed(tmp_path, FEW_KILLS, {})


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_and_nothing_told_wrongly(
    tmp_path: Path, variables: Mapping[str, str]
) -> None:
    await killed(tmp_path, int(os.environ.get("RELAY_KILLS") or KILLS), variables)


async def killed(folder: Path, times: int, variables: Mapping[str, str]) -> None:
    """Kill a relay so many times and judge what VTEX was told."""
    seed = int(os.environ.get("RELAY_KILLS_SEED") or secrets.randbits(32))
    began = time.monotonic()
    async with ordeal(folder, seed, variables) as trial:
        found = await trial.verdict(await trial.run(times))
    found |= {"seed": seed, "seconds": round(time.monotonic() - began)}
    sys.stdout.write(f"\n{json.dumps(found)}\n")
    assert found["lost"] == [], found
    assert found["invented"] == [], found
    assert found["complaints"] == [], found
    assert found["published twice"]["without a kill"] == 0, found
    assert found["published twice"]["where orders can be read"] == 0, found
    assert found["published twice"]["after a kill"] <= found["in flight at kills"], (
        found
    )
    assert found["acknowledged"] > 5 * times, found


@asynccontextmanager
async def ordeal(
    folder: Path, seed: int, database: Mapping[str, str]
) -> AsyncIterator[Ordeal]:
    """Run a sandbox, and prepare a relay with two accounts: one may not read orders.

    An unconfirmed write is settled by reading for one, by repeating for the other.
    """
    async with running(sandbox_program(folder)) as sandbox, session() as client:
        await post(client, sandbox, "options", {"latencyMs": LATENCY_MS})
        await post(client, sandbox, "credentials", blind_credentials())
        variables = {f"RELAY_PUBLISHER__{n}": value for n, value in PUBLISHER.items()}
        variables |= account("store", sandbox.url, **HIGH)
        variables |= account("blind", sandbox.url, **HIGH)
        variables |= {"RELAY_CONTRACTS__ME__ACCOUNT": "store"}
        variables |= {"RELAY_CONTRACTS__ME__ACCOUNTS": '["store", "blind"]'} | database
        relay = relay_program(folder, variables)
        random = Random(seed)  # noqa: S311 -- moments, no secrets
        try:
            yield Ordeal(relay, sandbox, client, random)
        finally:
            relay.stop()


def session() -> aiohttp.ClientSession:
    """Open a client that waits long enough for long lists."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))


def blind_credentials() -> dict[str, Any]:
    """Return the sandbox's settings of a key that may write and not read."""
    pair = {"appKey": "sandbox-key", "appToken": "sandbox-token"}
    return {"account": "blind", "roles": ["notify_invoice"], "only": True} | pair


async def post(
    client: aiohttp.ClientSession, sandbox: Program, what: str, body: Any
) -> None:
    """Post a body to the sandbox's control API."""
    async with client.post(f"{sandbox.url}/sandbox/{what}", json=body) as answer:
        answer.raise_for_status()
