"""Status and doctor name what is wrong now; each fault is really made."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import zoneinfo
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from relay.api import health as health_api
from relay.api import keys
from relay.api.process import Process
from relay.config.problems import InvalidSettings, SettingsProblem
from relay.config.settings import Settings
from relay.doctor.database import check_database, check_writable
from relay.doctor.examination import examine
from relay.doctor.findings import Check, Severity
from relay.doctor.process import process_state
from relay.doctor.status import current_status, disk_problems, with_invalid_settings
from relay.errors import ConfigurationError
from relay.health import Health
from relay.runtime.reload import INVALID
from relay.service.context import ServiceContext
from relay.service.services import Services
from relay.service.status_models import StatusAnswer, StatusLine
from relay.store.event_rows import Pace
from relay.store.postgres import PostgresDatabase
from relay.store.schema import OLDEST, VERSION
from relay.store.serving_notes import ServingNotes
from relay.store.sqlite import SqliteDatabase
from relay.store.sqlite_errors import fault_of
from relay.store.unread import ReaderTerms
from tests.doctor.faults import (
    HOLDS_LOCK_FILE,
    SERVES,
    WRITES_FOR_EVER,
    killed,
    process,
)
from tests.store import test_schema as schema_tests
from tests.store.making import execute
from tests.support.commands import Ran, run_command
from tests.support.way_in import WayIn

DESTROYS = ("another file", "another database", "delete", "remove", "restore a backup")


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """Create a database as a relay that was stopped left it."""
    database = SqliteDatabase(tmp_path / "relay.db")
    await database.open(serving=True)
    await database.close()
    return tmp_path / "relay.db"


def settings_of(file: Path, **tables: Any) -> Settings:
    account = {"app_key": "key", "app_token": "token", "base_url": "http://127.0.0.1:9"}
    contract = {"adapter": "melhorenvio", "secret": "its-secret"}
    given = {
        "listen": "127.0.0.1:0",
        "database": f"sqlite:///{file}",
        "accounts": {"store": account},
        "contracts": {"swift": contract},
    }
    return Settings.model_validate(given | tables)


def errors(found: list[Check], subject: str) -> list[Check]:
    return [c for c in found if c.level is Severity.ERROR and c.subject == subject]


def relay_line(found: StatusAnswer) -> StatusLine:
    return found.lines[0]


def assert_harmless(hint: str) -> None:
    assert hint
    assert not [word for word in DESTROYS if word in hint]


async def test_a_stopped_relay_is_named_by_the_status_and_not_by_the_doctor(
    file: Path,
) -> None:
    settings = settings_of(file)
    found = await current_status(settings)
    assert not found.ok
    line = relay_line(found)
    assert [p.message for p in line.problems] == ["not running on this machine"]
    assert (line.last_good, line.last_good_at is not None) == ("stopped", True)
    [check] = [c for c in await examine(settings) if c.subject == "relay"]
    assert check.level is Severity.OK
    assert check.message.endswith("can be started")


async def test_a_relay_that_would_not_start_for_a_lock_is_an_error(file: Path) -> None:
    settings = settings_of(file)
    with process(HOLDS_LOCK_FILE, file):
        with pytest.raises(ConfigurationError, match="in use by another relay"):
            await SqliteDatabase(file).open(serving=True)
        [check] = errors(await examine(settings), "relay")
        found = await current_status(settings)
    assert "`relay serve` will refuse to start" in check.message
    assert_harmless(check.hint)
    assert [p.message for p in relay_line(found).problems] == [check.message]


async def test_a_database_that_is_locked_is_an_error_and_stays(file: Path) -> None:
    settings = settings_of(file)
    with process(WRITES_FOR_EVER, file):
        [check] = errors(await check_database(settings), "database")
        found = await current_status(settings)
    assert "locked by another process" in check.message
    assert_harmless(check.hint)
    [problem] = [p for p in relay_line(found).problems if "locked" in p.message]
    assert problem.hint == check.hint


async def test_a_cut_log_is_an_error_and_stays(file: Path) -> None:
    log = killed(file)
    log.write_bytes(before := log.read_bytes()[:-10])
    [check] = errors(await check_database(settings_of(file)), "database")
    assert "was cut or removed while the relay was stopped" in check.message
    assert log.read_bytes() == before


async def test_a_file_that_went_away_is_an_error(file: Path) -> None:
    with process(SERVES, file):
        file.rename(file.with_name("moved"))  # noqa: ASYNC240 -- at once
        [check] = errors(await check_database(settings_of(file)), "database")
    assert "is missing, but a relay serves or served it" in check.message
    [check] = errors(await check_database(settings_of(file)), "database")
    assert "is missing" in check.message


async def test_the_doctor_says_that_an_older_file_will_be_migrated_and_leaves_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "relay.db"
    script = Path(schema_tests.__file__).parent / f"versions/{OLDEST:03}.sqlite.sql"
    with closing(sqlite3.connect(file)) as made:
        made.executescript(script.read_text(encoding="utf-8"))
        made.execute(f"PRAGMA user_version = {OLDEST}")
    before = file.read_bytes()
    found = await examine(settings_of(file))
    of_file = {c.message: c.level for c in found if c.subject == "database"}
    assert f"version {OLDEST}, this relay needs {VERSION}" in of_file
    assert Severity.ERROR not in of_file.values()
    assert (await current_status(settings_of(file))).lines[0].name == "relay"
    assert file.read_bytes() == before


async def test_the_doctor_leaves_an_older_postgresql_database_as_it_is(
    postgres_url: str, tmp_path: Path
) -> None:
    database = PostgresDatabase(postgres_url)
    await database.open()
    await execute(database, "UPDATE migrations SET number = number - 1")
    await database.close()
    settings = settings_of(tmp_path / "none").model_copy(
        update={"database": postgres_url}
    )
    found = await examine(settings)
    message = f"version {VERSION - 1}, this relay needs {VERSION}"
    assert message in [c.message for c in found]
    connection = await asyncpg.connect(postgres_url)
    assert (
        await connection.fetchval("SELECT max(number) FROM migrations") == VERSION - 1
    )
    await connection.close()


async def test_a_second_name_of_the_file_is_a_warning(file: Path) -> None:
    def names(found: list[Check]) -> list[str]:
        return [c.message for c in found if c.level is Severity.WARNING]

    assert names(await check_database(settings_of(file))) == []
    file.with_name("other.db").hardlink_to(file)
    [message] = names(await check_database(settings_of(file)))
    assert message == f"{file} has 2 names (hard links)"


async def test_a_full_disk_is_an_error_that_destroys_nothing(file: Path) -> None:
    database = SqliteDatabase(file)
    await database.open()
    await database.pragma(f"max_page_count = {await database.pragma('page_count')}")
    [check] = await check_writable(database)
    await database.close()
    assert check.level is Severity.ERROR
    assert "the disk or its quota is full" in check.message
    assert check.hint == "free disk space or raise the quota; the data is safe"


async def test_a_database_that_cannot_be_written_is_an_error(file: Path) -> None:
    database = SqliteDatabase(file)
    await database.open()
    await execute(database, "PRAGMA query_only = ON")
    [check] = await check_writable(database)
    await database.close()
    assert "cannot be written" in check.message
    assert "owner" in check.hint
    assert_harmless(check.hint)


def damage(file: Path) -> None:
    """Overwrite all pages but the first one."""
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * (size - 4096))


async def test_a_damaged_file_is_an_error_and_is_copied_first(file: Path) -> None:
    damage(file)
    [check] = errors(await check_database(settings_of(file)), "database")
    assert "damaged" in check.message
    assert check.hint.startswith("stop the relay, and copy the file")


async def test_the_probe_of_a_good_database_changes_nothing(file: Path) -> None:
    database = SqliteDatabase(file)
    await database.open()
    assert await check_writable(database) == []
    assert await execute(database, "SELECT * FROM notes") == []
    await database.close()


def files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_a_database_that_does_not_exist_yet_is_not_created(
    tmp_path: Path,
) -> None:
    file = tmp_path / "relay.db"
    found = await current_status(settings_of(file))
    assert [one.part for one in found.lines] == ["relay"]
    messages = [p.message for p in relay_line(found).problems]
    assert any("does not exist yet" in message for message in messages)
    assert relay_line(found).last_good == "has never run here"
    assert files(tmp_path) == []


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """Give the address of a database without tables."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE DATABASE nothing TEMPLATE template0")
    yield f"{postgres_url.rpartition('/')[0]}/nothing"
    await connection.execute("DROP DATABASE nothing")
    await connection.close()


async def test_an_empty_database_of_a_server_is_not_filled(empty_url: str) -> None:
    settings = settings_of(Path("unused"), database=empty_url)
    first = await current_status(settings)
    second = await current_status(settings)
    assert [one.part for one in (*first.lines, *second.lines)] == ["relay", "relay"]


async def test_a_server_with_tables_has_all_three_parts(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url)
    await database.open()
    await database.close()
    found = await current_status(settings_of(Path("unused"), database=postgres_url))
    assert [one.part for one in found.lines] == ["relay", "vtex", "carrier"]


@contextmanager
def old_zones(folder: Path) -> Iterator[None]:
    """Use time zone data as of before Brazil ended summer time: -02:00 in January."""
    source = next(Path(p) for p in zoneinfo.TZPATH if Path(p, "Etc/GMT+2").exists())
    (folder / "America").mkdir(parents=True)
    shutil.copy(source / "Etc/GMT+2", folder / "America" / "Sao_Paulo")
    try:
        zoneinfo.reset_tzpath(to=[str(folder)])
        yield
    finally:
        zoneinfo.reset_tzpath()


async def test_old_time_zone_data_is_an_error(file: Path, tmp_path: Path) -> None:
    settings = settings_of(file)  # its store is in America/Sao_Paulo
    found = await current_status(settings)
    assert not [p for p in relay_line(found).problems if "time zone" in p.message]
    with old_zones(tmp_path / "zones"):
        found = await current_status(settings)
        checks = await examine(settings)
    [problem] = [p for p in relay_line(found).problems if "time zone" in p.message]
    assert "America/Sao_Paulo is older than 2019b" in problem.message
    assert [c.message for c in errors(checks, "relay")] == [problem.message]


async def test_a_disk_that_is_nearly_full_is_an_error(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(file)
    assert await disk_problems(settings) == []
    usage = shutil.disk_usage(file.parent)._replace(free=1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    [problem] = await disk_problems(settings)
    assert problem.message.startswith("disk: nearly full")
    assert_harmless(problem.hint)


@pytest.fixture
async def answering(way_in: WayIn) -> AsyncIterator[str]:
    """Serve the probes of a relay; return where it listens."""
    app = web.Application()
    context = ServiceContext(
        settings=Settings(),
        carriers=way_in.carriers,
        database=way_in.database,
        terms=ReaderTerms(Pace(), {}),
        clock=way_in.clock,
    )
    app[keys.SERVICES] = Services.build(context)
    app[keys.PROCESS] = Process(way_in.health)
    app[keys.INTAKE] = way_in.intake()
    app.add_routes(health_api.routes())
    async with TestServer(app) as server:
        yield f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_publisher_that_fails_is_an_error_with_its_last_good_moment(
    way_in: WayIn, answering: str
) -> None:
    path = way_in.database.path  # type: ignore[attr-defined]
    for made in path.parent.glob(f"{path.name}*"):
        made.chmod(0o600)
    settings = settings_of(path, listen=answering)
    good = await process_state(settings)
    assert (good.running, good.problems) == (True, ())
    assert good.last_good_at is not None
    way_in.health.expect("publisher", timedelta(minutes=5))
    way_in.health.failed("publisher", OSError())
    found = await current_status(settings)
    line = relay_line(found)
    assert not line.ok
    assert line.last_good_at is not None
    messages = [p.message for p in line.problems]
    assert messages == ["publisher: failing (OSError); see the log"]
    checks = errors(await examine(settings), "relay")
    assert [c.message for c in checks] == messages


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_relay_is_found_at_the_address_that_it_was_started_with(
    way_in: WayIn, answering: str
) -> None:
    path = way_in.database.path  # type: ignore[attr-defined]
    serving, restart = ServingNotes(way_in.database), ["database"]
    await serving.put(socket.gethostname(), answering, restart, way_in.clock())
    new = f"127.0.0.1:{unused_port()}"
    listen = f"listen (file {new}, running {answering})"
    message = f"settings changed that need a restart: {listen}, database"
    for made in path.parent.glob(f"{path.name}*"):
        made.chmod(0o600)
    line = relay_line(await current_status(settings_of(path, listen=new)))
    assert line.last_good == "was ready"
    assert [p.message for p in line.problems if p.level == "warning"] == [message]
    way_in.health.notes["settings"] = INVALID
    settings = settings_of(path, listen=answering)
    await serving.put(socket.gethostname(), answering, (), way_in.clock())
    (note,) = relay_line(await current_status(settings)).problems
    assert (note.level, note.hint) == ("warning", "correct it before a restart")
    invalid = InvalidSettings([SettingsProblem("foo", "unknown setting", "remove it")])
    found = with_invalid_settings(await current_status(settings), invalid)
    assert (found.ok, found.lines[0].last_good) == (False, "was ready")
    assert found.lines[0].problems[0].message == "foo: unknown setting"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_relay_of_another_database_is_an_error(
    file: Path, tmp_path: Path, answering: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(file, other / "relay.db")
    found = await process_state(settings_of(other / "relay.db", listen=answering))
    [problem] = found.problems
    assert "another database, or its lock file was removed" in problem.message
    assert "restart the relay" in problem.hint


async def test_a_port_that_another_program_has_is_an_error(file: Path) -> None:
    async with TestServer(web.Application()) as server:
        settings = settings_of(file, listen=f"127.0.0.1:{server.port}")
        [check] = errors(await examine(settings), "relay")
    assert "cannot bind to 127.0.0.1" in check.message
    assert "Address already in use" in check.message


def test_the_time_without_readiness_begins_with_the_first_failure() -> None:
    now = [100.0]
    health = Health(lambda: now[0])
    health.expect("reader", timedelta(seconds=30))
    assert health.not_ready_for() == timedelta(0)
    now[0] = 110
    health.report_problem("disk", "nearly full")
    now[0] = 120
    health.report_problem("disk", "nearly full")
    assert health.not_ready_for() == timedelta(seconds=10)
    health.failed("reader", OSError())
    assert health.not_ready_for() == timedelta(seconds=20)
    health.clear_problem("disk")
    health.succeeded("reader")
    assert health.not_ready_for() == timedelta(0)


class Program:
    """The command `relay` as a program, over one folder."""

    def __init__(self, folder: Path) -> None:
        environ = {n: v for n, v in os.environ.items() if not n.startswith("RELAY_")}
        self.options: dict[str, Any] = {
            "cwd": folder,
            "env": environ
            | {
                "RELAY_LISTEN": f"127.0.0.1:{unused_port()}",
                "RELAY_ACCOUNTS__STORE__APP_KEY": "key",
                "RELAY_ACCOUNTS__STORE__APP_TOKEN": "token",
                "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
                "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
            },
            "text": True,
        }

    def serve(self) -> subprocess.Popen[str]:
        """Start a relay, and wait until it listens."""
        command = [sys.executable, "-m", "relay", "serve"]
        started = subprocess.Popen(command, stderr=subprocess.PIPE, **self.options)
        assert started.stderr is not None
        assert any("listening" in line for line in started.stderr)
        return started

    def status(self, *arguments: str) -> Ran:
        folder, environ = self.options["cwd"], self.options["env"]
        return run_command(("status", *arguments), folder, environ)


def test_the_command_shows_a_relay_that_serves_stops_and_is_killed(
    tmp_path: Path,
) -> None:
    program = Program(tmp_path)
    served = program.serve()
    running = program.status()
    served.send_signal(signal.SIGTERM)
    served.communicate(timeout=30)
    stopped = program.status("--json")
    killed = program.serve()
    killed.kill()
    killed.communicate(timeout=30)
    left = program.status()
    assert running.returncode == 0, running.stdout + running.stderr
    assert [line.split(":")[0] for line in running.stdout.splitlines()[1:]] == [
        "ok     relay",
        "ok     vtex store",
        "ok     carrier swift",
    ]
    assert stopped.returncode == 1
    first = json.loads(stopped.stdout)["lines"][0]
    assert (first["ok"], first["lastGood"]) == (False, "stopped")
    assert left.returncode == 1
    assert "relay: was killed; it started 20" in left.stdout
    assert "start it: relay serve" in left.stdout


def test_settings_that_are_wrong_end_the_status_with_words(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.options["env"]["RELAY_LISTEN"] = "nowhere"
    ran = program.status()
    assert ran.returncode == 1
    assert "error: RELAY_LISTEN: must be host:port" in ran.stdout
    assert "not running" in ran.stdout


def test_sqlite_errors_without_a_code_are_explained_as_well() -> None:
    fault = fault_of(sqlite3.Error("odd words"))
    assert fault.problem == "odd words"
    assert_harmless(fault.hint)
