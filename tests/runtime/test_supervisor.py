"""Intake and worker as real processes: started, restarted, and stopped in order."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60


class Supervised:
    """The supervisor's program and what it prints."""

    def __init__(self, intake: str, worker: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.supervised", intake, worker],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.limit = threading.Timer(SECONDS, self.kill)
        self.limit.start()
        self._lines = iter(self.process.stdout.readline, "")

    def until(self, *words: str) -> str:
        """Return the next line with all *words*."""
        for line in self._lines:
            if all(word in line for word in words):
                return line
        raise AssertionError(f"it never printed {words}")

    def both_run(self) -> dict[str, int]:
        """Wait for both processes, and return their ids."""
        lines = [self.until("runs").split() for _ in range(2)]
        return {role: int(number) for _, role, number, _ in lines}

    def rest(self) -> list[str]:
        """Return all that it prints until it ends."""
        return [line.strip() for line in self._lines]

    def kill(self) -> None:
        """End all processes."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


@pytest.fixture
def supervised() -> Iterator[type[Supervised]]:
    started: list[Supervised] = []

    class Started(Supervised):
        def __init__(self, intake: str = "waits", worker: str = "waits") -> None:
            super().__init__(intake, worker)
            started.append(self)

    yield Started
    for one in started:
        one.limit.cancel()
        one.kill()
        one.process.communicate(timeout=SECONDS)


def test_the_intake_stops_before_the_worker(supervised: type[Supervised]) -> None:
    it = supervised()
    it.both_run()
    assert it.stop() == 0
    said = [line for line in it.rest() if line.startswith("stops")]
    assert said == ["stops intake", "stops worker"]


def test_a_hangup_reaches_both(supervised: type[Supervised]) -> None:
    it = supervised()
    it.both_run()
    it.process.send_signal(signal.SIGHUP)
    assert {it.until("hangup").split()[1] for _ in range(2)} == {"intake", "worker"}


@pytest.mark.parametrize("role", ["intake", "worker"])
def test_a_killed_process_is_started_again_and_the_other_stays(
    supervised: type[Supervised], role: str
) -> None:
    it = supervised()
    before = it.both_run()
    os.kill(before[role], signal.SIGKILL)
    it.until("a process ended", role, '"exit_code": -9')
    _, again, number, state = it.until("runs").split()
    assert (again, state) == (role, "unclean")
    assert int(number) != before[role]
    assert it.stop() == 0
    assert not any(line.startswith("runs") for line in it.rest())


def test_both_end_when_the_supervisor_is_killed(supervised: type[Supervised]) -> None:
    it = supervised()
    it.both_run()
    it.process.kill()
    # The pipe of their output is closed only when no process has it any more.
    assert "refused" not in " ".join(it.rest())


@pytest.mark.parametrize("role", ["intake", "worker"])
def test_one_that_cannot_start_at_first_stops_all(
    supervised: type[Supervised], role: str
) -> None:
    it = supervised(**{role: "refuses"})
    assert it.process.wait(SECONDS) == 2
    assert it.rest()[-1] == f"refused listen: {role} cannot"


def test_one_that_never_starts_is_given_up(supervised: type[Supervised]) -> None:
    it = supervised(worker="never-starts")
    assert it.process.wait(SECONDS) == 3
    said = it.rest()
    assert len([line for line in said if line.startswith("runs worker")]) == 11
    assert any("a process cannot start; giving up" in line for line in said)


def test_one_without_signs_of_life_is_killed(supervised: type[Supervised]) -> None:
    it = supervised(worker="silent")
    it.both_run()
    it.until("killing a process without signs of life", "worker")
    it.until("runs worker")


def test_one_that_does_not_stop_is_killed(supervised: type[Supervised]) -> None:
    it = supervised(intake="stays")
    it.both_run()
    assert it.stop() == 1
    said = it.rest()
    assert any("killing a process that does not stop" in line for line in said)
    assert said[-2] == "stops worker"
