"""One sandbox for many worlds, one after the other: for random histories."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientSession

from relay.adapters.protocol import Carrier
from relay.store.sqlite import SqliteDatabase
from relay.vtex.http import vtex_session
from tests.support.world import HandClock, Vtex, World, playground, settings_for


@dataclass
class Ground:
    """A sandbox, and a folder for the database of each world."""

    clock: HandClock
    vtex: Vtex
    session: ClientSession
    folder: Path
    made: int = 0

    @asynccontextmanager
    async def world(
        self, mode: str, carriers: dict[str, Carrier] | None = None, **account: Any
    ) -> AsyncIterator[World]:
        """Yield a world at the start of time, with one process and an empty VTEX.

        *carriers* are more of them, by the name of their adapter.
        """
        await self.vtex.ask("POST", "/reset")
        await self.vtex.ask("POST", "/options", {"mode": mode})
        self.clock.restart()
        self.made += 1
        path = self.folder / f"{self.made}.db"
        database = SqliteDatabase(path, synchronous="OFF")
        await database.open(serving=True)
        made = settings_for(self.vtex.url, **account)
        world = World(database, made, self.clock, self.vtex, self.session)
        world.carriers |= carriers or {}
        try:
            await world.start()
            yield world
        finally:
            for process in world.processes:
                await process.end()
            await database.close()
            for left in self.folder.glob(f"{path.name}*"):
                left.unlink()


@contextmanager
def shared_ground(runner: asyncio.Runner) -> Iterator[Ground]:
    """Yield a ground that lives in the event loop of *runner*."""
    memory = Path("/dev/shm")  # noqa: S108 -- only where it is faster
    where = memory if memory.is_dir() else None
    with TemporaryDirectory(dir=where) as folder:
        stack = AsyncExitStack()

        async def enter() -> Ground:
            clock, vtex = await stack.enter_async_context(playground())
            session = await stack.enter_async_context(vtex_session())
            return Ground(clock, vtex, session, Path(folder))

        yield runner.run(enter())
        runner.run(stack.aclose())
