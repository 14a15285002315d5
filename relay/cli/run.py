"""Commands that run something: the relay, the sandbox, the demo."""

# ruff: noqa: PLC0415 -- each command imports what it runs, so that help is quick
# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

import asyncio
import errno
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import write_json
from relay.errors import ConfigurationError
from relay.logs import counted

if TYPE_CHECKING:
    from relay.doctor.findings import Check


LOOPBACK = "127.0.0.1"


class Mode(StrEnum):
    """What a PUT does to the events that the sandbox stored before."""

    REPLACE = "replace"
    MERGE = "merge"
    APPEND = "append"


def serve(config: Config = None) -> None:
    """Run the relay until it is told to stop."""
    settings = settings_of(config)
    from relay.config.load import SettingsSource
    from relay.runtime.serve import serve as run

    raise typer.Exit(run(settings, SettingsSource(config, os.environ)))


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
    from relay.sandbox.server import run_sandbox
    from relay.sandbox.world import SandboxOptions

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
    from relay.config.template import write_template

    write_template(path)
    typer.echo(f"{path} is written; fill it in, then try `relay doctor`.")


def demo() -> None:
    """Show the whole story with a sandbox: no account anywhere is needed."""
    from rich.console import Console

    from relay.demo.runner import run

    raise typer.Exit(run(Console()))


def doctor(config: Config = None, as_json: AsJson = False) -> None:
    """Check settings, database, carriers and VTEX; exit with 1 on an error."""
    from relay.doctor.findings import Severity

    found = _found(config)
    if as_json:
        write_json([_fields(check) for check in found])
    else:
        for check in found:
            _write(check)
    errors = sum(check.level is Severity.ERROR for check in found)
    if not as_json:
        typer.echo(f"\n{counted(errors, 'error')}" if errors else "\nno errors")
    raise typer.Exit(1 if errors else 0)


def _found(config: Config) -> "list[Check]":
    from relay.doctor.examination import examine, unusable

    try:
        settings = settings_of(config)
    except ConfigurationError as error:
        return unusable(error)
    return asyncio.run(examine(settings))


def _fields(check: "Check") -> dict[str, str]:
    return {
        "subject": check.subject,
        "level": check.level.value,
        "message": check.message,
        "hint": check.hint,
    }


def _write(check: "Check") -> None:
    colour = {"ok": "green", "warning": "yellow", "error": "red"}[check.level.value]
    head = typer.style(f"{check.level.value:<7}", fg=colour)
    typer.echo(f"{head}  {check.subject}: {check.message}")
    if check.hint:
        typer.echo(f"         {check.hint}")
