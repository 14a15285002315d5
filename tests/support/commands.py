"""The command `relay` in a process of its own, whose modules are imported already.

Starting Python and importing the relay takes a second of processor time; what a command
says and how it ends does not depend on it. So each command is forked from one server
process that has imported what commands need.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

Ran = subprocess.CompletedProcess[str]

SECONDS: Final = 60
IMPORTED: Final = (
    "tests.support.commands",
    "relay.cli.run",
    "relay.cli.status",
    "relay.cli.session",
    "relay.cli.shipments",
    "relay.cli.database",
    "relay.doctor.examination",
    "relay.doctor.source",
    "relay.doctor.status",
    "relay.runtime.pair",
    "relay.runtime.serve",
)


def run_command(
    arguments: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    begin: Callable[[], None] | None = None,
) -> Ran:
    """Run `relay` with *arguments* in *folder* until it ends; *begin* runs before."""
    with TemporaryDirectory() as place:
        outputs = (Path(place) / "out", Path(place) / "err")
        given = (tuple(arguments), folder, dict(environ), outputs, begin)
        process = _server().Process(target=_run, args=given)
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        out, err = (output.read_text() for output in outputs)
        return Ran(arguments, process.exitcode or 0, out, err)


@cache
def _server() -> ForkServerContext:
    """Return what starts processes, by a fork of one that has imported the relay."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    return context


def _run(
    arguments: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    outputs: Sequence[Path],
    begin: Callable[[], None] | None,
) -> None:
    """Be the command: with its output, its environment, its arguments."""
    from relay.cli import main  # noqa: PLC0415 -- imported by the server already

    for descriptor, output in enumerate(outputs, start=1):
        file = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["relay", *arguments]
    if begin is not None:
        begin()
    main()
