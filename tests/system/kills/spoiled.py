"""A relay that breaks its promise: `normal` does not sync, `early` does not wait.

Only for showing that the test of the promise would notice. No setting of the product
makes it do this.
"""

import asyncio
import os
import sys
from collections.abc import Mapping

from relay.clock import utcnow
from relay.config.load import load
from relay.config.settings import Settings
from relay.inbound.intake import Intake
from relay.runtime.relay import Relay
from relay.runtime.serve import loop_factory, run
from relay.runtime.wiring import carriers, sqlite_path
from relay.store.sqlite import SqliteDatabase
from relay.vtex.client import VtexClient
from relay.vtex.http import vtex_session


class EarlyIntake(Intake):
    """Answers while the commit is still under way."""

    async def _store(
        self, contract: str, source: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        late = super()._store(contract, source, headers, body)
        self._late = [*getattr(self, "_late", ()), asyncio.create_task(late)]


def early(relay: Relay) -> EarlyIntake:
    """Return that intake for *relay*."""
    contracts, stored = relay.settings.contracts, relay.notifier.documents
    about = (relay.documents, relay.carriers, contracts, relay.clock)
    return EarlyIntake(*about, on_stored=stored)


async def serve(settings: Settings, how: str) -> None:
    """Serve until killed."""
    synchronous = "NORMAL" if how == "normal" else "FULL"
    database = SqliteDatabase(sqlite_path(settings), synchronous=synchronous)
    await database.open(serving=True)
    async with vtex_session() as session:
        vtex = VtexClient(session, clock=utcnow)
        relay = Relay(settings, utcnow, carriers(settings), database, vtex, session)
        if how == "early":
            relay.intake = early(relay)
        await run(relay, asyncio.Event())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(load(None, os.environ), sys.argv[1]))
