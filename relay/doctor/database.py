"""Check whether the database stores data safely: its file or its server."""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from relay.clock import utcnow
from relay.config.settings import Settings
from relay.doctor.findings import Check, Severity, error, ok, warning
from relay.doctor.schema_version import (
    check_version,
    is_outdated,
    postgres_version,
    stored_version,
)
from relay.errors import ConfigurationError, DatabaseUnavailable
from relay.logs import counted
from relay.runtime.database import INSTALL_POSTGRES, opened
from relay.runtime.wiring import sqlite_path
from relay.store.accounts import Accounts, AccountState
from relay.store.activity import Activity
from relay.store.database import Database
from relay.store.file_access import access_fault, command, open_to_others
from relay.store.polls import PollClaims
from relay.store.serving_lock import serving_lock
from relay.store.sqlite import OLDEST, SqliteDatabase
from relay.store.sqlite_errors import fault_of

SUBJECT: Final = "database"
DRIFT: Final = timedelta(seconds=2)
LOCKED_MS: Final = 2000
"""How long the doctor waits for a locked database; a relay waits longer."""
NETWORK: Final = re.compile(
    r"nfs4?|cifs|smb3|smbfs|9p|afs|ceph|lustre|gfs2|ocfs2|beegfs|davfs"
    r"|fuse\.(sshfs|glusterfs|s3fs|rclone|gcsfuse)"
)
"""File systems whose locks SQLite cannot rely on: https://sqlite.org/faq.html#q5"""

MOUNTS: Final = Path("/proc/mounts")
_SAFE: Final = ("fsync", "synchronous_commit")
"""Settings of PostgreSQL without which a crash loses confirmed commits.

https://www.postgresql.org/docs/current/runtime-config-wal.html
"""


async def check_database(settings: Settings) -> list[Check]:
    """Check the database that the settings name; it is not changed."""
    if settings.database.startswith("sqlite:"):
        return await _check_sqlite(settings)
    return await _check_postgres(settings.database)


def is_usable(settings: Settings, found: Iterable[Check]) -> bool:
    """Whether a relay can open the database, by its findings.

    A server with dangerous settings can be; it is a finding nevertheless.
    """
    if settings.database.startswith("sqlite:"):
        return all(check.level is not Severity.ERROR for check in found)
    return any(check.level is Severity.OK for check in found)


async def database_exists(settings: Settings) -> bool:
    """Whether its tables are those of this relay; else opening it would make them so.

    Raises the driver's errors.
    """
    version = await stored_version(settings)
    if settings.database.startswith("sqlite:") and not version:
        path = sqlite_path(settings)
        return path.is_file() and path.stat().st_size > 0
    return version > 0 and not is_outdated(version)


async def _check_sqlite(settings: Settings) -> list[Check]:
    path = sqlite_path(settings)
    found = [check_library(sqlite3.sqlite_version_info), *check_place(path)]
    found += [*check_mode(path), *check_links(path)]
    mounts = MOUNTS.read_text(encoding="utf-8") if MOUNTS.exists() else ""
    found += check_mount(path.resolve(), mounts)
    found += check_version(await stored_version(settings))
    exists = await database_exists(settings)
    if exists and not any(c.level is Severity.ERROR for c in found):
        found += await _opens(settings)
    return found


def check_library(version: tuple[int, ...]) -> Check:
    """Check the version of Python's SQLite library."""
    spelled, oldest = (".".join(map(str, v)) for v in (version, OLDEST))
    if version < OLDEST:
        message = f"SQLite {spelled} is older than {oldest}"
        return error(SUBJECT, message, "install a newer build of Python")
    return ok(SUBJECT, f"SQLite {spelled}")


def check_place(path: Path) -> Iterator[Check]:
    """Check whether the file can be written, or created if it does not exist yet."""
    folder = path.parent
    if not folder.is_dir():
        yield error(SUBJECT, f"{folder} is not a folder", "create it")
    elif not path.is_dir() and not os.access(folder, os.W_OK):
        hint = "allow the relay's user to write there: SQLite creates more files in it"
        yield error(SUBJECT, f"{folder} is not writable", hint)
    elif fault := access_fault(path):
        yield error(SUBJECT, fault.problem, fault.hint)
    elif not path.exists() and not serving_lock(path).clean:
        message = f"{path} is missing, but a relay serves or served it"
        hint = "put it back with its -wal, or stop the relay and restore a backup"
        yield error(SUBJECT, message, hint)
    elif not path.exists():
        hint = "nothing to do: the relay creates it at its first start"
        yield warning(SUBJECT, f"{path} does not exist yet", hint)


def check_mode(path: Path) -> Iterator[Check]:
    """Warn of a database that any user of this machine can read."""
    beside = (path.with_name(path.name + end) for end in ("", "-wal", "-shm"))
    if files := [file for file in beside if open_to_others(file)]:
        message = "every user of this machine can read names and addresses of shoppers"
        yield warning(SUBJECT, message, f"run {command('chmod 600', files)}")


def check_links(path: Path) -> Iterator[Check]:
    """Report more than one name of the file: its log belongs to one of them.

    See https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file.
    """
    if path.is_file() and (links := path.stat().st_nlink) > 1:
        message = f"{path} has {counted(links, 'name')} (hard links)"
        hint = (
            "always use the one in `database`, and delete the others: opened by "
            "another name the file lacks its write-ahead log, and can be damaged"
        )
        yield warning(SUBJECT, message, hint)


def check_mount(path: Path, mounts: str) -> Iterator[Check]:
    """Report a network file system under *path*; *mounts* is as `/proc/mounts`."""
    folders = [line.split()[1:3] for line in mounts.splitlines()]
    around = [
        (len(point), kind)
        for spelled, kind in folders
        if path.is_relative_to(point := spelled.replace("\\040", " "))
    ]
    kind = max(around, default=(0, ""))[1]
    if NETWORK.fullmatch(kind):
        message = f"{path} is on a network file system ({kind})"
        hint = "move it to a local disk, or use PostgreSQL: SQLite's locks fail there"
        yield error(SUBJECT, message, hint)


async def _opens(settings: Settings) -> list[Check]:
    try:
        async with opened(settings) as database:
            return [
                *await check_writable(database),
                *await _content(database, settings),
            ]
    except (ConfigurationError, DatabaseUnavailable) as refusal:
        if isinstance(refusal.__cause__, sqlite3.Error):
            return [_faulty(refusal.__cause__)]
        return [error(SUBJECT, str(refusal), "the file stays as it is")]


async def _content(database: Database, settings: Settings) -> list[Check]:
    """Check what is stored against the settings."""
    known = await Accounts(database).all()
    orphans = await PollClaims(database).orphans(settings.contracts)
    return [_opened(known), *map(_orphaned, orphans, orphans.values())]


async def check_writable(database: Database) -> list[Check]:
    """Check whether a webhook could be stored now; nothing stays changed.

    Errors of PostgreSQL are raised.
    """
    if isinstance(database, SqliteDatabase):
        await database.pragma(f"busy_timeout = {LOCKED_MS}")
    try:
        await Activity(database).probe(utcnow())
    except DatabaseUnavailable as failure:
        if isinstance(failure.__cause__, sqlite3.Error):
            return [_faulty(failure.__cause__)]
        raise
    return []


def _faulty(failure: sqlite3.Error) -> Check:
    fault = fault_of(failure)
    return error(SUBJECT, f"cannot be used: {fault.problem}", fault.hint)


def _orphaned(contract: str, parcels: int) -> Check:
    message = f"{counted(parcels, 'open parcel')} of a contract that is not configured"
    hint = "configure it again, or correct the contract of its shipments"
    return warning(f"contracts.{contract}", message, hint)


def _opened(known: Sequence[AccountState]) -> Check:
    return ok(SUBJECT, f"can be opened, contains {counted(len(known), 'account')}")


async def _check_postgres(url: str) -> list[Check]:
    try:
        import asyncpg  # noqa: PLC0415 -- an extra
    except ImportError:
        message = "the driver of PostgreSQL is not installed"
        return [error(SUBJECT, message, INSTALL_POSTGRES)]
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as failure:
        message = f"cannot reach PostgreSQL: {type(failure).__name__}: {failure}"
        return [error(SUBJECT, message, "check host, user, password and name in it")]
    try:
        settings = {
            name: await connection.fetchval("SELECT current_setting($1)", name)
            for name in ("server_version", *_SAFE)
        }
        there = await connection.fetchval("SELECT clock_timestamp()")
        version = await postgres_version(connection)
    finally:
        await connection.close()
    return [
        *check_server(settings, abs(there - utcnow())),
        *check_version(version),
    ]


def check_server(settings: Mapping[str, str], drift: timedelta) -> Iterator[Check]:
    """Check that PostgreSQL never loses confirmed commits, and its clock."""
    yield ok(SUBJECT, f"PostgreSQL {settings['server_version']}")
    for name in _SAFE:
        if settings[name] == "off":
            message = f"{name} is off: a crash loses confirmed webhooks"
            yield error(SUBJECT, message, f"set {name} = on in postgresql.conf")
    if drift > DRIFT:
        apart = f"{drift.total_seconds():.0f} s apart"
        message = f"its clock and that of this machine are {apart}"
        yield error(SUBJECT, message, "synchronise both machines by NTP")
