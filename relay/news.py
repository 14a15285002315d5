"""Tells this process and the other replicas that there is something to publish."""

import asyncio
from collections.abc import Callable

from relay.logs import logger
from relay.store.database import Database

log = logger(__name__)


class News:
    """Called after a commit that made a shipment due.

    *wake* wakes the publisher of this process. A notice to others that is lost is
    made good by their looking round.
    """

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        self._telling: set[asyncio.Future[None]] = set()

    def __call__(self) -> None:
        """Wake this publisher, and the other replicas'."""
        self._wake()
        if self._database.dialect == "postgres":
            telling = asyncio.ensure_future(self._database.notify())
            self._telling.add(telling)
            telling.add_done_callback(self._told)

    def _told(self, telling: asyncio.Future[None]) -> None:
        """Forget a notice that was given, or could not be."""
        self._telling.discard(telling)
        if not telling.cancelled() and telling.exception() is not None:
            log.warning("replicas were not told", error=repr(telling.exception()))
