"""Commands that run something: the relay, the sandbox, the demo, the doctor."""

# ruff: noqa: PLC0415 -- each command runs another program, and needs its part only

import asyncio
import errno
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import write_json, write_line, write_styled, write_text
from relay.doctor.findings import Check, Severity
from relay.errors import ConfigurationError
from relay.logs import counted

LOOPBACK = "127.0.0.1"


class Mode(StrEnum):
    """What a PUT does to events stored before."""

    REPLACE = "replace"
    MERGE = "merge"
    APPEND = "append"


class ProcessRole(StrEnum):
    """One half of the relay's work."""

    INTAKE = "intake"
    WORKER = "worker"


def serve(
    config: Config = None,
    role: Annotated[
        ProcessRole | None,
        typer.Option(
            help="Run one role only (PostgreSQL): intake receives webhooks and serves "
            "the API; worker parses, publishes and polls, and answers health probes."
        ),
    ] = None,
) -> None:
    """Run the relay until it is stopped."""
    from relay.config.load import SettingsSource
    from relay.runtime.pair import start
    from relay.runtime.roles import Role

    settings = settings_of(config)
    source = SettingsSource(config, os.environ)
    raise typer.Exit(start(settings, source, Role(role) if role else None))


def sandbox(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = LOOPBACK,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 for any free one.")
    ] = 8090,
    mode: Annotated[
        Mode, typer.Option(help="What a PUT does to events stored before.")
    ] = Mode.MERGE,
    latency_ms: Annotated[int, typer.Option(min=0, help="Delay of each response.")] = 0,
) -> None:
    """Run a VTEX sandbox with carrier simulators."""
    from relay.sandbox.server import run_sandbox
    from relay.sandbox.world import SandboxOptions

    options = SandboxOptions(mode=mode.value, latency_ms=latency_ms)
    try:
        run_sandbox(host, port, options)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "address already in use" if taken else error.strerror or error
        problem = f"cannot bind to {host}:{port}: {why}"
        write_line(f"{problem}; choose another with --host or --port", err=True)
        raise typer.Exit(1) from None


def init(
    path: Annotated[
        Path, typer.Argument(help="The file to write.", readable=False)
    ] = Path("relay.toml"),
) -> None:
    """Write a settings file with every setting commented out."""
    from relay.config.template import write_template

    write_template(path)
    write_line(f"wrote {path}; fill it in, then run `relay doctor`")


def demo(
    *,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Run on afterwards, with the console open, until Ctrl-C."
        ),
    ] = False,
) -> None:
    """Show the whole flow with a sandbox; no account is needed."""
    from rich.console import Console

    from relay.demo.runner import run
    from relay.demo.visit import Visit

    raise typer.Exit(run(Console(), visit=Visit() if keep else None))


def doctor(config: Config = None, as_json: AsJson = False) -> None:
    """Check settings, database and VTEX access.

    The exit code is 1 if there is an error.
    """
    found = _examine(config)
    errors = sum(check.level is _WORST for check in found)
    if as_json:
        write_json([_fields(check) for check in found])
    else:
        for check in found:
            _write(check)
        write_text(f"\n{counted(errors, 'error')}" if errors else "\nno errors")
    raise typer.Exit(1 if errors else 0)


def _examine(config: Config) -> list[Check]:
    from relay.doctor.examination import examine, unusable
    from relay.doctor.source import check_source

    try:
        settings = settings_of(config)
    except ConfigurationError as error:
        return unusable(error)
    return [*check_source(config, os.environ), *asyncio.run(examine(settings))]


def _fields(check: Check) -> dict[str, str]:
    return {
        "subject": check.subject,
        "level": check.level.value,
        "message": check.message,
        "hint": check.hint,
    }


_COLOURS: Final = dict(zip(Severity, ("green", "yellow", "red"), strict=True))
"""Colours by severity, which is declared from the best to the worst."""
_WORST: Final = list(Severity)[-1]
_WIDTH: Final = max(len(severity.value) for severity in Severity)


def _write(check: Check) -> None:
    head = f"{check.level.value:<{_WIDTH}}"
    message = f"  {check.subject}: {check.message}"
    write_styled(head, _COLOURS[check.level], message)
    if check.hint:
        write_line(f"{' ' * (_WIDTH + 2)}{check.hint}")
