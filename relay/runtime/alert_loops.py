"""The loops of alerts and heartbeat, as one process has them."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession

from relay.alerts.heartbeat import Heartbeat
from relay.alerts.monitor import AlertMonitor, process_name
from relay.clock import Clock
from relay.config.settings import Settings
from relay.health import Health
from relay.runtime.roles import Part
from relay.runtime.worker_view import REASONS
from relay.service.documents import slow_reader
from relay.store.database import Database
from relay.store.documents import Documents


@dataclass(slots=True)
class AlertLoops:
    """Builds monitor and heartbeat, and replaces their settings.

    Of two processes under a supervisor only the worker has them; it asks the intake
    for its state.
    """

    settings: Settings
    database: Database
    session: ClientSession
    clock: Clock
    health: Health
    part: Part
    monitor: AlertMonitor = field(init=False)
    heartbeat: Heartbeat = field(init=False)

    def __post_init__(self) -> None:
        part = self.part
        role = part.role.value if part.role and not part.supervised else "relay"
        common = (self.settings, self.database, self.session, self.clock, self.health)
        name = process_name(role)
        self.monitor = AlertMonitor(*common, self.reasons, name, works=part.works)
        self.heartbeat = Heartbeat(*common, self.reasons)

    def reload(self, settings: Settings) -> None:
        """Use other settings from the next round on."""
        self.monitor.settings = self.heartbeat.settings = settings

    def coroutines(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return the loops of this process by name."""
        if self.part.supervised and not self.part.works:
            return {}
        loops: dict[str, Coroutine[Any, Any, None]] = {"alerts": self.monitor.run()}
        if self.part.works:
            loops["heartbeat call"] = self.heartbeat.run()
        return loops

    async def reasons(self) -> list[str]:
        """Return why this process, or the intake beside it, is not ready.

        They are those of `/readyz`. Raises `DatabaseUnavailable`.
        """
        found = self.health.reasons()
        if self.part.works:
            backlog = await Documents(self.database).backlog()
            found += filter(None, [slow_reader(backlog, self.clock())])
        channel = self.part.channel
        if channel is not None:
            try:
                found += await channel.ask(REASONS)
            except TimeoutError:
                found.append("intake: no answer; see the log")
        return list(dict.fromkeys(found))
