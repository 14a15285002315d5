"""Reloads settings in a running process, after SIGHUP or when a file changed.

Wrong settings change nothing: the old ones stay active, and the log names the
error. Settings that need a restart are logged.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from relay.config.load import Seen, SettingsSource
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever

log = logger(__name__)

TABLES: Final = ("tokens", "accounts", "contracts")
"""What can change while the process runs."""
LOOP: Final = "reloader"
SILENCE_LIMIT: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """Settings to use from now on, and the keys of those that need a restart."""

    settings: Settings
    restart: tuple[str, ...]


def compare_settings(old: Settings, new: Settings) -> SettingsChange:
    """Return *new* as far as it can replace *old* in a running process.

    A missing account or contract stays until a restart: the file may be half edited,
    and rejecting a carrier's webhooks could lose events.
    """
    restart = [
        name
        for name in Settings.model_fields
        if name not in TABLES and getattr(old, name) != getattr(new, name)
    ]
    kept: dict[str, Any] = {name: getattr(old, name) for name in restart}
    for table in ("accounts", "contracts"):
        before, after = getattr(old, table), getattr(new, table)
        gone = {name: before[name] for name in before if name not in after}
        restart += [f"{table}.{name}" for name in gone]
        kept[table] = {**after, **gone}
    return SettingsChange(new.model_copy(update=kept), tuple(restart))


@dataclass(slots=True)
class Reloader:
    """Loads settings again and passes them to *apply*.

    `step` checks once, `run` repeats it *every* few seconds and after `wake`.
    """

    source: SettingsSource
    settings: Settings
    apply: Callable[[Settings], Awaitable[None]]
    health: Health = field(default_factory=Health)
    every: timedelta = timedelta(seconds=3)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _forced: bool = False
    _seen: Seen | None = None

    def wake(self) -> None:
        """Load the settings now, whether a file changed or not."""
        self._forced = True
        self._woken.set()

    async def run(self) -> None:
        """Check until cancelled."""
        timing = LoopTiming(self.every, SILENCE_LIMIT)
        await run_forever(LOOP, self.step, self.health, timing, self._woken)

    async def step(self) -> bool:
        """Load the settings if a file changed; return whether new ones are in use.

        Settings that could not be applied are tried again in the next round.
        """
        seen = await asyncio.to_thread(self.source.seen)
        changed = self._seen is not None and seen != self._seen
        self._seen = seen
        if not (changed or self._forced):
            return False
        self._forced = False
        try:
            return await self._reload()
        except Exception:
            self._forced = True
            raise

    async def _reload(self) -> bool:
        try:
            found = compare_settings(
                self.settings, await asyncio.to_thread(self.source.load)
            )
            if found.restart:
                log.warning(
                    "settings changed; restart to apply", keys=list(found.restart)
                )
            if found.settings == self.settings:
                return False
            await self.apply(found.settings)
        except ConfigurationError as error:
            log.warning("settings not reloaded: invalid", error=str(error))
            return False
        self.settings = found.settings
        log.info("settings reloaded")
        return True
