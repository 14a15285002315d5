"""One SQLite file has one serving process, and its commits stay in that file."""

import fcntl
import shutil
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.errors import ConfigurationError, DatabaseUnavailable
from relay.health import Health
from relay.runtime.monitors import DatabaseMonitor
from relay.store.backups import back_up, restore
from relay.store.checkpoints import Checkpointer
from relay.store.database import Transaction
from relay.store.serving_lock import serving_lock
from relay.store.sqlite import SqliteDatabase
from relay.store.sqlite_lock import ServingLock
from tests.doctor.faults import SERVES, killed, process

WRITTEN = ["a0", "a1", "a2"]


async def accounts(path: Path, *, serving: bool = True) -> list[str]:
    database = SqliteDatabase(path)
    await database.open(serving=serving)
    try:
        async with database.reading() as tx:
            return [r["account"] for r in await tx.rows("list_accounts")]
    finally:
        await database.close()


async def add(database: SqliteDatabase, account: str) -> None:
    async with database.writing() as tx:
        await tx.run("add_account", account=account)


async def add_in_one_go(database: SqliteDatabase, account: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("add_account", account=account)

    await database.write_in_one_go(work)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.suffix != ".lock"
    }


# One process for one file.


def by_symlink(path: Path) -> Path:
    other = path.with_name("link.db")
    other.symlink_to(path.name)
    return other


def by_linked_folder(path: Path) -> Path:
    other = path.parent.with_name("linked-folder")
    other.symlink_to(path.parent)
    return other / path.name


def by_hard_link(path: Path) -> Path:
    other = path.with_name("hard.db")
    other.hardlink_to(path)
    return other


def without_lock_file(path: Path) -> Path:
    path.with_name("relay.db.lock").unlink()
    return path


@pytest.mark.parametrize(
    "disguise", [by_symlink, by_linked_folder, by_hard_link, without_lock_file]
)
async def test_a_served_file_is_refused_by_any_name(
    tmp_path: Path, disguise: Callable[[Path], Path]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with process(SERVES, folder / "relay.db"):
        other = disguise(folder / "relay.db")
        with pytest.raises(ConfigurationError, match="in use by another relay"):
            await SqliteDatabase(other).open(serving=True)
        with (
            pytest.raises(ConfigurationError, match="in use by another relay"),
            ServingLock(other).held(),
        ):
            raise AssertionError
    assert await accounts(other) == []


async def test_where_locks_collide_only_the_lock_file_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On macOS the lock of the file itself would keep SQLite out."""
    monkeypatch.setattr("relay.store.sqlite_lock.OWN_LOCKS", False)
    path = tmp_path / "relay.db"
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert await accounts(path) == []


async def test_a_linked_file_has_one_lock_file_and_one_log(tmp_path: Path) -> None:
    link = by_symlink(tmp_path / "relay.db")
    database = SqliteDatabase(link)
    await database.open(serving=True)
    assert serving_lock(link).held
    assert serving_lock(tmp_path / "relay.db").held
    file, log = (tmp_path / name for name in ("relay.db", "relay.db-wal"))
    assert await database.size() == file.stat().st_size + log.stat().st_size
    await database.close()
    assert not serving_lock(link).held


async def test_a_restored_link_stays_a_link(tmp_path: Path) -> None:
    link, now = by_symlink(tmp_path / "relay.db"), datetime(2026, 11, 27, tzinfo=UTC)
    killed(tmp_path / "relay.db")
    back_up(link, tmp_path / "saved.db", now, lambda _: None)
    with ServingLock(link).held():
        restore(tmp_path / "saved.db", link, now, lambda _: None)
    assert link.is_symlink()
    assert await accounts(tmp_path / "relay.db") == WRITTEN


# A file that goes away while it is open.


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def replace(path: Path) -> None:
    shutil.copyfile(path, path.with_name("copy"))
    path.with_name("copy").rename(path)


@pytest.mark.parametrize("write", [add, add_in_one_go])
@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("serving", [True, False])
@pytest.mark.parametrize("fault", [delete, move, replace])
async def test_nothing_is_stored_in_a_file_that_is_not_in_place(
    tmp_path: Path,
    fault: Callable[[Path], None],
    serving: bool,
    ending: str,
    write: Callable[[SqliteDatabase, str], Any],
) -> None:
    database = SqliteDatabase(tmp_path / "relay.db", synchronous="OFF")
    await database.open(serving=serving)
    await write(database, "before")
    fault(tmp_path / f"relay.db{ending}")
    with pytest.raises(DatabaseUnavailable, match=f"relay.db{ending} was deleted, mov"):
        await write(database, "after")
    await database.close()


async def test_a_file_that_is_put_back_is_used_again(tmp_path: Path) -> None:
    path, health = tmp_path / "relay.db", Health()
    database = SqliteDatabase(path)
    await database.open(serving=True)
    monitor = DatabaseMonitor(database, health)
    with capture_logs() as lines:
        move(path)
        for _ in range(3):
            await monitor.step()
        assert health.reasons() == ["database: takes no writes now; see the log"]
        path.with_name("moved").rename(path)
        await monitor.step()
    assert health.reasons() == []
    first, second = lines
    assert "restore a backup" in first["error"]
    assert second["event"] == "database available again"
    await add(database, "a")
    await database.close()
    assert await accounts(path) == ["a"]


async def test_a_file_that_went_away_is_not_replaced_by_an_empty_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "relay.db"
    database = SqliteDatabase(path)
    await database.open(serving=True)
    path.unlink()
    await database.close()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="missing, but a relay served it"):
            await SqliteDatabase(path).open(serving=True)
    assert not path.exists()
    path.with_name("relay.db.lock").unlink()
    assert await accounts(path) == []


async def test_a_failed_restoration_leaves_a_missing_file_as_it_was(
    tmp_path: Path,
) -> None:
    path = tmp_path / "relay.db"
    with suppress(ValueError), ServingLock(path).held():
        raise ValueError
    assert not path.exists()
    assert await accounts(path) == []


async def test_a_checkpoint_does_not_create_a_file(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    database = SqliteDatabase(path)
    await database.open(serving=True)
    checkpointer = Checkpointer(database)
    checkpointer.burst_read()
    path.unlink()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await checkpointer.step()
    assert not path.exists()
    await database.close()


# A log that loses commits while no process runs.


def remove(log: Path) -> None:
    log.unlink()


def empty(log: Path) -> None:
    log.write_bytes(b"")


def cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-10])


def cut_a_commit(log: Path) -> None:
    """Cut so that what remains is a log without any sign of damage."""
    [page] = struct.unpack_from(">I", log.read_bytes(), 8)
    log.write_bytes(log.read_bytes()[: -2 * (page + 24)])


def overwrite(log: Path) -> None:
    log.write_bytes(b"x" * log.stat().st_size)


FAULTS = [remove, empty, cut, cut_a_commit, overwrite]


async def serve(path: Path) -> None:
    await SqliteDatabase(path).open(serving=True)


async def use(path: Path) -> None:
    await SqliteDatabase(path).open()


async def save(path: Path) -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    back_up(path, path.with_name("saved.db"), now, lambda _: None)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("first", [serve, use, save])
async def test_a_log_that_lost_commits_is_refused_until_it_is_put_back(
    tmp_path: Path, first: Callable[[Path], Any], fault: Callable[[Path], None]
) -> None:
    path = tmp_path / "relay.db"
    log = killed(path)
    whole = log.read_bytes()
    fault(log)
    before = content(tmp_path)
    for opening in (first, serve):
        with pytest.raises(ConfigurationError, match="was cut or removed"):
            await opening(path)
    assert content(tmp_path) == before
    log.write_bytes(whole)
    assert await accounts(path) == WRITTEN


async def test_an_operator_may_go_on_with_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    remove(killed(path))
    path.with_name("relay.db-shm").unlink()
    assert await accounts(path) == []


@pytest.mark.parametrize("page", [4096, 65536])
async def test_a_whole_log_is_used_whatever_its_pages(
    tmp_path: Path, page: int
) -> None:
    path = tmp_path / "relay.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {page}")
        connection.execute("VACUUM")
    killed(path)
    assert await accounts(path) == WRITTEN


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_log_whose_pages_are_all_in_the_file_may_go(
    tmp_path: Path, fault: Callable[[Path], None]
) -> None:
    path = tmp_path / "relay.db"
    fault(killed(path, "moved"))
    assert await accounts(path) == WRITTEN


async def test_an_emptied_log_needs_no_commits(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    remove(killed(path, writes=0))
    assert await accounts(path) == []


async def test_after_a_crash_of_the_machine_an_absent_log_proves_nothing(
    tmp_path: Path,
) -> None:
    """The index may be older than a log that was emptied since."""
    path = tmp_path / "relay.db"
    log = killed(path)
    path.with_name("relay.db.lock").write_bytes(b"serving an-earlier-boot")
    whole = log.read_bytes()
    cut(log)
    with pytest.raises(ConfigurationError, match="was cut or removed"):
        await serve(path)
    log.write_bytes(whole)
    remove(log)
    assert await accounts(path) == []


@pytest.mark.parametrize("damage", [b"", b"x" * 136, bytes(136)])
async def test_an_index_that_is_not_complete_proves_nothing(
    tmp_path: Path, damage: bytes
) -> None:
    path = tmp_path / "relay.db"
    remove(killed(path))
    path.with_name("relay.db-shm").write_bytes(damage)
    assert await accounts(path) == []


async def test_without_its_lock_file_a_cut_log_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    cut(killed(path))
    path.with_name("relay.db.lock").unlink()
    for opening in (use, serve):
        with pytest.raises(ConfigurationError, match="was cut or removed"):
            await opening(path)
