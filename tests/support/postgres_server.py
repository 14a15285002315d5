"""A PostgreSQL server of the tests' own, with one fresh database per test."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from asyncio import wrap_future
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Final

from relay.store.postgres import PostgresDatabase
from tests.support.leftovers import own, remove_abandoned
from tests.support.postgres_cleaner import PostgresCleaner

TEMPLATE: Final = "relay_template"
USER: Final = "postgres"
VOLATILE: Final = (
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "jit=off",
)
"""Settings of a server whose data may be lost.

See https://www.postgresql.org/docs/current/non-durability.html
"""
PREFIX: Final = "relay-postgres-"
ROOM: Final = 1 << 30
"""Bytes that must be free in memory for a server's data."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server; `url` is that of one of its databases."""

    port: int
    numbers: Iterator[int] = field(default_factory=count)
    empty: list[str] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    @cached_property
    def cleaner(self) -> PostgresCleaner:
        return PostgresCleaner(self.url)

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """Give the address of a database without rows.

        Making and dropping a database costs more than most tests, so an earlier
        test's database serves again once it was emptied, unless its tables changed.
        """
        name = self.empty.pop() if self.empty else await self._made()
        try:
            yield self.url(name)
        finally:
            if await wrap_future(self.cleaner.start(self.cleaner.emptied(name))):
                self.empty.append(name)
            else:
                await self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _made(self) -> str:
        name = f"relay_{next(self.numbers)}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    async def execute(self, statement: str) -> None:
        await wrap_future(self.cleaner.start(self.cleaner.execute(USER, statement)))

    async def prepare(self) -> None:
        """Make the template that every test's database begins as."""
        await self.execute(f"CREATE DATABASE {TEMPLATE}")
        database = PostgresDatabase(self.url(TEMPLATE))
        await database.open()
        await database.close()
        await wrap_future(self.cleaner.start(self.cleaner.remember(TEMPLATE)))


def missing() -> str | None:
    """Return why there can be no server, if so."""
    for program in ("initdb", "pg_ctl"):
        if _found(program) is None:
            return f"PostgreSQL is not installed here: no {program}"
    if _is_root() and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and there is no setpriv"
    return None


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Run a server that does not wait for the disk: no test pulls the plug.

    What is durable is tested on SQLite with `kill -9` and `strace`; that a server
    in production has `fsync` on is checked by `relay doctor`.
    """
    for parent in {Path("/dev/shm"), Path(tempfile.gettempdir())}:  # noqa: S108
        remove_abandoned(parent, PREFIX, _stop)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_memory()))
    owner = own(folder)
    try:
        folder.chmod(0o755)
        if _is_root():
            shutil.chown(folder, USER, USER)
        data = folder / "data"
        _run("initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "-N")
        port = _free_port()
        settings = " ".join(f"-c {setting}" for setting in VOLATILE)
        options = f"-h 127.0.0.1 -p {port} -k {folder} {settings}"
        log = folder / "log"
        _run("pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start")
        try:
            server = PostgresServer(port)
            with ThreadPoolExecutor(1) as thread:  # where no event loop runs
                thread.submit(asyncio.run, server.prepare()).result()
            yield server
            server.cleaner.close()
        finally:
            _stop(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        owner.close()


def _stop(folder: Path) -> None:
    """Stop the server of *folder*, if it runs."""
    if (folder / "data" / "postmaster.pid").exists():
        _run("pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")


def _memory() -> Path | None:
    """Return a folder in memory if it has room: Docker's default has 64 MB."""
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of its own is made in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    return memory if roomy and os.access(memory, os.W_OK) else None


def _run(program: str, *arguments: str | Path) -> None:
    command = [*_as_another_user(), str(_found(program)), *map(str, arguments)]
    subprocess.run(
        command,
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _as_another_user() -> Sequence[str]:
    if not _is_root():
        return ()
    return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")


def _is_root() -> bool:
    return os.geteuid() == 0


def _found(program: str) -> Path | None:
    """Return where a program is; the newest version if there are several."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{program}"),
        key=lambda path: int(path.parts[-3]),
    )
    if versions:
        return versions[-1]
    somewhere = shutil.which(program)
    return Path(somewhere) if somewhere else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
