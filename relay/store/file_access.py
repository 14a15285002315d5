"""Whether this user can use the files of an SQLite database, and what to change."""

import os
import pwd
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from relay.store.sqlite_errors import Fault

ENDINGS: Final = ("", "-wal", "-shm", ".lock")
"""The files that a relay must be able to write, the lock file included."""
_OWN: Final = stat.S_IRUSR | stat.S_IWUSR


def access_fault(database: Path) -> Fault | None:
    """Return why the files beside *database* cannot be used; None if they can.

    A file that does not exist is not a fault. Nothing is opened or created: SQLite
    would give its log the mode of a read-only file, and could not use it later.
    """
    database = Path(os.path.realpath(database))
    if database.is_dir():
        hint = f"name a file in it: database = sqlite:///{database / 'relay.db'}"
        return Fault(f"{database} is a folder", hint)
    files = (database.with_name(database.name + ending) for ending in ENDINGS)
    refused = [file for file in files if file.exists() and not _is_usable(file)]
    if not refused:
        return None
    names = " and ".join(file.name for file in refused)
    verb = "is" if len(refused) == 1 else "are"
    problem = f"{names} in {database.parent} {verb} not readable and writable"
    return Fault(problem, "; ".join(_advice(refused)))


def open_to_others(file: Path) -> bool:
    """Whether users outside of its group can read *file*, or write it."""
    return file.is_file() and bool(file.stat().st_mode & stat.S_IRWXO)


def command(name: str, files: Iterable[Path]) -> str:
    """Return the shell command *name* on *files*, for a message."""
    return f"`{name} {shlex.join(map(str, files))}`"


def _is_usable(file: Path) -> bool:
    return os.access(file, os.R_OK | os.W_OK)


def _advice(refused: list[Path]) -> list[str]:
    """Return what to do, by the cause: another owner, the mode, or the disk."""
    user = os.geteuid()
    foreign = [file for file in refused if file.stat().st_uid != user]
    own = [file for file in refused if file not in foreign]
    closed = [file for file in own if file.stat().st_mode & _OWN != _OWN]
    said = []
    if foreign:
        change = command(f"chown {_name_of(user)}", foreign)
        said.append(
            f"run this as the relay's user; if you are it, run {change} as root"
        )
    if closed:
        said.append(f"run {command('chmod 600', closed)}")
    if len(closed) < len(own):
        said.append("check that the disk is not mounted read-only")
    return said


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a container without that user
        return str(user)
