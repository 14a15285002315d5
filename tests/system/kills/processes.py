"""The relay and the sandbox as real processes, started and killed by their ids."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

ROOT: Final = Path(__file__).parents[3]
RELAY: Final = (sys.executable, "-m", "relay", "serve")
SANDBOX: Final = (sys.executable, "-m", "relay", "sandbox", "--port")
SECRET: Final = "secret-of-the-carrier"
STARTS_WITHIN: Final = 30.0
STOPS_WITHIN: Final = 20.0


class NotReady(Exception):
    """A program ended by itself, or did not serve in time."""


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def clean_environment() -> dict[str, str]:
    """Return the variables of this process but those that steer relays and tests.

    What is killed leaves no record of its coverage, and would only be slower.
    """
    foreign = ("RELAY_", "COV", "PYTEST")
    own = {n: v for n, v in os.environ.items() if not n.startswith(foreign)}
    return own | {"PYTHONPATH": str(ROOT)}


@dataclass
class Program:
    """One program on one port; `ready_at` is the path that it answers when it serves.

    It has a process group of its own, so that what traces it ends with it.
    """

    command: Sequence[str]
    port: int
    ready_at: str
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address that it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The file that takes its output."""
        return self.folder / f"{self.port}.log"

    def start(self) -> None:
        """Start it, after whatever ran before has ended."""
        assert self.process is None, "it runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=clean_environment() | dict(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self, within: float = STARTS_WITHIN) -> None:
        """Wait until it answers; raise `NotReady` with the end of its log."""
        try:
            async with asyncio.timeout(within), aiohttp.ClientSession() as session:
                while not await self._answers(session):
                    self._check_alive()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise NotReady(f"no answer in {within} s: {self._last_words()}") from None

    def kill(self) -> None:
        """End it with `kill -9`; raise `NotReady` if it ended by itself before."""
        self._check_alive()
        self._end(signal.SIGKILL)

    def kill_one(self, number: int) -> None:
        """Kill one of its processes, by id; raise `NotReady` if it has ended."""
        self._check_alive()
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        if self.process is not None and number == self.process.pid:
            process, self.process = self.process, None
            process.wait(STOPS_WITHIN)

    def children(self) -> list[int]:
        """Return the ids of the processes that it has started."""
        assert self.process is not None
        number = self.process.pid
        found = Path(f"/proc/{number}/task/{number}/children")
        return [int(child) for child in found.read_text().split()]

    def stop(self) -> int:
        """Ask it to end; return its exit code. It is killed if it does not."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.poll() is None:
            os.killpg(process.pid, number)
        try:
            return process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait(STOPS_WITHIN)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self.url + self.ready_at) as response:
                return response.ok
        except aiohttp.ClientError:
            return False

    def _check_alive(self) -> None:
        code = None if self.process is None else self.process.poll()
        if code is not None:
            raise NotReady(f"it ended with {code}: {self._last_words()}")

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def relay_program(
    folder: Path, variables: Mapping[str, str], command: Sequence[str] = RELAY
) -> Program:
    """Return a relay on a free port with a database in *folder*, not yet started."""
    port = free_port()
    ours = {
        "RELAY_LISTEN": f"127.0.0.1:{port}",
        "RELAY_DATABASE": f"sqlite:///{folder / 'relay.db'}",
        "RELAY_CONTRACTS__ME__ADAPTER": "melhorenvio",
        "RELAY_CONTRACTS__ME__SECRET": SECRET,
    }
    return Program(command, port, "/healthz", folder, ours | dict(variables))


def account(name: str, vtex: str, **terms: str) -> dict[str, str]:
    """Return the variables of an account that the sandbox at *vtex* plays."""
    values = {
        "app_key": "sandbox-key",
        "app_token": "sandbox-token",
        "base_url": f"{vtex}/vtex/{name}",
    }
    prefix = f"RELAY_ACCOUNTS__{name.upper()}__"
    return {prefix + key.upper(): value for key, value in (values | terms).items()}


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Program]:
    """Run *program* until the end of the context, whatever happens in it."""
    program.start()
    try:
        await program.ready()
        yield program
    finally:
        program.stop()


def sandbox_program(folder: Path) -> Program:
    """Return a sandbox on a free port, not yet started."""
    port = free_port()
    return Program((*SANDBOX, str(port)), port, "/sandbox/orders", folder)
