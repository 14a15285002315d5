"""The demo's two processes and the settings of its relay."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from relay.demo.plan import ACCOUNT, APPENDING, WEBHOOK, DemoCarrier

LOOPBACK: Final = "127.0.0.1"
STOP_SECONDS: Final = 15.0
TAIL_LINES: Final = 15


class DemoFailed(Exception):
    """The demo cannot continue; the message says why."""


@dataclass(slots=True)
class Program:
    """One `relay` process; its output goes to a log file."""

    name: str
    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: Process | None = None

    async def start(self) -> None:
        """Start the process, configured by environment variables only."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "relay",
                *self.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=inherited(os.environ) | dict(self.environment),
            )

    @property
    def log(self) -> Path:
        """The log file."""
        return self.folder / f"{self.name}.log"

    def check(self) -> None:
        """Raise `DemoFailed` with the end of the log if the process has exited."""
        code = self.process.returncode if self.process else None
        if code is not None:
            raise DemoFailed(f"{self.name}: exited with code {code}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    async def kill(self) -> None:
        """Send SIGKILL, as `kill -9` does."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def stop(self) -> None:
        """Send SIGTERM; send SIGKILL after `STOP_SECONDS`."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            await self.kill()


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return *environ* without the settings of any other relay."""
    return {n: v for n, v in environ.items() if not n.upper().startswith("RELAY_")}


def free_port() -> int:
    """Return a port that is free at this moment."""
    # Another process could take it before ours binds; the start then fails visibly.
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
    return port


def environment(
    folder: Path, relay: str, sandbox: str, carriers: Iterable[DemoCarrier], token: str
) -> dict[str, str]:
    """Return the variables of the demo's relay: short waits, a contract per carrier.

    *relay* is the host and port to bind to, *sandbox* the URL of the sandbox.
    """
    settings = {
        "DATABASE": f"sqlite:///{folder / 'relay.db'}",
        "LISTEN": relay,
        "LOG__FORMAT": "json",
        "TOKENS__DEMO__TOKEN": token,
        "TOKENS__DEMO__SCOPES": "erp,operator,metrics",
    }
    for name in (ACCOUNT, APPENDING):
        table = f"ACCOUNTS__{name.upper()}"
        terms = _account(f"{sandbox}/vtex/{name}")
        settings |= {f"{table}__{key}": v for key, v in terms.items()}
    settings |= {f"PUBLISHER__{n}_SECONDS": v for n, v in WAITS.items()}
    for carrier in carriers:
        contract = f"CONTRACTS__{carrier.contract.upper()}"
        terms = _contract(carrier)
        settings |= {f"{contract}__{key.upper()}": v for key, v in terms.items()}
    return {f"RELAY_{name}": value for name, value in settings.items()}


def _account(url: str) -> dict[str, str]:
    """Return the settings of an account at its address in the sandbox."""
    return {
        "APP_KEY": "sandbox-key",
        "APP_TOKEN": "sandbox-token",
        "BASE_URL": url,
        "ADOPT_INVOICE_NUMBER": "true",
        "REQUESTS_PER_SECOND": "50",
        "BURST": "50",
        "IN_FLIGHT": "8",
    }


def _contract(carrier: DemoCarrier) -> dict[str, str]:
    """Return the settings of a carrier's contract, for its channels."""
    accounts = {"account": ACCOUNT, "accounts": f"{ACCOUNT},{APPENDING}"}
    adapter = {"adapter": carrier.adapter} | accounts
    if carrier.channel == WEBHOOK:
        return adapter | {"secret": carrier.secret, "poll": "false"}
    return {"poll_spacing_seconds": "0"} | dict(carrier.settings) | adapter


WAITS: Final = {
    "QUIET": "0.3",
    "EVENTS_WAIT": "1",
    "DUE_CHECK": "0.2",
    "NOT_YET": "1",
    "UNAVAILABLE": "0.5",
    "OUTAGE_PROBE": "1",
    "GATE": "1",
    "UNCONFIRMED_WAIT": "3",
    "READ_BACK_AGAIN": "3",
}
"""Waits of minutes in production take seconds here."""
