"""The heartbeat: an address that is called only while everything works.

Who misses the calls raises the alarm; so it also covers a machine that is down, a
database that is away, and alerts that cannot be sent.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiohttp import ClientSession

from relay.alerts.calls import call
from relay.alerts.monitor import Reasons
from relay.clock import Clock
from relay.config.settings import Settings
from relay.errors import NotDelivered
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever
from relay.store.alert_facts import AlertFactStore
from relay.store.alerts import AlertStore
from relay.store.database import Database

LOOP: Final = "heartbeat call"
EVERY: Final = timedelta(seconds=5)
CHANNEL: Final = "heartbeat"

_log = logger(__name__)


@dataclass(slots=True)
class Heartbeat:
    """Calls the heartbeat's address; `settings` are replaced when they are reloaded."""

    settings: Settings
    database: Database
    session: ClientSession
    clock: Clock
    health: Health
    reasons: Reasons
    called_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        # A process that is started again and again must not look alive.
        self.called_at = self.clock()

    async def run(self) -> None:
        """Work until cancelled."""
        timing = LoopTiming(EVERY, timedelta(minutes=5))
        await run_forever(LOOP, self.step, self.health, timing)

    async def step(self) -> bool:
        """Call the address if that is due and all is well; return whether it worked.

        A failed call is tried again when the next one is due.
        """
        url, now = self.settings.alerts.heartbeat_url, self.clock()
        if url is None or not self._is_due(now):
            return False
        if await self.reasons() or await self._others(now):
            return False
        self.called_at = now
        store = AlertStore(self.database)
        try:
            await call(self.session, "GET", url.get_secret_value())
        except NotDelivered as error:
            _log.warning("heartbeat not sent", error=str(error))
            await store.failed(CHANNEL, str(error), now)
            return False
        await store.sent(CHANNEL, now, None)
        return True

    def _is_due(self, now: datetime) -> bool:
        every = self.settings.alerts.heartbeat_seconds
        return now - self.called_at >= every

    async def _others(self, now: datetime) -> bool:
        """Whether a process elsewhere reported that it is not ready."""
        return any((await AlertFactStore(self.database).reports(now)).values())
