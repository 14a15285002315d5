"""Monitor of the accounts' gates: one log line when one closes, one when it opens."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from relay.clock import Clock, micros
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever
from relay.store.accounts import Accounts

GATES_LOOP: Final = "gates"
GATES_TIMING: Final = LoopTiming(timedelta(seconds=5), timedelta(minutes=5))

log = logger(__name__)


class GateMonitor:
    """Compares the gates with those of its last step, so that probes log nothing.

    It reads them from the database: a gate closed or opened by a replica, by an
    operator or by new credentials counts, too. A gate that is closed at the start is
    logged once more, because the new process has not reported it.
    """

    def __init__(self, accounts: Accounts, clock: Clock, health: Health) -> None:
        self._accounts = accounts
        self._clock = clock
        self._health = health
        self._closed: dict[tuple[str, str], datetime] = {}

    async def step(self) -> None:
        """Log the gates that closed or opened since the last step."""
        now = self._clock()
        found = {
            (state.account, gate): reason
            for state in await self._accounts.all()
            for gate, reason in state.closed_gates(micros(now)).items()
        }
        self._log_closed(found, now)
        self._log_opened(found, now)

    def _log_closed(self, found: Mapping[tuple[str, str], str], now: datetime) -> None:
        for key in found.keys() - self._closed.keys():
            self._closed[key] = now
            account, gate = key
            log.error("gate closed", account=account, gate=gate, because=found[key])

    def _log_opened(self, found: Mapping[tuple[str, str], str], now: datetime) -> None:
        for key in self._closed.keys() - found.keys():
            seconds = int((now - self._closed.pop(key)).total_seconds())
            account, gate = key
            log.warning("gate opened", account=account, gate=gate, after=seconds)

    async def run(self) -> None:
        """Compare until cancelled."""
        await run_forever(GATES_LOOP, self.step, self._health, GATES_TIMING)
