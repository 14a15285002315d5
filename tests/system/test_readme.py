"""README's lines, run as they stand there."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lacking import lacking

README = Path(__file__).parents[2] / "README.md"
SANDBOX = "http://127.0.0.1:8990"
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
    for port in (8990, 8080):
        if taken(port):
            lacking(f"port {port} is taken on this machine")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RELAY_")}
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", block("first connection") + "\nwait"],
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    yield process
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(PATIENCE)


def orders() -> list[Any]:
    address = f"{SANDBOX}/sandbox/orders"
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 -- ours
        found: list[Any] = json.load(answer)["orders"]
    return found


def shown(process: subprocess.Popen[bytes]) -> Any:
    """Return the invoice once VTEX shows its delivery."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "README's lines failed"
        try:
            invoice = orders()[0]["invoices"][0]
        except (OSError, IndexError):
            invoice = {}
        if (invoice.get("courierStatus") or {}).get("finished"):
            return invoice
        time.sleep(0.2)
    pytest.fail("the delivery was not published to VTEX")


@pytest.mark.xdist_group("ports")
def test_the_first_real_connection_delivers_an_order(
    first_connection: subprocess.Popen[bytes],
) -> None:
    invoice = shown(first_connection)
    assert invoice["trackingNumber"] == "QQ123456785BR"
    published = [event["description"] for event in invoice["courierStatus"]["data"]]
    assert len(published) == 3
    assert "Etiqueta emitida" in published


def test_the_promised_commands_are_there() -> None:
    assert "relay demo" in block("demo")
    assert "pytest" in block("tests")
