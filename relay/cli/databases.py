"""The database that the settings name, for one command."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from relay.cli.options import settings_of
from relay.errors import ConfigurationError

if TYPE_CHECKING:
    from relay.settings import Settings
    from relay.store.database import Database

T = TypeVar("T")


def on_database(config: Path | None, act: "Callable[[Database], Awaitable[T]]") -> T:
    """Open the database, *act* on it and return what comes of it.

    A relay may be serving it meanwhile: it looks round every second. Raises
    `ConfigurationError` if there is no database yet.
    """
    settings = settings_of(config)
    _check_there(settings)
    return asyncio.run(_acted(settings, act))


async def _acted(settings: "Settings", act: "Callable[[Database], Awaitable[T]]") -> T:
    from relay.database import opened

    async with opened(settings) as database:
        return await act(database)


def _check_there(settings: "Settings") -> None:
    """Refuse to make an empty database where one was expected."""
    from relay.wiring import sqlite_path

    path = sqlite_path(settings)
    if settings.database.startswith("sqlite:") and not path.exists():
        raise ConfigurationError(
            f"database: {path} does not exist; run this in the relay's folder and "
            "with its settings, or start the relay first"
        )


def operator() -> str:
    """Return who runs the command, for the notes of a shipment."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "the command line"
