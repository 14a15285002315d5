"""What is acknowledged was synced to disk before, by the order of system calls."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from carriers.melhorenvio.sandbox import Simulator
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan
from tests.support.lacking import lacking
from tests.system.kills.durability import unsafe
from tests.system.kills.processes import (
    RELAY,
    SECRET,
    Program,
    account,
    relay_program,
    running,
)
from tests.system.kills.strace import calls

Spelled = tuple[str, bytes, dict[str, str]]
Spelling = Callable[[str], Spelled]
"""Makes a path, a body and headers of a marker."""
CONNECTIONS: Final = 5
BODIES_EACH: Final = 8
TRACED: Final = (
    "read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"
)
LONGEST: Final = "8192"
"""Bytes of a text that are traced: a page and a request fit in."""
SPOILED: Final = (sys.executable, "-m", "tests.system.kills.spoiled")
NO_VTEX: Final = "http://127.0.0.1:9"
"""These tests publish nothing."""


@pytest.fixture(scope="module")
def strace() -> str:
    """Find strace; skip where it cannot be used, fail where all tests must run."""
    why = "strace is not installed"
    if program := shutil.which("strace"):
        command = (program, "-f", "-o", os.devnull, sys.executable, "-c", "")
        tried = subprocess.run(command, capture_output=True, check=False)
        if tried.returncode == 0:
            return program
        why = f"strace may not trace: {tried.stderr.decode(errors='replace').strip()}"
    return lacking(why)


def test_what_the_relay_acknowledges_is_on_disk_before(
    strace: str, tmp_path: Path
) -> None:
    assert asyncio.run(unsafe_of(strace, tmp_path, RELAY)) == {}


def test_an_invoice_that_the_relay_acknowledges_is_on_disk_before(
    strace: str, tmp_path: Path
) -> None:
    assert asyncio.run(unsafe_of(strace, tmp_path, RELAY, invoice)) == {}


@pytest.mark.slow
def test_a_relay_that_does_not_sync_is_noticed(strace: str, tmp_path: Path) -> None:
    found = asyncio.run(unsafe_of(strace, tmp_path, (*SPOILED, "normal")))
    assert set(found.values()) == {"answered before it was synced"}
    assert len(found) == CONNECTIONS * BODIES_EACH


@pytest.mark.slow
def test_a_relay_that_answers_before_the_commit_is_noticed(
    strace: str, tmp_path: Path
) -> None:
    found = asyncio.run(unsafe_of(strace, tmp_path, (*SPOILED, "early")))
    assert "answered before it was written" in found.values()


async def unsafe_of(
    strace: str, folder: Path, command: Sequence[str], spell: Spelling | None = None
) -> dict[bytes, str]:
    """Send requests to a traced relay; return those it answered for too early.

    They are webhooks, unless *spell* makes something else of a marker.
    """
    trace = folder / "trace"
    options = ("-f", "-y", "-s", LONGEST, "-o", str(trace), "-e", f"trace={TRACED}")
    traced = relay_program(
        folder, account("store", NO_VTEX), (strace, *options, *command)
    )
    async with running(traced):
        acknowledged = await load(traced, spell or webhook)
    assert len(acknowledged) == CONNECTIONS * BODIES_EACH
    with trace.open(encoding="ascii") as lines:
        relevant = [call for call in calls(lines) if call.file]
    return unsafe(relevant, acknowledged)


async def load(relay: Program, spell: Spelling) -> list[bytes]:
    """Send distinct bodies on several connections; return what was acknowledged."""
    sent = [
        [f"mark-{connection}-{number}-end" for number in range(BODIES_EACH)]
        for connection in range(CONNECTIONS)
    ]
    acknowledged = await asyncio.gather(
        *(send(relay, markers, spell) for markers in sent)
    )
    return [marker.encode() for markers in acknowledged for marker in markers]


async def send(relay: Program, markers: Sequence[str], spell: Spelling) -> list[str]:
    """Send bodies one after the other on one connection."""
    acknowledged = []
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(relay.url, connector=connector) as session:
        for marker in markers:
            path, body, headers = spell(marker)
            async with session.post(path, data=body, headers=headers) as response:
                if response.ok:
                    acknowledged.append(marker)
    return acknowledged


def webhook(marker: str) -> Spelled:
    """Spell and sign a scan of a parcel that is called *marker*."""
    scan = SimulatedScan(
        SimulatedParcel("1500000000001-01", marker), "order.posted", datetime.now(UTC)
    )
    staged = Simulator().webhook(scan, SECRET)
    return "/webhooks/me", staged.body, dict(staged.headers)


def invoice(marker: str) -> Spelled:
    """Spell an invoice that has *marker* as its number."""
    fields = {
        "orderId": "1500000000001-01",
        "invoiceNumber": marker,
        "invoiceValue": "100",
        "issuanceDate": datetime.now(UTC).isoformat(),
        "items": [{"id": "1", "price": 100, "quantity": 1}],
    }
    headers = {"Content-Type": "application/json"}
    return "/v1/invoices", json.dumps(fields).encode(), headers
