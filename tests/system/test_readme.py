"""README's lines, run as they stand there."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.lacking import lacking

README = Path(__file__).parents[2] / "README.md"
PORTS = (8990, 8080)
PATIENCE = 60.0


def block(name: str) -> str:
    """Return the shell lines under the marker *name*."""
    found = re.search(
        rf"<!-- {name} -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL
    )
    assert found is not None, f"README.md has no lines under {name!r}"
    return found[1]


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def first_connection(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    for program in ("curl", "openssl", "bash"):
        if shutil.which(program) is None:
            lacking(f"{program} is not installed")
    for port in PORTS:
        if taken(port):
            lacking(f"port {port} is taken on this machine")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RELAY_")}
    lines = f"{block('first connection')}\n{block('stop')}"
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def answers(output: str) -> list[Any]:
    """Return the JSON objects among the lines."""
    return [json.loads(line) for line in output.splitlines() if line[:1] == "{"]


@pytest.mark.xdist_group("ports")
def test_the_first_real_connection_delivers_an_order(
    first_connection: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    output, _ = first_connection.communicate(timeout=PATIENCE)
    assert first_connection.returncode == 0, "README's lines failed"
    given = answers(output.decode())
    [order] = next(one["orders"] for one in given if "orders" in one)
    [invoice] = order["invoices"]
    assert invoice["trackingNumber"] == "QQ123456785BR"
    assert invoice["courierStatus"]["finished"]
    published = [event["description"] for event in invoice["courierStatus"]["data"]]
    assert len(published) == 3
    assert "Etiqueta emitida" in published
    assert given[-1]["writes"]
    # A page after this one starts clean.
    assert not any(taken(port) for port in PORTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv"]


def test_the_promised_commands_are_there() -> None:
    assert "relay demo" in block("demo")
    assert "pytest" in block("tests")
