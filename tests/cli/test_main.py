"""The console script: its help, its errors, its exit codes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from relay.cli import main
from tests.cli.conftest import Cli
from tests.support.commands import Ran, run_command

Run = Callable[..., Ran]
SECONDS = 60


@pytest.fixture
def environ() -> dict[str, str]:
    return {n: v for n, v in os.environ.items() if not n.startswith("RELAY_")}


@pytest.fixture
def run(tmp_path: Path, environ: dict[str, str]) -> Run:
    def relay(*arguments: str, **more: str) -> Ran:
        given = environ | {f"RELAY_{n}": v for n, v in more.items()}
        return run_command(arguments, tmp_path, given)

    return relay


@pytest.fixture
def run_here(
    tmp_path: Path,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return a function like `run` that starts no process: for commands that end."""

    def relay(*arguments: str, **more: str) -> Ran:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["relay", *arguments])
            for name in os.environ.keys() - environ.keys():
                patch.delenv(name)
            for name, value in more.items():
                patch.setenv(f"RELAY_{name}", value)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(arguments, code, said.out, said.err)

    return relay


def test_help_names_every_command_and_imports_nothing_heavy(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    code = (
        "import sys, relay.cli; sys.argv = ['relay', '--help']\n"
        "try: relay.cli.main()\n"
        "finally: print({'aiohttp', 'pydantic', 'aiosqlite'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    for command in ("serve", "sandbox", "init", "demo", "doctor", "shipments"):
        assert command in ran.stdout
    assert ran.stdout.endswith("set()\n")


def test_a_file_of_settings_is_written_once(run_here: Run, tmp_path: Path) -> None:
    assert run_here("init").returncode == 0
    assert tomllib.loads((tmp_path / "relay.toml").read_text()) is not None
    again = run_here("init")
    assert again.returncode == 2
    assert "relay.toml: already exists" in again.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["shipments", "list"],
        ["accounts", "list"],
        ["documents", "show", "1"],
    ],
)
def test_a_wrong_setting_is_named_without_a_traceback(
    run_here: Run, command: list[str]
) -> None:
    ran = run_here(*command, PUBLISHER__QUIET_SECOND="3")
    assert ran.returncode == 2
    assert "RELAY_PUBLISHER__QUIET_SECOND" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", [["serve"], ["accounts", "list"]])
def test_a_database_that_cannot_be_opened_ends_the_process_with_words(
    run: Run, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "relay.db").write_bytes(b"nothing that SQLite ever wrote" * 100)
    ran = run(*command, LISTEN="127.0.0.1:0")
    assert ran.returncode == 2
    assert "cannot open relay.db: not a database (file is not a database)" in ran.stderr


def test_a_database_in_a_folder_that_does_not_exist_is_said_in_a_line(
    run: Run,
) -> None:
    ran = run("serve", LISTEN="127.0.0.1:0", DATABASE="sqlite:///missing/relay.db")
    assert ran.returncode == 2
    assert "cannot open missing/relay.db" in ran.stderr
    assert "check that its folder exists" in ran.stderr


def test_a_file_that_is_not_there_is_named(run_here: Run) -> None:
    ran = run_here("serve", "--config", "other.toml")
    assert ran.returncode == 2
    assert "other.toml" in ran.stderr


def test_what_is_not_there_is_said_in_a_line(run_here: Run, cli: Cli) -> None:
    assert cli("accounts", "list").exit_code != 0
    missing = run_here("shipments", "show", "x", DATABASE=f"sqlite:///{cli.file}")
    assert missing.returncode == 2
    assert "does not exist" in missing.stderr


@pytest.mark.usefixtures("ids")
def test_an_unknown_shipment_is_no_traceback(run_here: Run, cli: Cli) -> None:
    ran = run_here("shipments", "show", "x", DATABASE=f"sqlite:///{cli.file}")
    assert ran.returncode == 1
    line = (
        "no shipment has this id, order or tracking number; "
        "`relay shipments list` shows them\n"
    )
    assert ran.stderr == line


@pytest.mark.usefixtures("ids")
def test_an_error_names_its_field(run_here: Run, cli: Cli) -> None:
    database = f"sqlite:///{cli.file}"
    ran = run_here("lists", "unmatched", "--contract", "zzz", DATABASE=database)
    assert ran.returncode == 1
    assert ran.stderr == "contract: 'zzz' is not configured; configured: none\n"


@pytest.mark.usefixtures("ids")
def test_a_table_in_a_pipe_is_wide_unless_told_otherwise(
    run: Run, cli: Cli, environ: dict[str, str]
) -> None:
    environ.pop("COLUMNS", None)
    ran = run("shipments", "list", DATABASE=f"sqlite:///{cli.file}")
    assert ran.returncode == 0
    assert max(map(len, ran.stdout.splitlines())) > 80


@pytest.fixture
def started(
    tmp_path: Path, environ: dict[str, str]
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a command, which is stopped afterwards."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "relay", *arguments],
            cwd=tmp_path,
            env=environ | {f"RELAY_{n}": v for n, v in more.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=SECONDS)


def test_a_sandbox_says_where_it_listens_and_stops_when_told(
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    process = started("sandbox", "--port", "0", "--mode", "append", "--latency-ms", "1")
    assert process.stdout is not None
    assert re.match(r"sandbox listening on http://127", process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


def test_a_relay_serves_until_it_is_told_to_stop(
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    process = started("serve", LISTEN="127.0.0.1:0", LOG__FORMAT="json")
    assert process.stdout is not None
    said = iter(process.stdout.readline, "")
    assert any("listening" in line for line in said)
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    lines = list(map(json.loads, said))
    stopping = {x.get("process"): x["died"] for x in lines if x["event"] == "stopping"}
    assert stopping == {None: [], "intake": [], "worker": []}  # None: the supervisor
    stopped = [x for x in lines if x["event"] == "stopped"]
    assert [x.get("process") for x in stopped] == ["intake", "worker", None]
    assert 0 <= stopped[-1]["seconds"] < SECONDS


def test_a_relay_without_settings_says_what_is_missing(
    run: Run, started: Callable[..., subprocess.Popen[str]]
) -> None:
    assert run("init").returncode == 0
    process = started("serve", LISTEN="127.0.0.1:0", LOG__FORMAT="json")
    assert process.stdout is not None
    said = map(json.loads, iter(process.stdout.readline, ""))
    warnings = [next(line for line in said if line["level"] == "warning")]
    warnings += [next(said)]
    assert "no accounts configured" in warnings[0]["event"]
    assert "no contracts configured" in warnings[1]["event"]
    assert "relay init" in warnings[1]["hint"]


@pytest.mark.parametrize(
    ("command", "code"), [(["sandbox", "--port"], 1), (["serve"], 2)]
)
def test_a_port_that_is_taken_is_said_in_a_line(
    run: Run, command: list[str], code: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = [port] if command[0] == "sandbox" else []
        ran = run(*command, *options, LISTEN=f"127.0.0.1:{port}")
    assert ran.returncode == code
    assert f"127.0.0.1:{port}" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_host_that_is_not_there_is_said_in_a_line(run_here: Run) -> None:
    ran = run_here("sandbox", "--host", "203.0.113.1", "--port", "0")
    assert ran.returncode == 1
    assert ran.stderr.startswith("cannot bind to 203.0.113.1:0")


def test_a_hangup_has_settings_loaded_anew(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    (tmp_path / "relay.toml").write_text('listen = "127.0.0.1:0"\n')
    process = started("serve", LOG__FORMAT="json")
    assert process.stdout is not None
    said = iter(process.stdout.readline, "")
    assert any("listening" in line for line in said)
    (tmp_path / "relay.toml").write_text("lissten = 1\n")
    for _ in range(2):  # a change that was seen is not looked at again by itself
        process.send_signal(signal.SIGHUP)
        assert any("lissten" in line for line in said)
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


def test_the_version_is_that_of_the_package(run_here: Run) -> None:
    ran = run_here("--version")
    assert ran.stdout == f"relay {version('carrier-tracking-relay')}\n"
