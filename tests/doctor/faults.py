"""Faults that a second process makes: it locks the relay's database, or is killed."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_CAPBSET_DROP = 24
OVERRIDES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""
CAPABILITY_VERSION_3 = 0x20080522
WORDS = ctypes.c_uint32 * 6
"""What capget(2) fills: see its page for the version and the order."""

HOLDS_LOCK_FILE = """
import fcntl, os, sys
file = os.open(sys.argv[1] + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""
WRITES_FOR_EVER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""

SERVES = """
import asyncio, sys
from pathlib import Path
from relay.store.sqlite import SqliteDatabase

async def serve():
    database = SqliteDatabase(Path(sys.argv[1]))
    await database.open(serving=True)
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await database.close()

asyncio.run(serve())
"""
WRITES_AND_DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from relay.store.sqlite import SqliteDatabase

async def write():
    database = SqliteDatabase(Path(sys.argv[1]))
    await database.open(serving=True)
    await database.checkpoint(truncate=sys.argv[2] == "truncate")
    for number in range(int(sys.argv[3])):
        async with database.writing() as tx:
            await tx.run("add_account", account=f"a{number}")
    if sys.argv[2] == "moved":
        await database.checkpoint(truncate=False)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(write())
"""


@contextmanager
def process(program: str, path: Path) -> Iterator[None]:
    """Run *program* on a database until the context ends."""
    held = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout is not None
    assert held.stdout.readline() == "held\n"
    try:
        yield
    finally:
        held.communicate(timeout=30)


def killed(path: Path, checkpoint: str = "truncate", writes: int = 3) -> Path:
    """Write as a relay that is killed then; return its write-ahead log."""
    arguments = [sys.executable, "-c", WRITES_AND_DIES, str(path), checkpoint]
    ended = subprocess.run([*arguments, str(writes)], check=False, timeout=60)
    assert ended.returncode == -9
    return path.with_name(path.name + "-wal")


def as_ordinary_user() -> None:
    """Let this process, and what it executes, obey the modes of files, even as root."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in OVERRIDES:
            assert libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
        # effective, permitted, inheritable; each as two words of 32 bits
        header, held = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), WORDS()
        assert libc.capget(header, held) == 0
        for word in range(3):
            held[word] &= ~sum(1 << capability for capability in OVERRIDES)
        assert libc.capset(header, held) == 0
