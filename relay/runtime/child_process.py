"""A process that the supervisor starts again and again, with one role."""

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

from relay.errors import ConfigurationError
from relay.logs import logger
from relay.runtime.roles import Role

STARTED: Final = "started"
BEAT: Final = "beat"
REFUSED: Final = 2
"""The exit code of a process whose settings are refused."""

_log = logger(__name__)
_context = multiprocessing.get_context("fork")


class Closable(Protocol):
    """A connection or a socket."""

    def close(self) -> None:
        """Close it."""
        ...


@dataclass(frozen=True, slots=True)
class Ends:
    """What a child inherits.

    `supervisor` carries its signs of life, and shows when the supervisor has ended;
    `other` leads to the other child.
    """

    supervisor: Connection
    other: socket.socket


Run = Callable[[Ends, bool], int]
"""Runs a role with its ends until it is stopped, and returns the exit code.

The second argument says whether the process before may have been killed.
"""


@dataclass(slots=True)
class ChildProcess:
    """One role's process, over all its starts; times are by a monotonic clock.

    `line` leads to the process. `refusal` is why it could not start. `failures` counts
    the ends since it last started well.
    """

    role: Role
    run: Run
    channel: socket.socket
    unclean: bool = False
    line: Connection | None = None
    started: bool = False
    refusal: str | None = None
    beat_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0
    _process: Any = None

    @property
    def present(self) -> bool:
        """Whether it was started, and its end was not noticed yet."""
        return self._process is not None

    @property
    def alive(self) -> bool:
        """Whether it runs, and its line is open."""
        return self.line is not None and self._process.is_alive()

    def start(self, now: float, foreign: Sequence[Closable]) -> None:
        """Fork; the new process closes what is *foreign* to it.

        Otherwise it would keep another process's line open, which then could not
        notice the end of the supervisor.
        """
        here, there = _context.Pipe()
        self.beat_at, self.line, self.refusal = now, here, None
        ends = Ends(there, self.channel)
        self._process = _context.Process(
            target=_run_child,
            args=(self.run, ends, self.unclean, [here, *foreign]),
            name=self.role,
        )
        self._process.start()
        there.close()

    def listen(self, now: float) -> None:
        """Take what it says; at its end the line is closed."""
        try:
            while self.line is not None and self.line.poll():
                said = self.line.recv()
                self.beat_at = now
                if said == STARTED:
                    self.started, self.failures = True, 0
                elif said != BEAT:
                    self.refusal = said
        except (EOFError, OSError):
            self._close()

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        if self.present and self._process.is_alive():
            os.kill(self._process.pid, number)

    def end(self, limit: timedelta) -> int:
        """Wait for its end, but no longer than *limit*; return its exit code."""
        self._process.join(limit.total_seconds())
        if self._process.is_alive():
            _log.error("killing a process that does not stop", role=self.role)
            self._process.kill()
            self._process.join()
        code: int = self._process.exitcode
        self._process.close()
        self._process = None
        self._close()
        return code

    def _close(self) -> None:
        if self.line is not None:
            self.line.close()
            self.line = None


def _run_child(
    run: Run,
    ends: Ends,
    unclean: bool,
    foreign: Sequence[Closable],
) -> None:
    """Run one role in the forked process, and end it with the role's exit code."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, _stop_before_start)
    for number in (signal.SIGINT, signal.SIGHUP):  # a terminal sends them to all three
        signal.signal(number, signal.SIG_IGN)
    for end in foreign:
        end.close()
    try:
        code = run(ends, unclean)
    except ConfigurationError as refusal:
        ends.supervisor.send(str(refusal))
        code = REFUSED
    raise SystemExit(code)


def _stop_before_start(_: int, __: object) -> None:
    raise SystemExit(0)
