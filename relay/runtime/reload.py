"""Reloads settings in a running process, after SIGHUP or when a file changed.

Invalid or incomplete settings change nothing: the old ones stay active, and the log
names the error. A reload never removes protection; settings that need a restart are
logged.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from relay.config.account import ApiToken
from relay.config.load import Seen, SettingsSource
from relay.config.settings import TABLES, Settings
from relay.errors import ConfigurationError
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever

log = logger(__name__)

LOOP: Final = "reloader"
SILENCE_LIMIT: Final = timedelta(minutes=5)
MOUNTINFO: Final = Path("/proc/self/mountinfo")
SETTLE: Final = timedelta(milliseconds=200)
"""How long files must stay unchanged: many editors empty a file before writing it."""


KEPT: Final = tuple(
    table for table in TABLES if table not in {"users", "endpoint", "outgoing"}
)
"""Tables of which a missing one stays until a restart; access ends at once."""
LIVE: Final = frozenset({"alerts"})
"""Sections that are active at once; the others need a restart."""


SHOWN: Final = frozenset({"listen", "processes", "public_url", "disk_free_mb"})
"""Settings whose values are shown; another one, such as `database`, has a password."""
NOTE: Final = "settings"
INVALID: Final = (
    "settings file invalid or incomplete: the old settings stay in use; correct it "
    "before a restart"
)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """Settings to use from now on, and the keys of those that need a restart.

    `details` are these with the value in the file and the one in use, unless they may
    be secret.
    """

    settings: Settings
    restart: tuple[str, ...]
    details: tuple[str, ...] = ()


def compare_settings(old: Settings, new: Settings) -> SettingsChange:
    """Return *new* as far as it can replace *old* in a running process.

    A missing token, account or contract stays until a restart: the file may be half
    edited, and without tokens anyone could use the API. For the same reason a token
    stays limited to accounts. A person who is missing loses access at once. Raises
    `ConfigurationError` for incomplete settings.
    """
    restart = [
        name
        for name in Settings.model_fields
        if name not in TABLES
        and name not in LIVE
        and getattr(old, name) != getattr(new, name)
    ]
    kept: dict[str, Any] = {name: getattr(old, name) for name in restart}
    for table in KEPT:
        before, after = getattr(old, table), getattr(new, table)
        if before and not after:
            raise ConfigurationError(
                f"{table}: all tables are missing, the file looks incomplete; "
                "restore them, or restart to use the file as it is"
            )
        gone = {name: before[name] for name in before if name not in after}
        restart += [f"{table}.{name}" for name in gone]
        kept[table] = {**after, **gone}
    unlimited = _unlimited(old.tokens, new.tokens)
    restart += [f"tokens.{name}.accounts" for name in unlimited]
    kept["tokens"] |= unlimited
    details = tuple(_detail(name, old, new) for name in restart)
    return SettingsChange(new.model_copy(update=kept), tuple(restart), details)


def _detail(name: str, old: Settings, new: Settings) -> str:
    """Return a setting's name, with both values if they are plain."""
    if name not in SHOWN:
        return name
    return f"{name} (file {getattr(new, name)}, running {getattr(old, name)})"


def _unlimited(
    old: Mapping[str, ApiToken], new: Mapping[str, ApiToken]
) -> dict[str, ApiToken]:
    """Return the tokens of *new* that lost their limit to accounts, with that limit."""
    return {
        name: token.model_copy(update={"accounts": old[name].accounts})
        for name, token in new.items()
        if name in old and old[name].accounts and not token.accounts
    }


def check_complete(old: bytes | None, new: bytes | None) -> None:
    """Refuse a settings file that is only the beginning of the *old* one.

    A copy or save that was cut short can still be valid TOML, with tables and keys
    missing. Raises `ConfigurationError`.
    """
    if old and new is not None and old != new and old.startswith(new.rstrip()):
        raise ConfigurationError(
            "the settings file is cut short: it is only the beginning of the settings "
            "in use; write the whole file, or restart to use it as it is"
        )


def mounted_alone(file: Path, mounts: str) -> bool:
    """Whether *file* itself is a mount point; *mounts* is as `/proc/self/mountinfo`.

    Such a mount stays with the present file when an editor replaces it by a new one:
    https://docs.docker.com/engine/storage/bind-mounts/
    """
    points = (line.split()[4] for line in mounts.splitlines() if line)
    return str(file.resolve()) in (p.replace("\\040", " ") for p in points)


def warn_if_mounted_alone(files: Iterable[Path], mountinfo: Path = MOUNTINFO) -> None:
    """Log a warning for each of *files* whose replacement cannot be noticed."""
    try:
        mounts = mountinfo.read_text(encoding="utf-8")
    except OSError:  # not Linux
        return
    for file in files:
        if mounted_alone(file, mounts):
            log.warning(
                "settings file is mounted by itself: replacing it is not noticed",
                file=str(file),
                hint="mount its folder instead, or restart after a change",
            )


@dataclass(slots=True)
class Reloader:
    """Loads settings again and passes them to *apply*.

    `step` checks once, `run` repeats it *every* few seconds and after `wake`.
    *on_restart* gets the settings that need a restart, whenever they change.
    """

    source: SettingsSource
    settings: Settings
    apply: Callable[[Settings], Awaitable[None]]
    health: Health = field(default_factory=Health)
    every: timedelta = timedelta(seconds=3)
    settle: timedelta = SETTLE
    on_restart: Callable[[Sequence[str]], Awaitable[None]] | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _forced: bool = False
    _seen: Seen | None = None
    _text: bytes | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Stay with the file of the start, also if it is missing for a moment."""
        self.source = self.source.pinned()
        self._text = self.source.text()

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
            text, new = await asyncio.to_thread(self._load)
            if not await self._unchanged():
                self._forced = True
                return False
            if new != self.settings:
                check_complete(self._text, text)
            applied = await self._use(compare_settings(self.settings, new))
        except ConfigurationError as error:
            log.warning("settings not reloaded: invalid", error=str(error))
            self.health.notes[NOTE] = INVALID
            return False
        self._text = text
        return applied

    def _load(self) -> tuple[bytes | None, Settings]:
        return self.source.text(), self.source.load()

    async def _unchanged(self) -> bool:
        """Return whether no file changed since this round began, after a moment."""
        await asyncio.sleep(self.settle.total_seconds())
        return await asyncio.to_thread(self.source.seen) == self._seen

    async def _use(self, found: SettingsChange) -> bool:
        """Apply the new settings; return whether there were any."""
        await self._note(found)
        if found.settings == self.settings:
            return False
        await self.apply(found.settings)
        self.settings = found.settings
        log.info("settings reloaded")
        return True

    async def _note(self, found: SettingsChange) -> None:
        """Log and show which settings need a restart, if any."""
        if found.restart:
            log.warning(
                "settings changed; restart to apply",
                keys=list(found.restart),
                changed=list(found.details),
            )
            tables = dict.fromkeys(key.partition(".")[0] for key in found.restart)
            keys = ", ".join(tables)
            self.health.notes[NOTE] = f"settings changed that need a restart: {keys}"
        else:
            self.health.notes.pop(NOTE, None)
        if self.on_restart is not None:
            await self.on_restart(found.details)
