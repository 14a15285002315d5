"""Commands for the database file: back it up, restore it, move it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from relay.cli.options import Config, settings_of
from relay.cli.output import write_line
from relay.clock import utcnow
from relay.config.load import settings_file
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.runtime.database import check_files, require_postgres
from relay.runtime.wiring import sqlite_path
from relay.store.backups import Progress, back_up
from relay.store.backups import restore as restore_backup
from relay.store.sqlite_lock import ServingLock

Target = Annotated[
    Path, typer.Argument(help="A new file, or a folder for a file with date and time.")
]
Server = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="A new database: postgresql://user@host/name. Give the password in "
        "$PGPASSWORD or ~/.pgpass: arguments can be seen by all users.",
    ),
]
Restart = Annotated[
    bool,
    typer.Option("--restart", help="Delete what an unfinished move copied, and begin."),
]
Backup = Annotated[Path, typer.Argument(help="The backup to restore.")]

POSTGRES: Final = (
    "database: this command is for SQLite; use pg_dump and pg_restore for PostgreSQL"
)


def backup(target: Target = Path(), config: Config = None) -> None:
    """Copy the SQLite database to a file, also while the relay runs.

    The copy is complete and verified, or it does not exist.
    """
    database = _file(settings_of(config))
    check_files(database)
    made = back_up(database, target, utcnow(), _progress())
    write_line(f"wrote {made} ({made.stat().st_size} bytes, integrity checked)")


def restore(backup: Backup, config: Config = None) -> None:
    """Replace the SQLite database by a backup; the relay must be stopped.

    The present database is kept under another name.
    """
    database = _file(settings_of(config))
    if not database.exists():
        _check_place(config)
    check_files(database)
    with ServingLock(database).held():
        replaced = restore_backup(backup, database, utcnow(), _progress())
    write_line(f"restored {backup} as {database}")
    if replaced:
        write_line(f"the earlier database is {replaced}; delete it when all is well")


def move(to: Server, config: Config = None, restart: Restart = False) -> None:
    """Move the SQLite database to PostgreSQL; the relay must be stopped.

    Every row is compared. A move that was interrupted continues. The file is not
    changed, but no relay starts on it any more.
    """
    database = _file(settings_of(config))
    if not to.startswith(("postgresql://", "postgres://")):
        raise typer.BadParameter("write postgresql://user@host/name", param_hint="URL")
    require_postgres()
    from relay.runtime.database_move import move_rows  # noqa: PLC0415 -- an extra

    report = asyncio.run(move_rows(database, to, utcnow, _advance(), restart=restart))
    tables = sum(1 for rows in report.rows.values() if rows)
    write_line(f"moved {sum(report.rows.values())} rows of {tables} tables; all equal")
    if report.altered:
        write_line(
            f"{report.altered} texts had characters that PostgreSQL cannot store; "
            "� stands for each of them"
        )
    write_line(f"name the new database in the settings; no relay starts on {database}")


def _file(settings: Settings) -> Path:
    if not settings.database.startswith("sqlite:"):
        raise ConfigurationError(POSTGRES)
    return sqlite_path(settings)


def _check_place(config: Path | None) -> None:
    """Raise `ConfigurationError` if nothing says that the database belongs here.

    A wrong folder must not get a copy of the data of shoppers.
    """
    named = "RELAY_DATABASE" in os.environ
    if not named and settings_file(config, os.environ) is None:
        raise ConfigurationError(
            f"database: no settings file was found in {Path.cwd()}; run this in the "
            "relay's folder, name the file with --config, or the database with "
            "RELAY_DATABASE"
        )


def _advance() -> Callable[[str, int, int], None]:
    """Return what prints a line per tenth of the rows, of each step."""
    printed: set[tuple[str, int]] = set()

    def show(done: str, rows: int, total: int) -> None:
        tenth = rows * 10 // total
        if (done, tenth) not in printed:
            printed.add((done, tenth))
            write_line(f"{done} {rows} of {total} rows ({tenth * 10} %)", err=True)

    return show


def _progress() -> Progress:
    """Return what prints a line per tenth of the way, so that a file stays readable."""
    printed: list[int] = [0]

    def show(share: float) -> None:
        tenths = int(share * 10)
        if printed[-1] < tenths < 10:  # noqa: PLR2004 -- the end has its own line
            printed.append(tenths)
            write_line(f"{tenths * 10} %", err=True)

    return show
