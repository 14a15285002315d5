"""The pages under docs/: their lines run as they stand, and they name what is there."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from carriers.generic.options import Options
from relay.api import openapi
from relay.api.application import OPERATIONS
from relay.cli import LazyCommand, app
from relay.config.contract import ContractSettings
from relay.config.environment import from_environment
from relay.config.schema import TABLES, keys, model_at
from relay.domain.events import Effect, Milestone, Reason
from relay.metrics import Metrics
from tests.support.lacking import lacking

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS, *sorted((ROOT / "docs" / "pt").glob("*.md"))]
SHELL = ["bash", "-euo", "pipefail"]
PATIENCE = 60.0
CONTRACT_TEST = "contract test"

BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[ (`/])relay ([a-z-][^\n`|;&)]*)", re.MULTILINE)
VARIABLE = re.compile(r"\bRELAY_[A-Z0-9_]+\b")
ROUTE = re.compile(r"(/v1/[\w/{}$().-]*\w[})]?|/(?:healthz|readyz|metrics)\b)")
SETTINGS = re.compile(r"<<'TOML'\n(.*?)^TOML$", re.DOTALL | re.MULTILINE)
METRIC = re.compile(r"\brelay_[a-z_]+\b")
PORT = re.compile(r"(?:localhost|127\.0\.0\.1):(\d+)")

ALONE = pytest.mark.xdist_group("ports")
"""The pages name ports: README's and these are not for two workers at once."""


def executed(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs the lines of the pages run."""
    return pytest.mark.slow(ALONE(test))


every_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(ROOT))
)


@dataclass(frozen=True)
class Block:
    """Fenced lines with the mark above them."""

    mark: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of *page*, in order."""
    return [
        Block(m["mark"] or "", m["language"], m["text"])
        for m in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def code(page: Path) -> str:
    """Return everything of *page* that is set as code, a line each."""
    text = page.read_text(encoding="utf-8")
    fenced = [b.text for b in blocks(page) if b.language != "python"]
    return "\n".join([*fenced, *INLINE.findall(BLOCK.sub("", text))])


def script(page: Path) -> str:
    """Return what *page* says to run, as one script."""
    lines = []
    for number, block in enumerate(b for b in blocks(page) if b.mark == "run"):
        if block.language == "python":
            end = f"PYTHON_{number}"
            lines.append(f".venv/bin/python - <<'{end}'\n{block.text}{end}\n")
        else:
            lines.append(block.text)
    return "".join(lines)


@dataclass(frozen=True)
class Ran:
    """What became of a page's lines, whose programs are still running."""

    folder: Path
    output: str

    def relay(self, *arguments: str) -> Any:
        """Return what a command of the relay answers in JSON."""
        command = [".venv/bin/relay", *arguments, "--json"]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
        return json.loads(done.stdout)


def environment() -> dict[str, str]:
    """Return the environment without settings, and without the tests' coverage."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("RELAY_", "COV"))}


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@dataclass(frozen=True)
class Running:
    """Lines at work in a folder; what they started dies with their session."""

    folder: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, folder: Path, lines: str, **more: str) -> "Running":
        """Start *lines*; their output goes to files."""
        folder.joinpath(".venv").symlink_to(sys.prefix)
        with (
            (folder / "output").open("wb") as out,
            (folder / "errors").open("wb") as err,
        ):
            process = subprocess.Popen(
                [*SHELL, "-c", lines],
                cwd=folder,
                env=environment() | more,
                start_new_session=True,
                stdout=out,
                stderr=err,
            )
        return cls(folder, process)

    def ended(self) -> Ran:
        """Wait for the lines, which must not fail."""
        failed = self.process.wait(PATIENCE)
        said, errors = (
            (self.folder / name).read_text(encoding="utf-8", errors="replace")
            for name in ("output", "errors")
        )
        assert not failed, f"{said}\n{errors}"
        return Ran(self.folder, said)

    def kill(self) -> None:
        """End what is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Running]]:
    """Start the lines of all pages at once: most of their time they wait."""
    for program in ("bash", "curl"):
        if shutil.which(program) is None:
            lacking(f"{program} is not installed")
    lines = {page.name: script(page) for page in DOCS}
    taken = [p for p in set(PORT.findall("".join(lines.values()))) if not free(int(p))]
    if taken:
        lacking(f"port {taken[0]} is taken on this machine")
    started = {
        name: Running.start(tmp_path_factory.mktemp("page"), text)
        for name, text in lines.items()
        if text
    }
    started[CONTRACT_TEST] = start_contract_test(tmp_path_factory.mktemp("adapter"))
    try:
        yield started
    finally:
        for one in started.values():
            one.kill()


def start_contract_test(folder: Path) -> Running:
    """Run the contract test on the adapter that the page writes."""
    for name in ("carriers", "tests/carriers"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    (folder / "relay").symlink_to(ROOT / "relay")
    shutil.copy(ROOT / "pyproject.toml", folder)
    found = blocks(ROOT / "docs" / "add-a-carrier.md")
    for block in found:
        if block.mark.startswith("file: "):
            path = folder / block.mark.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    [command] = [b.text for b in found if b.mark == CONTRACT_TEST]
    more = {"PYTHONPATH": str(folder), "PYTEST_ADDOPTS": "-n 0"}
    return Running.start(folder, command, **more)


def published(port: int) -> list[Any]:
    """Return the writes that the sandbox accepted."""
    address = f"http://127.0.0.1:{port}/sandbox/writes"
    with urllib.request.urlopen(address, timeout=5) as answer:
        found: list[Any] = json.load(answer)["writes"]
    return found


@executed
def test_the_quickstart_delivers_an_order(running: Mapping[str, Running]) -> None:
    ran = running["quickstart.md"].ended()
    assert "no errors" in ran.output
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        order = ("--order", "1172452900788-01")
        [shipment] = ran.relay("shipments", "list", *order)["shipments"]
        if shipment["state"] == "delivered":
            break
        time.sleep(0.5)
    else:
        pytest.fail(f"the shipment is {shipment['state']}: {shipment['why']}")
    assert published(8991)


@executed
def test_the_sandbox_plays_a_carrier_that_is_asked(
    running: Mapping[str, Running],
) -> None:
    ran = running["quickstart.md"].ended()
    assert "POST   /sandbox/faults" in ran.output
    assert '"kind": "outage"' in ran.output
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        events = ran.relay("shipments", "show", "VAN0001")["timeline"]["events"]
        if events:
            break
        time.sleep(0.5)
    assert [event["carrierCode"] for event in events] == ["in_transit"]


@executed
def test_the_erp_gets_the_answers_that_its_page_shows(
    running: Mapping[str, Running],
) -> None:
    ran = running["connect-your-erp.md"].ended()
    given = [stable(answer) for answer in answers(ran.output)]
    page = ROOT / "docs" / "connect-your-erp.md"
    shown = [json.loads(b.text) for b in blocks(page) if b.mark == "answer"]
    assert shown
    for answer in shown:
        assert stable(answer) in given
    assert "check this" not in ran.output
    assert "2 new, 0 already known, 0 refused" in ran.output
    shipments = ran.relay("shipments", "list")["shipments"]
    states = {s["invoiceNumber"]: s["state"] for s in shipments}
    assert states["000030712"] == "cancelled"
    assert states["000030714"] == "awaiting_number"


def answers(output: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects among the lines of *output*."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def stable(answer: Any) -> Any:
    """Leave out what is another each time."""
    if isinstance(answer, list):
        return [stable(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    return {k: stable(v) for k, v in answer.items() if k not in {"id", "shipment"}}


PROBLEM = {"title": "Unauthorized", "detail": "no token", "hint": "send one"}


@pytest.mark.parametrize(
    ("status", "kind", "body", "said"),
    [
        (401, "application/problem+json", json.dumps(PROBLEM), "no token -> send one"),
        (502, "text/html", "<h1>Bad Gateway</h1>", "send it again later: <h1>Bad"),
        (404, "text/html", "<h1>Not Found</h1>", "404 <h1>Not Found"),
        (None, "", "", "send it again later: "),
    ],
)
def test_the_erp_of_the_docs_understands_every_answer(
    status: int | None, kind: str, body: str, said: str
) -> None:
    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if status is not None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body.encode())

    page = ROOT / "docs" / "connect-your-erp.md"
    [sample] = [b.text for b in blocks(page) if b.language == "python"]
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        serving = Thread(target=server.handle_request)
        serving.start()
        sample = sample.replace(":8082", f":{server.server_port}")
        command = [sys.executable, "-c", sample]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        serving.join(PATIENCE)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


@executed
def test_an_erp_that_knows_only_vtex_is_answered_and_published(
    running: Mapping[str, Running],
) -> None:
    ran = running["vtex-endpoint.md"].ended()
    answered = [a for a in answers(ran.output) if "receipt" in a]
    assert len(answered) == 3
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [one["kind"] for one in published(8996)]
        if "put" in found:
            break
        time.sleep(0.5)
    assert found[:3] == ["post", "patch", "put"]


@executed
def test_a_parcel_is_found_without_a_call_of_the_erp(
    running: Mapping[str, Running],
) -> None:
    ran = running["find-parcels-in-vtex.md"].ended()
    [account] = ran.relay("discovery")["accounts"]
    assert (account["feed"]["problem"], account["hook"]["problem"]) == (None, None)
    [order] = account["orders"]
    assert (order["orderId"], order["outcome"]) == ("1172452900790-01", "registered")
    [shipment] = ran.relay("shipments", "list")["shipments"]
    assert shipment["trackingNumber"] == "QQ123456785BR"


@executed
def test_an_operator_gets_a_backup_that_is_a_database(
    running: Mapping[str, Running],
) -> None:
    ran = running["operate.md"].ended()
    [made] = ran.folder.glob("backups/relay-*.db")
    with closing(sqlite3.connect(made)) as backup:
        assert backup.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert backup.execute("SELECT count(*) FROM shipments").fetchall() == [(0,)]


@executed
def test_the_adapter_of_the_docs_passes_the_contract_test(
    running: Mapping[str, Running],
) -> None:
    ran = running[CONTRACT_TEST].ended()
    assert re.search(r"\b\d{2,} passed", ran.output)
    assert "failed" not in ran.output


@executed
def test_the_settings_of_the_docs_read_the_same_carrier(
    running: Mapping[str, Running],
) -> None:
    output = running["add-a-carrier.md"].ended().output
    assert "delivered" in output
    assert "RC000000001BR" in output
    assert "receiver" in output


@executed
def test_the_second_carrier_of_the_docs_calls_and_is_asked(
    running: Mapping[str, Running],
) -> None:
    output = " ".join(running["add-a-carrier.md"].ended().output.split())
    assert "Events.Data.receiver" in output
    assert "2026-05-20 00:47 05-19 18:47 delivered" in output
    assert "delivery_failed recipient_absent 3005.0" in output
    page = ROOT / "docs" / "add-a-carrier.md"
    [shown] = [b.text for b in blocks(page) if b.language == "text"]
    for line in shown.splitlines():
        assert " ".join(line.split()) in output


@pytest.mark.parametrize("words", [Milestone, Reason, Effect])
def test_the_glossary_has_every_word_that_a_code_can_mean(
    words: type[StrEnum],
) -> None:
    page = ROOT / "docs" / "glossary.md"
    assert set(words) <= set(INLINE.findall(page.read_text(encoding="utf-8")))


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of *page*, as GitHub makes them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@every_page
def test_every_command_is_there(page: Path) -> None:
    for words in COMMAND.findall(code(page)):
        check_command(words.split(), page.name)


def check_command(words: list[str], page: str) -> None:
    """Follow *words* through the command line, options included."""
    command: Any = get_command(app)
    path: list[str] = []
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        path.append(words.pop(0))
        assert path[-1] in command.commands, f"{page}: no `relay {' '.join(path)}`"
        command = command.commands[path[-1]]
    if isinstance(command, LazyCommand):
        command = command.load()
    assert helps(tuple(path)), f"{page}: relay {' '.join(path)}"
    known = {"--help"}.union(*(parameter.opts for parameter in command.params))
    for word in words:
        if word.startswith("--"):
            assert word in known, f"{page}: relay {' '.join(path)} {word}"


@cache
def helps(path: tuple[str, ...]) -> bool:
    """Whether a command shows its help."""
    return CliRunner().invoke(app, [*path, "--help"]).exit_code == 0


@every_page
def test_every_variable_is_a_setting(page: Path) -> None:
    for name in VARIABLE.findall(page.read_text(encoding="utf-8")):
        found = from_environment({name: '{"x": 1}'})
        assert not found.findings, f"{page.name}: {found.findings}"


@every_page
def test_every_setting_is_there(page: Path) -> None:
    for path in named_keys(page):
        model = model_at(path[:-1])
        assert model is not None, f"{page.name}: {'.'.join(path)}"
        known = keys(model)
        if model is ContractSettings:
            known |= Options.model_fields.keys()
        assert path[-1] in known, f"{page.name}: {'.'.join(path)}"


def named_keys(page: Path) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the settings that *page* names."""
    for text in INLINE.findall(page.read_text(encoding="utf-8")):
        if re.fullmatch(r"(log|intake|publisher|ages)\.[a-z_]+", text):
            yield tuple(text.split("."))
        if re.fullmatch(r"(accounts|contracts|tokens)\.[a-z]+\.[a-z_]+", text):
            yield tuple(text.split("."))
    for block in blocks(page):
        files = SETTINGS.findall(block.text)
        own = [block.text] if block.language == "toml" else []
        for text in [*files, *(t for t in own if not block.mark)]:
            yield from paths(tomllib.loads(text))


def paths(table: Mapping[str, Any], where: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the paths of the keys in *table* that are no tables of settings."""
    for key, value in table.items():
        path = (*where, key)
        named = path[0] in TABLES and len(path) <= 2
        if isinstance(value, dict) and (named or model_at(path) is not None):
            yield from paths(value, path)
        else:
            yield path


@every_page
def test_every_route_is_described(page: Path) -> None:
    described = openapi.document(OPERATIONS)["paths"]
    known = [re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in described]
    for route in ROUTE.findall(code(page)):
        assert any(k.fullmatch(route) for k in known), f"{page.name}: {route}"


@every_page
def test_every_metric_is_counted(page: Path) -> None:
    counted = Metrics().text().decode()
    for name in METRIC.findall(code(page)):
        series = re.sub(r"_(bucket|count|sum)$", "", name)
        assert any(f"# HELP {n} " in counted for n in (name, series)), (
            f"{page.name}: {name}"
        )
