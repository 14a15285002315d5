"""The demo's two processes, started, killed and stopped by their own id."""

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

from relay.demo.plan import WEBHOOK, Speaker

ACCOUNT: Final = "demo"
LOOPBACK: Final = "127.0.0.1"
STOP_SECONDS: Final = 15.0
TAIL_LINES: Final = 15


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


@dataclass(slots=True)
class Program:
    """One process of ours; what it says goes into a file of its own."""

    name: str
    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: Process | None = None

    async def start(self) -> None:
        """Start it, with nothing but the environment to tell it what to do."""
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
        """The file that holds what it says."""
        return self.folder / f"{self.name}.log"

    def check(self) -> None:
        """Raise `DemoFailed` if it has ended by itself."""
        code = self.process.returncode if self.process else None
        if code is not None:
            raise DemoFailed(f"the {self.name} ended with {code}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines it wrote."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    async def kill(self) -> None:
        """Kill it as `kill -9` does."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def stop(self) -> None:
        """Ask it to stop, and kill it if it does not."""
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
    """Return *environ* without the settings of another relay."""
    return {n: v for n, v in environ.items() if not n.upper().startswith("RELAY_")}


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
    return port


def environment(
    folder: Path, relay: str, sandbox: str, cast: Iterable[Speaker], token: str
) -> dict[str, str]:
    """Return the settings of the demo's relay: short waits, a contract per carrier.

    *relay* is the host and port to listen at, *sandbox* the address of the other.
    """
    settings = {
        "DATABASE": f"sqlite:///{folder / 'relay.db'}",
        "LISTEN": relay,
        "LOG__FORMAT": "json",
        "TOKENS__DEMO__TOKEN": token,
        "TOKENS__DEMO__SCOPES": "erp,operator,metrics",
    }
    account = f"ACCOUNTS__{ACCOUNT.upper()}"
    settings |= {f"{account}__{key}": v for key, v in _account(sandbox).items()}
    settings |= {f"PUBLISHER__{n}_SECONDS": v for n, v in WAITS.items()}
    for carrier in cast:
        contract = f"CONTRACTS__{carrier.contract.upper()}"
        terms = _terms(carrier)
        settings |= {f"{contract}__{key.upper()}": v for key, v in terms.items()}
    return {f"RELAY_{name}": value for name, value in settings.items()}


def _account(sandbox: str) -> dict[str, str]:
    """Return the settings of the store, which the sandbox plays."""
    return {
        "APP_KEY": "sandbox-key",
        "APP_TOKEN": "sandbox-token",
        "BASE_URL": f"{sandbox}/vtex/{ACCOUNT}",
        "REQUESTS_PER_SECOND": "50",
        "BURST": "50",
        "IN_FLIGHT": "8",
    }


def _terms(carrier: Speaker) -> dict[str, str]:
    """Return the settings of a carrier's contract, by the doors that it has."""
    adapter = {"adapter": carrier.adapter}
    if carrier.channel == WEBHOOK:
        return adapter | {"secret": carrier.secret, "poll": "false"}
    return {"poll_spacing_seconds": "0"} | dict(carrier.settings) | adapter


WAITS: Final = {
    "QUIET": "0.3",
    "NEWS_WAIT": "1",
    "LOOK_ROUND": "0.2",
    "NOT_YET": "1",
    "UNAVAILABLE": "0.5",
    "OUTAGE_PROBE": "1",
    "GATE": "1",
    "UNCONFIRMED_WAIT": "3",
    "READ_BACK_AGAIN": "3",
}
"""Everything that takes minutes in real life takes seconds here."""
