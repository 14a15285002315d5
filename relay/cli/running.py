"""Commands that run something: the relay, the sandbox, the demo."""

# ruff: noqa: PLC0415 -- each command imports what it runs, so that help is quick

import errno
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from relay.cli.options import Config, settings_of

LOOPBACK = "127.0.0.1"


class Mode(StrEnum):
    """What a PUT does to the events that the sandbox stored before."""

    REPLACE = "replace"
    MERGE = "merge"
    APPEND = "append"


def serve(config: Config = None) -> None:
    """Run the relay until it is told to stop."""
    settings = settings_of(config)
    from relay.serving import serve as run
    from relay.settings.source import Source

    raise typer.Exit(run(settings, Source(config, os.environ)))


def sandbox(
    host: Annotated[str, typer.Option(help="Where to listen.")] = LOOPBACK,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0: any free one.")
    ] = 8090,
    mode: Annotated[
        Mode, typer.Option(help="What a PUT does to older events.")
    ] = Mode.MERGE,
    latency_ms: Annotated[
        int, typer.Option(min=0, help="How slowly VTEX answers.")
    ] = 0,
) -> None:
    """Run a VTEX to try things with, and the carriers' parts beside it."""
    from relay.sandbox.server import SandboxOptions, run_sandbox

    options = SandboxOptions(mode=mode.value, latency_ms=latency_ms)
    try:
        run_sandbox(host, port, options)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "it is taken" if taken else error.strerror or error
        typer.echo(f"{host}:{port} cannot be listened at: {why}; see --port", err=True)
        raise typer.Exit(1) from None


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path(
        "relay.toml"
    ),
) -> None:
    """Write a file of settings with everything commented out."""
    from relay.settings.template import write_template

    write_template(path)
    typer.echo(f"{path} is written; fill it in, then try `relay doctor`.")


def demo() -> None:
    """Show the whole story with a sandbox: no account anywhere is needed."""
    from rich.console import Console

    from relay.demo.performance import run

    raise typer.Exit(run(Console()))
