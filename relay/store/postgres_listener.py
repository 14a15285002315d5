"""The connection on which PostgreSQL notifies this replica of new work."""

from collections.abc import Callable
from typing import ClassVar

import asyncpg

from relay.logs import logger
from relay.store.postgres_limits import PostgresLimits, guard_socket

_log = logger(__name__)


class Listener:
    """Calls *on_notify* with the work of every notification.

    `check` replaces a lost connection.
    """

    CHANNEL: ClassVar = "relay_work"

    def __init__(
        self, url: str, limits: PostgresLimits, on_notify: Callable[[str], None]
    ) -> None:
        self._url = url
        self._limits = limits
        self._on_notify = on_notify
        self._connection: asyncpg.Connection | None = None

    async def open(self) -> None:
        """Connect and listen."""
        connection = await asyncpg.connect(self._url, **self._limits.connection())
        self._connection = connection
        await guard_socket(connection)
        await connection.add_listener(self.CHANNEL, _passed_on(self._on_notify))

    async def check(self) -> None:
        """Connect again if the connection does not answer.

        A notification may have been lost meanwhile: *on_notify* gets '', any work.
        """
        if not await self._answers():
            _log.warning("the listening connection was lost; connecting again")
            self.close()
            await self.open()
            self._on_notify("")

    def close(self) -> None:
        """Abort the connection: nothing is pending on it."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _answers(self) -> bool:
        if self._connection is None or self._connection.is_closed():
            return False
        try:
            await self._connection.execute("SELECT 1", timeout=self._limits.connect)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True


def _passed_on(on_notify: Callable[[str], None]) -> Callable[..., None]:
    """Return a listener that passes on the payload only."""

    def listener(_: object, __: int, ___: str, payload: str) -> None:
        on_notify(payload)

    return listener
