"""Turns at writing one SQLite file: fair, free after a kill, and never in the way."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relay.store.sqlite import SqliteDatabase
from relay.store.write_turn import WriteTurn

SECONDS = 30
HOLDER = """
import sys
from pathlib import Path
from relay.store.write_turn import WriteTurn
turn = WriteTurn(Path(sys.argv[1]))
turn.open()
turn.take()
print("has it", flush=True)
sys.stdin.readline()
turn.give()
sys.stdin.readline()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "relay.db"
    path.touch()
    return path


@contextmanager
def holder(database: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another process that has the turn until it gets a line."""
    command = [sys.executable, "-c", HOLDER, str(database)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has it\n"
        try:
            yield process
        finally:
            process.kill()


def waiting(database: Path) -> tuple[threading.Thread, threading.Event]:
    """Wait for the turn in a thread; the event says when it is there."""
    has_it = threading.Event()

    def wait() -> None:
        turn = WriteTurn(database)
        turn.open()
        with turn.held():
            has_it.set()
        turn.close()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, has_it


@pytest.mark.parametrize("ends", ["gives", "is killed"])
def test_a_process_has_its_turn_when_the_other_one_ends_its_own(
    database: Path, ends: str
) -> None:
    with holder(database) as other:
        thread, has_it = waiting(database)
        assert not has_it.wait(0.2)
        if ends == "gives":
            assert other.stdin is not None
            other.stdin.write("\n")
            other.stdin.flush()
        else:
            other.kill()
        assert has_it.wait(SECONDS)
        thread.join(SECONDS)


async def test_a_database_writes_without_turns_where_there_can_be_none(
    tmp_path: Path,
) -> None:
    database = SqliteDatabase(tmp_path / "relay.db")
    (tmp_path / "relay.db.turn").mkdir()
    with capture_logs() as logs:
        await database.open()
    await database.check()
    async with database.writing() as tx:
        await tx.run("add_account", account="store")
    await database.close()
    [line] = [line for line in logs if line["event"] == "writing without turns"]
    assert line["file"].endswith("relay.db.turn")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_file_belongs_to_the_owner_of_the_database(database: Path) -> None:
    os.chown(database, 10001, 10001)
    turn = WriteTurn(database)
    turn.open()
    turn.close()
    found = database.with_name("relay.db.turn").stat()
    assert (found.st_uid, found.st_gid) == (10001, 10001)
