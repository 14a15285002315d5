"""Measure every page of the console, and the API's lists, over a million shipments.

`python -m tests.benchmarks.million FOLDER [--shipments 1000000] [--rounds 5]` fills
FOLDER/relay.db with invented shipments, unless it is there, and asks for each page. It
prints the median and the worst time, and the CPU time of the median.
"""

import argparse
import asyncio
import re
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from relay import logs
from relay.clock import micros, utcnow
from relay.config.settings import Settings
from relay.runtime.assemble import assemble
from relay.runtime.roles import Part, Role
from relay.store.schema import VERSION, schema
from relay.store.statistics import CarrierStatistics
from relay.store.worklist_queries import WorkList

DAYS: Final = 60
LIMIT_SECONDS: Final = 0.2
PERSON: Final = {"X-User": "ana", "Accept": "text/html"}
KEYS: Final = {"app_key": "key-of-the-store", "app_token": "token-of-the-store"}
NUMBERS: Final = """
    CREATE TEMP TABLE n (i INTEGER PRIMARY KEY, r INTEGER);
    WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT {shipments})
    INSERT INTO n SELECT i, {first} + i * {step} FROM c;
"""
_CSRF: Final = re.compile(r'name="csrf" value="([^"]*)"')


@dataclass(frozen=True)
class Measured:
    """One page: its status, and seconds of several requests."""

    path: str
    status: int
    seconds: Sequence[float]
    cpu: Sequence[float]

    def line(self) -> str:
        """Return the line of the table."""
        middle, worst = statistics.median(self.seconds), max(self.seconds)
        mark = " SLOW" if statistics.median(self.cpu) > LIMIT_SECONDS else ""
        cpu = statistics.median(self.cpu)
        return (
            f"{middle * 1000:8.0f} {worst * 1000:8.0f} {cpu * 1000:8.0f}  "
            f"{self.status} {self.path}{mark}"
        )


def fill(path: Path, shipments: int) -> None:
    """Fill a new database; triggers are made last, as nothing is published."""
    now = micros(utcnow())
    day = 86_400_000_000
    span = DAYS * day
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;"
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
        "PRAGMA cache_size = -400000; PRAGMA temp_store = MEMORY;" + schema("sqlite")
    )
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    first, step = now - span - day // 24, span // shipments
    connection.executescript(
        NUMBERS.format(shipments=shipments, first=first, step=step)
    )
    text = files("tests.benchmarks").joinpath("million.sql").read_text(encoding="utf-8")
    connection.execute("BEGIN")
    for statement in text.split(";\n"):
        if statement.strip():
            given = {"now": now} if ":now" in statement else {}
            connection.execute(statement, given)
    connection.execute("COMMIT")
    for _, sql in triggers:
        connection.execute(sql)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def settings(path: Path) -> Settings:
    """Return settings with a person whom a proxy names."""
    password = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x")
    generic = {"adapter": "generic", "secret": "s" * 20, "accounts": ["a0", "a1"]}
    return Settings.model_validate(
        {
            "database": f"sqlite:///{path}",
            "listen": "127.0.0.1:0",
            "accounts": {"a0": KEYS, "a1": KEYS},
            "contracts": {f"c{n}": generic | {"account": "a0"} for n in range(5)},
            "users": {
                "ana": {
                    "password_hash": password,
                    "role": "act",
                }
            },
            "console": {
                "trusted_header": "X-User",
                "trusted_proxies": ["127.0.0.1"],
            },
        }
    )


def pages(shipments: int) -> list[str]:
    """Return the addresses of all pages and of the API's important lists."""
    middle, one = shipments // 2, "/console/shipments"
    states = "delivered", "due", "waiting", "stuck", "closed", "up_to_date"
    filters = [
        "", "?account=a1", "?contract=c3", "?search=nothing", f"?search=TN{middle}",
        *(f"?state={state}" for state in (*states, "in_doubt", "awaiting_number")),
        "?account=a0&contract=c2&state=stuck",
    ]  # fmt: skip
    parts = ("", "carriers", "carriers/c1", "vtex", "settings", "audit", "labels")
    names = [str(name) for name in WorkList]
    api = [
        "shipments", "shipments?limit=200&contract=c1",
        f"shipments?orderId=v{middle}store-01",
        "shipments?updatedSince=2020-01-01T00:00:00Z",
        "documents", "documents?contract=c4",
        "documents?unreadable=true", "invoices", "invoices?state=stuck", "contracts",
        "accounts", "contracts/c1/statistics", "codes", "status",
        "lists/unknown-to-vtex/counts",
    ]  # fmt: skip
    return [
        *(f"/console/{part}" for part in parts),
        *(one + text for text in filters),
        *(f"/console/lists/{name}" for name in names),
        *(f"/console/lists/{name}?contract=c2" for name in names),
        *(f"/v1/{path}" for path in api),
        *(f"/v1/lists/{name}?limit=200" for name in names),
        "/metrics",
        "/readyz",
    ]


async def measure(path: Path, shipments: int, rounds: int) -> AsyncIterator[Measured]:
    """Ask for each page several times, over HTTP."""
    given = settings(path)
    async with assemble(given, part=Part(Role.INTAKE)) as relay:
        began, slices = time.process_time(), 0
        zones = {name: c.zone for name, c in given.contracts.items()}
        counting = CarrierStatistics(relay.database)
        while await counting.count(zones, utcnow()):
            slices += 1
        spent = time.process_time() - began
        print(f"statistics: {slices} slices, {spent:.1f} s of CPU")  # noqa: T201
        app = relay.application()
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            for each in pages(shipments):
                yield await _one(client, each, rounds)
            yield await _preview(client, rounds)


async def _one(
    client: TestClient[web.Request, web.Application], path: str, rounds: int
) -> Measured:
    seconds, cpu, status = [], [], 0
    for _ in range(rounds):
        wall, spent = time.perf_counter(), time.process_time()
        async with client.get(path, headers=PERSON) as answer:
            await answer.read()
            status = answer.status
        seconds.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - spent)
    return Measured(path, status, seconds, cpu)


async def _preview(
    client: TestClient[web.Request, web.Application], rounds: int
) -> Measured:
    """Ask what the mapping of an unknown code would change."""
    path = "/console/carriers/c1/codes?code=X11"
    async with client.get(path, headers=PERSON) as answer:
        token = _CSRF.search(await answer.text())
    form: dict[str, Any] = {"csrf": token[1] if token else "", "why": "a test"}
    form |= {"milestone": "held", "effect": "normal", "text": "", "preview": "1"}
    seconds, cpu, status = [], [], 0
    for _ in range(rounds):
        wall, spent = time.perf_counter(), time.process_time()
        async with client.post(path, data=form, headers=PERSON) as answer:
            await answer.read()
            status = answer.status
        seconds.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - spent)
    return Measured(f"POST {path} (preview)", status, seconds, cpu)


def main() -> None:
    """Fill a database, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shipments", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    logs.configure(level="ERROR")
    path = asked.folder / "relay.db"
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        began = time.perf_counter()
        fill(path, asked.shipments)
        print(f"filled in {time.perf_counter() - began:.0f} s")  # noqa: T201
    asyncio.run(_print(path, asked.shipments, asked.rounds))


async def _print(path: Path, shipments: int, rounds: int) -> None:
    print(" median    worst      CPU (ms)")  # noqa: T201
    async for one in measure(path, shipments, rounds):
        print(one.line(), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
