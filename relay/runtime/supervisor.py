"""The parent process: starts intake and worker, restarts one that ends, stops both.

A worker that hangs or crashes delays no answer to a carrier, and an intake process
that crashes delays no call to VTEX. The parent opens nothing itself but the lock of
an SQLite file, which its children inherit: no other relay can serve the file before
all of them have ended.
"""

import gc
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import wait
from typing import Any, Final

from relay.errors import ConfigurationError
from relay.logs import logger
from relay.runtime.child_process import ChildProcess, Closable, Run
from relay.runtime.roles import Role

SILENCE: Final = timedelta(seconds=150)
"""How long a process may send no heartbeat; it ends by itself after two minutes."""
ROUND: Final = timedelta(seconds=1)
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(seconds=30)
MOST_FAILURES: Final = 10
"""How often in a row a process may fail to start before the supervisor gives up."""
ENDING: Final = timedelta(seconds=5)
"""How long a process may take to end after it closed its line."""
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = logger(__name__)


@dataclass(slots=True)
class Supervisor:
    """Runs both roles until SIGTERM or SIGINT; SIGHUP is passed on.

    A process that does not stop within *stop_limit* is killed. *unclean* says whether
    the last relay was killed; *killed*, at the end, whether a process of this one was.
    """

    runs: Mapping[Role, Run]
    stop_limit: timedelta
    unclean: bool = False
    tick: Callable[[], float] = time.monotonic
    killed: bool = field(default=False, init=False)
    _children: list[ChildProcess] = field(default_factory=list, init=False)
    _signals: list[int] = field(default_factory=list, init=False)

    def run(self) -> int:
        """Run until stopped; return the exit code.

        Raises `ConfigurationError` if one of the two cannot start at first.
        """
        # First no more requests are accepted; then the calls to VTEX are finished.
        order, ends = (Role.INTAKE, Role.WORKER), socket.socketpair()
        self._children = [
            ChildProcess(role, self.runs[role], end, self.unclean)
            for role, end in zip(order, ends, strict=True)
        ]
        gc.freeze()  # pages that the collector does not touch stay shared
        with _SignalWakeUp(self._signals) as woken:
            try:
                for child in self._children:
                    self._start(child)
                code = self._watch(woken)
            finally:
                codes = self._stop()
                self.killed = any(code < 0 for code in codes)
                for end in ends:
                    end.close()
        refusal = next((c.refusal for c in self._children if c.refusal), None)
        if refusal is not None and code:
            raise ConfigurationError(refusal)
        return code or int(any(codes))

    def _watch(self, woken: socket.socket) -> int:
        """Supervise until a signal or a failure ends it; return the exit code."""
        last = self.tick()
        while True:
            lines = [c.line for c in self._children if c.line is not None]
            wait([woken, *lines], ROUND.total_seconds())
            for number in _taken(self._signals, woken):
                if number != signal.SIGHUP:
                    return 0
                for child in self._children:
                    child.signal(number)
            now = self.tick()
            paused, last = now - last > SILENCE.total_seconds() / 2, now
            for child in self._children:
                code = self._look_after(child, now, paused=paused)
                if code:
                    return code

    def _look_after(self, child: ChildProcess, now: float, *, paused: bool) -> int:
        """Start, restart or kill one child; return an exit code to give up with."""
        child.listen(now)
        if paused:  # this process was stopped itself, and perhaps all three were
            child.beat_at = now
        if not child.present:
            if now >= child.start_at:
                self._start(child)
        elif not child.alive:
            return self._ended(child, now)
        elif now - child.beat_at > SILENCE.total_seconds():
            _log.error("killing a process without signs of life", role=child.role)
            child.signal(signal.SIGKILL)
        return 0

    def _ended(self, child: ChildProcess, now: float) -> int:
        """Decide when to start *child* again; return an exit code to give up with."""
        code = child.end(ENDING)
        if child.refusal is not None and not child.started:
            return max(code, 1)
        child.failures += 1
        about = {"role": child.role, "exit_code": code, "because": child.refusal}
        if child.failures > MOST_FAILURES:
            _log.error("a process cannot start; giving up", **about)
            return max(code, 1)
        pause = min(FIRST_PAUSE * 2 ** (child.failures - 1), LONGEST_PAUSE)
        child.start_at = now + pause.total_seconds()
        child.unclean = True
        seconds = pause.total_seconds()
        _log.error("a process ended; starting it again", **about, seconds=seconds)
        return 0

    def _start(self, child: ChildProcess) -> None:
        foreign: list[Closable] = []
        for other in self._children:
            if other is not child:
                foreign += [end for end in (other.line, other.channel) if end]
        child.start(self.tick(), foreign)

    def _stop(self) -> list[int]:
        """Stop one child after the other; return their exit codes."""
        began = self.tick()
        _log.info("stopping", died=[c.role for c in self._children if not c.present])
        codes = []
        for child in self._children:
            child.signal(signal.SIGTERM)
            if child.present:
                codes.append(child.end(self.stop_limit))
        _log.info("stopped", seconds=round(self.tick() - began, 1))
        return codes


class _SignalWakeUp:
    """Collects signals in a list, and wakes a wait by a byte for each."""

    def __init__(self, taken: list[int]) -> None:
        self._taken = taken
        self._before: dict[int, Any] = {}
        self._ends = socket.socketpair()

    def __enter__(self) -> socket.socket:
        woken, waking = self._ends
        for end in self._ends:
            end.setblocking(False)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._take)
        return woken

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for end in self._ends:
            end.close()

    def _take(self, number: int, _: object) -> None:
        self._taken.append(number)


def _taken(signals: list[int], woken: socket.socket) -> list[int]:
    """Return the signals that have come, and forget them."""
    with suppress(BlockingIOError):
        while woken.recv(4096):
            pass
    taken = signals[:]
    del signals[: len(taken)]
    return taken
