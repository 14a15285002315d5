"""Starts the relay as two processes, or one role of it alone."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from relay.api.auth import check_tokens
from relay.config.load import SettingsSource
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.logs import logger
from relay.runtime.channel import Channel
from relay.runtime.child_process import Ends, Run
from relay.runtime.database import cannot_open, check_files, opened
from relay.runtime.reload import compare_settings
from relay.runtime.roles import BOTH, Part, Role
from relay.runtime.serve import configure_logs, loop_factory, serve, stop_limit
from relay.runtime.supervisor import Supervisor
from relay.runtime.wiring import carriers, sqlite_path
from relay.store.sqlite_lock import ServingLock

KILL_MARGIN: Final = timedelta(seconds=10)
"""A process that stops for too long ends by itself; then its supervisor kills it."""
WORKER_NICENESS: Final = 5
"""Where both want the same CPU, answers to carriers come before parsing."""
ENDING: Final = timedelta(seconds=2)
"""How long processes may take to end after their supervisor was killed."""

_log = logger(__name__)


def start(settings: Settings, source: SettingsSource, role: Role | None = None) -> int:
    """Run the relay, or one *role* of it, until it is stopped; return the exit code.

    Raises `ConfigurationError` if it cannot start.
    """
    configure_logs(settings, settings.secret_values())
    _log.info("settings loaded", **source.origin())
    if role is not None:
        _check_alone(settings)
        return serve(settings, source, Part(role))
    if settings.processes == "one":
        return serve(settings, source, BOTH)
    check_tokens(settings)
    carriers(settings)
    with _locked(settings) as lock:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_prepare(settings))
        supervisor = Supervisor(
            {role: _run(role, settings, source) for role in Role},
            stop_limit(settings) + KILL_MARGIN,
            unclean=lock is None or lock.unclean,
        )
        try:
            code = supervisor.run()
        finally:
            if lock is not None:
                lock.unclean = lock.unclean or supervisor.killed
        if lock is not None and code == 0:
            lock.release(clean=True)
    return code


def _check_alone(settings: Settings) -> None:
    if settings.database.startswith("sqlite:"):
        raise ConfigurationError(
            "--role: an SQLite file has one relay, which starts both roles itself; "
            "leave --role out, or use PostgreSQL to start roles on several machines"
        )


@contextmanager
def _locked(settings: Settings) -> Iterator[ServingLock | None]:
    """Hold the lock of an SQLite file; the processes that are forked hold it, too."""
    if not settings.database.startswith("sqlite:"):
        yield None
        return
    path = sqlite_path(settings)
    check_files(path)
    lock = ServingLock(path)
    try:
        _take(lock)
    except (OSError, sqlite3.Error) as error:
        raise cannot_open(path, error) from error
    try:
        yield lock
    except ConfigurationError:  # it did not start: the last stop is as clean as before
        lock.release(clean=not lock.unclean)
        raise
    finally:
        lock.release(clean=False)


def _take(lock: ServingLock) -> None:
    """Take the lock; processes of a killed supervisor release it within moments."""
    until = time.monotonic() + ENDING.total_seconds()
    while True:
        try:
            lock.take()
        except ConfigurationError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


async def _prepare(settings: Settings) -> None:
    """Create the database, or migrate it, before the processes open it."""
    async with opened(settings, serving=True, locked=True):
        pass


def _run(role: Role, settings: Settings, source: SettingsSource) -> Run:
    """Return the function that runs *role* in a process of its own."""

    def run(ends: Ends, unclean: bool) -> int:
        if role is Role.WORKER:
            os.nice(WORKER_NICENESS)
        part = Part(role, Channel(ends.other), unclean)
        return serve(_current(settings, source), source, part, ends.supervisor)

    return run


def _current(settings: Settings, source: SettingsSource) -> Settings:
    """Return the settings as they are now: a restart must not go back to old ones."""
    try:
        return compare_settings(settings, source.load()).settings
    except ConfigurationError as error:
        _log.warning("settings not reloaded: invalid", error=str(error))
        return settings
