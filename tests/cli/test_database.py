"""`relay database`: backups of a database in use, and their restoration."""

import asyncio
import fcntl
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import Result

from relay.cli.command_table import COMMANDS
from relay.config.settings import Settings
from relay.runtime.assemble import assemble
from tests.cli.conftest import Cli

HOURS = "%Y%m%dT%H%M%SZ"


def orders(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT order_id FROM shipments ORDER BY order_id"
        return [order for (order,) in connection.execute(query)]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def failed(ran: Result) -> str:
    """Return the error that a command ended with."""
    assert ran.exit_code != 0
    return str(ran.exception)


@contextmanager
def serving(cli: Cli) -> Iterator[None]:
    """Hold the lock that a serving relay holds."""
    with cli.file.with_name("relay.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_backup_is_restored_and_serves(cli: Cli, ids: list[str]) -> None:
    assert len(ids) == 2
    made = cli("database", "backup", "saved.db")
    assert made.exit_code == 0, made.output
    assert "wrote saved.db" in made.output
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute("UPDATE shipments SET order_id = order_id || '-changed'")
        connection.commit()

    restored = cli("database", "restore", "saved.db")

    assert restored.exit_code == 0, restored.output
    rows = cli.rows("shipments", "list")
    assert sorted(row["orderId"] for row in rows) == ["O-1", "O-2"]
    [earlier] = cli.folder.glob("relay.db.before-*")
    assert str(earlier) in restored.output
    assert orders(earlier) == ["O-1-changed", "O-2-changed"]

    async def served() -> int:
        settings = Settings(database=f"sqlite:///{cli.file}")
        async with assemble(settings) as relay, relay.database.reading() as tx:
            return len(await tx.rows("list_accounts"))

    assert asyncio.run(served()) == 1


def test_a_backup_in_a_folder_has_date_and_time(cli: Cli, ids: list[str]) -> None:
    assert ids
    nights = cli.folder / "backups"
    nights.mkdir()
    assert cli("database", "backup", "backups").exit_code == 0
    [made] = nights.iterdir()
    head, _, stamp = made.stem.partition("-")
    assert head == "relay"
    time.strptime(stamp, HOURS)
    assert orders(made) == ["O-1", "O-2"]


def test_a_backup_has_what_a_running_relay_wrote_a_moment_ago(
    cli: Cli, ids: list[str]
) -> None:
    """It is in the write-ahead log only, which a plain copy would miss."""
    assert ids
    with serving(cli), closing(sqlite3.connect(cli.file)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("UPDATE shipments SET order_id = 'late' WHERE order_id = 'O-2'")
        writer.commit()
        writer.execute("BEGIN IMMEDIATE")  # a write under way does not hold it up
        assert cli("database", "backup", "saved.db").exit_code == 0
    assert orders(cli.folder / "saved.db") == ["O-1", "late"]


def test_an_earlier_backup_is_not_overwritten(cli: Cli, ids: list[str]) -> None:
    assert ids
    target = cli.folder / "saved.db"
    target.write_text("the first night")
    assert "already exists" in failed(cli("database", "backup", "saved.db"))
    assert target.read_text() == "the first night"


def test_database_and_backups_are_private(cli: Cli, ids: list[str]) -> None:
    assert ids
    assert cli("database", "backup", "saved.db").exit_code == 0
    with closing(sqlite3.connect(cli.file)) as connection:
        connection.execute("UPDATE shipments SET order_id = order_id || 'x'")
        connection.commit()
        sides = list(cli.folder.glob("relay.db-*"))
        assert [mode(side) for side in sides] == [0o600] * len(sides)
        assert sides
    assert mode(cli.folder / "saved.db") == 0o600
    assert cli("database", "restore", "saved.db").exit_code == 0
    assert mode(cli.file) == 0o600


def test_a_database_in_use_is_not_replaced(cli: Cli, ids: list[str]) -> None:
    assert ids
    assert cli("database", "backup", "saved.db").exit_code == 0
    with serving(cli):
        assert "in use by another relay" in failed(
            cli("database", "restore", "saved.db")
        )
    assert orders(cli.file) == ["O-1", "O-2"]


def test_a_damaged_database_is_no_backup(cli: Cli, ids: list[str]) -> None:
    assert ids
    content = bytearray(cli.file.read_bytes())
    content[4096 * 2 : 4096 * 30] = b"\xff" * 4096 * 28
    cli.file.write_bytes(content)
    assert "damaged" in failed(cli("database", "backup", "saved.db"))
    assert list(cli.folder.glob("saved*")) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"a page of notes" * 100, "is not an SQLite database"),
        (None, "does not exist"),
    ],
)
def test_what_is_no_backup_is_not_restored(
    cli: Cli, ids: list[str], content: bytes | None, said: str
) -> None:
    assert ids
    wrong = cli.folder / "wrong.db"
    if content is not None:
        wrong.write_bytes(content)
    before = cli.file.read_bytes()
    assert said in failed(cli("database", "restore", "wrong.db"))
    assert cli.file.read_bytes() == before
    assert list(cli.folder.glob("*.before-*")) == []


@pytest.mark.parametrize("rest", [200, 5_000, 40_000])
def test_a_cut_backup_is_called_cut(cli: Cli, ids: list[str], rest: int) -> None:
    assert ids
    assert cli("database", "backup", "saved.db").exit_code == 0
    saved = cli.folder / "saved.db"
    saved.write_bytes(saved.read_bytes()[:rest])
    said = failed(cli("database", "restore", "saved.db"))
    assert f"saved.db is cut short: it has {rest} bytes of " in said
    assert "copy it again, or restore another backup" in said
    assert orders(cli.file) == ["O-1", "O-2"]


def test_nothing_is_restored_in_a_folder_without_settings(
    cli: Cli, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ids
    assert cli("database", "backup", "saved.db").exit_code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    del cli.environ["RELAY_DATABASE"]
    for settings in (dict(cli.environ), {}):
        cli.environ = settings
        said = failed(cli("database", "restore", "../saved.db"))
        assert f"no settings file was found in {elsewhere}" in said
        assert "--config" in said
        assert list(elsewhere.iterdir()) == []
    (elsewhere / "relay.toml").write_text("")
    assert cli("database", "restore", "../saved.db").exit_code == 0
    assert orders(elsewhere / "relay.db") == ["O-1", "O-2"]


def test_a_database_is_restored_where_none_is(cli: Cli, ids: list[str]) -> None:
    assert ids
    assert cli("database", "backup", "saved.db").exit_code == 0
    cli.file.unlink()
    restored = cli("database", "restore", "saved.db")
    assert "earlier" not in restored.output
    assert orders(cli.file) == ["O-1", "O-2"]


def test_a_backup_that_cannot_be_written_is_named(cli: Cli, ids: list[str]) -> None:
    assert ids
    said = failed(cli("database", "backup", "nowhere/saved.db"))
    assert "cannot copy" in said
    assert "No such file or directory" in said


def test_progress_is_printed(cli: Cli, ids: list[str]) -> None:
    assert ids
    with closing(sqlite3.connect(cli.file)) as connection:
        size = 64 * 1024 * 1024
        connection.execute("CREATE TABLE filler (content BLOB)")
        connection.execute("INSERT INTO filler VALUES (zeroblob(?))", (size,))
        connection.commit()
    made = cli("database", "backup", "saved.db")
    assert made.exit_code == 0
    shares = [int(line.removesuffix(" %")) for line in made.stderr.split("\n")[:-1]]
    assert len(shares) > 2
    assert shares == sorted(shares)


def test_postgresql_has_its_own_tools(cli: Cli) -> None:
    ran = cli("database", "backup", DATABASE="postgresql://user@localhost/relay")
    assert "pg_dump" in failed(ran)


ARGUMENTS = {
    "serve": None,  # creates it
    "sandbox": None,  # has none
    "demo": None,  # has its own
    "init": ("made.toml",),
    "lists": ("stuck",),
    "erase": ("store", "O-1"),
    "documents show": ("1",),
    "documents rejected": ("1",),
    "documents accept": ("1", "--reason", "x"),
    "events release": ("1",),
    "events drop": ("1", "--reason", "x"),
    "accounts open": ("store",),
    "database restore": ("saved.db",),
    "database move": ("postgresql://relay@127.0.0.1:1/relay",),
}
"""What commands need to be called with; the rest are given an order."""


@pytest.mark.parametrize("command", COMMANDS)
def test_only_serving_creates_a_database(cli: Cli, command: str) -> None:
    """In a wrong folder, a command must not leave an empty database behind."""
    arguments = ARGUMENTS.get(command, ())
    if arguments is None:
        return
    if command.startswith("shipments") and command != "shipments list":
        arguments = ("O-1",)
    cli(*command.split(), *arguments)
    assert not cli.file.exists()
    assert list(cli.folder.glob("*.part")) == []
