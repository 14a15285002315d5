"""Whether the database keeps what it is given: its file or its server."""

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from relay.clock import utcnow
from relay.config.settings import Settings
from relay.doctor.findings import Check, Severity, fine, look, wrong
from relay.errors import ConfigurationError
from relay.logs import counted
from relay.runtime.database import opened
from relay.runtime.wiring import sqlite_path
from relay.store.accounts import Accounts, AccountState
from relay.store.polls import PollClaims
from relay.store.sqlite import OLDEST

SUBJECT: Final = "database"
DRIFT: Final = timedelta(seconds=2)
NETWORK: Final = re.compile(
    r"nfs4?|cifs|smb3|smbfs|9p|afs|ceph|lustre|gfs2|ocfs2|beegfs|davfs"
    r"|fuse\.(sshfs|glusterfs|s3fs|rclone|gcsfuse)"
)
"""File systems whose locks SQLite cannot rely on."""

MOUNTS: Final = Path("/proc/mounts")
_SAFE: Final = ("fsync", "synchronous_commit")
"""Settings of PostgreSQL without which it forgets what it has confirmed."""


async def check_database(settings: Settings) -> list[Check]:
    """Look at the database that the settings name; it is not changed."""
    if settings.database.startswith("sqlite:"):
        return await _check_sqlite(settings)
    return await _check_postgres(settings.database)


async def _check_sqlite(settings: Settings) -> list[Check]:
    path = sqlite_path(settings)
    found = [check_library(sqlite3.sqlite_version_info), *check_place(path)]
    mounts = MOUNTS.read_text(encoding="utf-8") if MOUNTS.exists() else ""
    found += check_mount(path.resolve(), mounts)
    if path.exists() and not any(c.level is Severity.WRONG for c in found):
        found += await _opens(settings)
    return found


def check_library(version: tuple[int, ...]) -> Check:
    """Check the version of the SQLite library that Python brings."""
    spelled, oldest = (".".join(map(str, v)) for v in (version, OLDEST))
    if version < OLDEST:
        says = f"SQLite {spelled} is older than {oldest}"
        return wrong(SUBJECT, says, "install a newer build of Python")
    return fine(SUBJECT, f"SQLite {spelled}")


def check_place(path: Path) -> Iterator[Check]:
    """Check whether the file can be written, or made if it is not there yet."""
    folder = path.parent
    if not folder.is_dir():
        yield wrong(SUBJECT, f"{folder} is no folder", "make it, or name another one")
    elif not os.access(folder, os.W_OK):
        hint = "let the relay's user write there: SQLite needs files beside it"
        yield wrong(SUBJECT, f"{folder} cannot be written", hint)
    elif path.exists() and not os.access(path, os.R_OK | os.W_OK):
        says = f"{path} cannot be read and written"
        yield wrong(SUBJECT, says, "give it to the relay's user")
    elif not path.exists():
        hint = "nothing to do: the relay makes it at its first start"
        yield look(SUBJECT, f"{path} does not exist yet", hint)


def check_mount(path: Path, mounts: str) -> Iterator[Check]:
    """Name a network file system under *path*; *mounts* is as `/proc/mounts`."""
    folders = [line.split()[1:3] for line in mounts.splitlines()]
    around = [
        (len(point), kind)
        for spelled, kind in folders
        if path.is_relative_to(point := spelled.replace("\\040", " "))
    ]
    kind = max(around, default=(0, ""))[1]
    if NETWORK.fullmatch(kind):
        says = f"{path} is on a network file system ({kind})"
        hint = "move it to a local disk, or use PostgreSQL: SQLite's locks fail there"
        yield wrong(SUBJECT, says, hint)


async def _opens(settings: Settings) -> list[Check]:
    try:
        async with opened(settings) as database:
            known = await Accounts(database).all()
            orphans = await PollClaims(database).orphans(settings.contracts)
    except ConfigurationError as error:
        return [wrong(SUBJECT, str(error), "name another file, or restore a backup")]
    return [_knows(known), *map(_orphaned, orphans, orphans.values())]


def _orphaned(contract: str, parcels: int) -> Check:
    says = f"{counted(parcels, 'open parcel')} of it, and it is not in the settings"
    hint = "put it back, or correct the contract of its shipments"
    return look(f"contracts.{contract}", says, hint)


def _knows(known: Sequence[AccountState]) -> Check:
    return fine(SUBJECT, f"it opens, and knows {counted(len(known), 'account')}")


async def _check_postgres(url: str) -> list[Check]:
    try:
        import asyncpg  # noqa: PLC0415 -- an extra
    except ImportError:
        hint = "pip install 'carrier-tracking-relay[postgres]'"
        return [wrong(SUBJECT, "PostgreSQL needs an extra", hint)]
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
        says = f"PostgreSQL cannot be reached: {type(error).__name__}: {error}"
        return [wrong(SUBJECT, says, "check host, user, password and the name in it")]
    try:
        settings = {
            name: await connection.fetchval("SELECT current_setting($1)", name)
            for name in ("server_version", *_SAFE)
        }
        there = await connection.fetchval("SELECT clock_timestamp()")
    finally:
        await connection.close()
    return list(check_server(settings, abs(there - utcnow())))


def check_server(settings: Mapping[str, str], drift: timedelta) -> Iterator[Check]:
    """Check that PostgreSQL keeps what it has confirmed, and what time it has."""
    yield fine(SUBJECT, f"PostgreSQL {settings['server_version']}")
    for name in _SAFE:
        if settings[name] == "off":
            says = f"{name} is off: confirmed webhooks are lost in a crash"
            yield wrong(SUBJECT, says, f"set {name} = on in postgresql.conf")
    if drift > DRIFT:
        says = f"its clock and this machine's are {drift.total_seconds():.0f} s apart"
        yield wrong(SUBJECT, says, "let both machines follow NTP")
