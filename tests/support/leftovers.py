"""Servers that stopped test runs left behind, and their folders."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

OWNER: Final = "owner"
"""The file that the owner of a folder locks: the lock ends with its process.

Unlike a process id, which the file has for people, a lock cannot be taken for that
of a later process.
"""


def own(folder: Path) -> TextIO:
    """Mark *folder* as this process's until the file is closed."""
    draft = folder / "owner.draft"
    file = draft.open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(f"{os.getpid()}\n")
    file.flush()
    draft.rename(folder / OWNER)  # no sooner, or it could seem abandoned
    return file


def remove_abandoned(parent: Path, prefix: str, stop: Callable[[Path], None]) -> None:
    """Stop and remove what processes that ended left in *parent*.

    Folders without an owner's file, and other users', stay as they are.
    """
    for path in parent.glob(f"{prefix}*/{OWNER}"):
        try:
            with path.open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    stop(path.parent)
                finally:
                    shutil.rmtree(path.parent, ignore_errors=True)
        except (OSError, subprocess.CalledProcessError):
            continue
