"""Files with a wrong owner or mode: commands say what to change, and create nothing."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from relay.store.sqlite import SqliteDatabase
from tests.doctor.faults import as_ordinary_user
from tests.support.commands import Ran, run_command

SOMEBODY = 12345
"""A user id that no test runs with."""
Run = Callable[..., Ran]


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Create a relay's folder as a stopped relay leaves it."""
    database = SqliteDatabase(tmp_path / "relay.db")
    await database.open(serving=True)
    await database.close()
    settings = tmp_path / "relay.toml"
    settings.write_text(f'listen = "127.0.0.1:{unused_port()}"\n')
    settings.chmod(0o600)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Return what runs the command `relay` as a user who obeys modes."""
    environ = {n: v for n, v in os.environ.items() if not n.startswith("RELAY_")}

    def ran(*arguments: str) -> Ran:
        return run_command(arguments, folder, environ, as_ordinary_user)

    return ran


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


COMMANDS = [
    ("doctor",),
    ("status",),
    ("shipments", "list"),
    ("database", "backup", "saved.db"),
    ("serve",),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_only_file_of_the_right_owner_needs_chmod(
    folder: Path, run: Run, command: tuple[str, ...]
) -> None:
    file, before = folder / "relay.db", names(folder)
    file.chmod(0o444)
    ran = run(*command)
    said = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert f"run `chmod 600 {file}`" in said
    assert "owner" not in said
    assert "can be started" not in said
    assert names(folder) == before


def test_after_the_advice_the_doctor_has_no_errors(folder: Path, run: Run) -> None:
    (folder / "relay.db").chmod(0o444)
    assert run("doctor").returncode == 1
    (folder / "relay.db").chmod(0o600)
    ran = run("doctor")
    assert "can be started" in ran.stdout
    assert ran.returncode == 0, ran.stdout


def test_logs_with_a_wrong_mode_are_named_too(folder: Path, run: Run) -> None:
    for ending in ("-wal", "-shm"):
        (folder / f"relay.db{ending}").touch(0o444)
    said = run("serve").stderr
    assert "relay.db-wal and relay.db-shm" in said
    wal, shm = (folder / f"relay.db{ending}" for ending in ("-wal", "-shm"))
    assert f"run `chmod 600 {wal} {shm}`" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("ending", ["", "-wal", "-shm", ".lock"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_somebody_else_is_named(
    folder: Path, run: Run, command: tuple[str, ...], ending: str
) -> None:
    file = folder / f"relay.db{ending}"
    file.touch(0o600)
    os.chown(file, SOMEBODY, SOMEBODY)
    ran = run(*command)
    said = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert f"{file.name} in {folder} is not readable and writable" in said
    assert f"chown root {file}" in said
    assert "never run here" not in said
    assert "was killed" not in said


def test_a_folder_is_no_database(folder: Path, run: Run) -> None:
    data = folder / "data"
    (data / "inner").mkdir(parents=True)
    settings = folder / "relay.toml"
    settings.write_text(f'{settings.read_text()}database = "sqlite:///{data}"\n')
    for command in COMMANDS:
        ran = run(*command)
        said = ran.stdout + ran.stderr
        assert ran.returncode != 0
        assert f"{data} is a folder" in said
        assert f"sqlite:///{data}/relay.db" in said
        assert "delete" not in said


def test_a_settings_file_that_cannot_be_read_is_kept(folder: Path, run: Run) -> None:
    settings = folder / "relay.toml"
    settings.chmod(0o000)
    for command in (("serve",), ("doctor",), ("init",)):
        ran = run(*command)
        said = ran.stdout + ran.stderr
        assert ran.returncode != 0
        assert "chmod 600 relay.toml" in said
        assert "remove" not in said
        assert "relay init" not in said


def test_files_that_others_can_read_are_a_warning(folder: Path, run: Run) -> None:
    settings, file = folder / "relay.toml", folder / "relay.db"
    token = f'[tokens.erp]\ntoken = "{"t" * 32}"\nscopes = ["erp"]\n'
    settings.write_text(settings.read_text() + token)
    assert "every user of this machine" not in run("doctor").stdout
    file.chmod(0o644)
    settings.chmod(0o644)
    ran = run("doctor")
    assert "run `chmod 600 relay.db`" in ran.stdout
    assert "run `chmod 600 relay.toml`" in ran.stdout
    assert ran.returncode == 0, ran.stdout


def test_a_folder_without_settings_is_named(run: Run, folder: Path) -> None:
    (folder / "relay.toml").unlink()
    for command in ("doctor", "status"):
        assert f"no settings file was found in {folder}" in run(command).stdout


def test_a_refused_start_is_not_called_a_kill(folder: Path, run: Run) -> None:
    settings = folder / "relay.toml"
    right = settings.read_text()
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings.write_text(f'listen = "127.0.0.1:{other.getsockname()[1]}"\n')
        refused = run("serve")
    assert refused.returncode != 0
    assert "cannot bind" in refused.stderr
    settings.write_text(right)
    said = run("status").stdout
    assert "relay: stopped" in said
    assert "was killed" not in said


def test_a_restored_backup_is_not_called_a_kill(folder: Path, run: Run) -> None:
    assert run("database", "backup", "saved.db").returncode == 0
    (folder / "wrong.db").write_bytes(b"no backup")
    assert run("database", "restore", "wrong.db").returncode != 0
    assert "relay: stopped 20" in run("status").stdout
    assert run("database", "restore", "saved.db").returncode == 0
    said = run("status").stdout
    assert "relay: stopped; a backup was restored 20" in said
    assert "was killed" not in said
