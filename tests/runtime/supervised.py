"""A supervisor over two processes that only wait, as a program for its tests.

`python -m tests.runtime.supervised INTAKE WORKER` with what each does. Its clock runs
a hundred times as fast, so that limits of minutes are over in seconds.
"""

import os
import signal
import sys
import time
from datetime import timedelta
from functools import partial
from typing import Final

from relay import logs
from relay.errors import ConfigurationError
from relay.runtime.child_process import STARTED, Ends
from relay.runtime.roles import Role
from relay.runtime.supervisor import Supervisor

FASTER: Final = 100
BEATS: Final = 0.1


def run(role: str, does: str, ends: Ends, unclean: bool) -> int:
    """Do what a test wants of one process."""
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: stopped.append(number))
    say("runs", role, os.getpid(), "unclean" if unclean else "clean")
    if does == "refuses":
        raise ConfigurationError(f"listen: {role} cannot")
    if does == "never-starts":
        return 3
    ends.supervisor.send(STARTED)
    while signal.SIGTERM not in stopped or does == "stays":
        if ends.supervisor.poll(BEATS):  # the supervisor has ended
            return 0
        if does != "silent":
            ends.supervisor.send("beat")
        if signal.SIGHUP in stopped:
            stopped.remove(signal.SIGHUP)
            say("hangup", role)
    say("stops", role)
    return 0


def say(*words: object) -> None:
    """Print a line in one piece: both processes write to the same pipe."""
    os.write(sys.stdout.fileno(), (" ".join(map(str, words)) + "\n").encode())


def main(intake: str, worker: str) -> int:
    """Supervise until stopped."""
    logs.configure(layout="json", stream=sys.stdout)
    supervisor = Supervisor(
        {
            Role.INTAKE: partial(run, Role.INTAKE, intake),
            Role.WORKER: partial(run, Role.WORKER, worker),
        },
        stop_limit=timedelta(seconds=1),
        tick=lambda: FASTER * time.monotonic(),
    )
    try:
        return supervisor.run()
    except ConfigurationError as error:
        say("refused", error)
        return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
