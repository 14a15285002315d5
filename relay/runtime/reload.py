"""New settings for a running process: what can change does, the rest is named.

Asked for by SIGHUP, or because a file changed. Settings that are wrong change
nothing: the old ones stay, and the log says what is wrong with the new ones.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from relay.config.load import Seen, SettingsSource
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.logs import logger

log = logger(__name__)

TABLES: Final = ("tokens", "accounts", "contracts")
"""What can change while the process runs."""


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """Settings to go on with, and the keys of those that need a restart."""

    settings: Settings
    restart: tuple[str, ...]


def compare_settings(old: Settings, new: Settings) -> SettingsChange:
    """Return *new* as far as it can take the place of *old* in a running process.

    What is gone from a file that somebody is editing is not gone yet: a carrier's
    door is shut by a restart only.
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
    """Loads settings anew; *apply* lets the process go on with them.

    `step` looks once, `run` repeats it every so often, or when it is woken.
    """

    source: SettingsSource
    settings: Settings
    apply: Callable[[Settings], Awaitable[None]]
    every: timedelta = timedelta(seconds=3)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: Seen | None = None

    def wake(self) -> None:
        """Load anew at once, whether a file changed or not: somebody asks."""
        self._asked.set()

    async def run(self) -> None:
        """Look round until cancelled; an error is logged, and the old ones stay."""
        while True:
            try:
                await self.step()
            except Exception:
                log.exception("settings were not reloaded")
            with suppress(TimeoutError):
                async with asyncio.timeout(self.every.total_seconds()):
                    await self._asked.wait()

    async def step(self) -> bool:
        """Load anew if there is reason to; say whether anything is new."""
        seen = await asyncio.to_thread(self.source.seen)
        changed = self._seen is not None and seen != self._seen
        self._seen = seen
        if not (changed or self._asked.is_set()):
            return False
        self._asked.clear()
        return await self._reload()

    async def _reload(self) -> bool:
        try:
            found = compare_settings(
                self.settings, await asyncio.to_thread(self.source.load)
            )
            if found.restart:
                log.warning("settings need a restart", keys=list(found.restart))
            if found.settings == self.settings:
                return False
            await self.apply(found.settings)
        except ConfigurationError as error:
            log.warning("settings were not reloaded: they are wrong", error=str(error))
            return False
        self.settings = found.settings
        log.info("settings reloaded")
        return True
