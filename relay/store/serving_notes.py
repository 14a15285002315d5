"""Where serving processes listen, and which changed settings wait for a restart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from relay.clock import micros
from relay.store.codec import dumps, loads
from relay.store.database import Database


@dataclass(frozen=True, slots=True)
class ServingNote:
    """The address of a process, and the changed settings that need its restart."""

    listen: str
    restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServingNotes:
    """Notes of serving processes, by the machine they run on."""

    database: Database

    async def put(
        self, host: str, listen: str, restart: Sequence[str], now: datetime
    ) -> None:
        """Note that a process of *host* listens at the address *listen*."""
        async with self.database.writing() as tx:
            await tx.run(
                "note_serving",
                host=host,
                listen=listen,
                restart=dumps(list(restart)),
                now=micros(now),
            )

    async def of(self, host: str) -> list[ServingNote]:
        """Return the latest notes of *host*, the newest first."""
        async with self.database.reading() as tx:
            found = await tx.rows("serving_of_host", host=host)
        return [ServingNote(r["listen"], tuple(loads(r["restart"]))) for r in found]
