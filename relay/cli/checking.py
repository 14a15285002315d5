"""`relay doctor`: what is wrong, and what to do about it."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

import asyncio
from typing import TYPE_CHECKING

import typer

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.showing import write_json
from relay.errors import ConfigurationError

if TYPE_CHECKING:
    from relay.doctor import Check


def doctor(config: Config = None, as_json: AsJson = False) -> None:
    """Find out what is wrong before the first parcel does; 1 if something is."""
    from relay.doctor import Level

    found = _found(config)
    if as_json:
        write_json([_fields(check) for check in found])
    else:
        for check in found:
            _write(check)
    wrong = sum(check.level is Level.WRONG for check in found)
    if not as_json:
        typer.echo(f"\n{wrong} wrong" if wrong else "\nnothing is wrong")
    raise typer.Exit(1 if wrong else 0)


def _found(config: Config) -> "list[Check]":
    from relay.doctor import examine, unusable

    try:
        settings = settings_of(config)
    except ConfigurationError as error:
        return unusable(error)
    return asyncio.run(examine(settings))


def _fields(check: "Check") -> dict[str, str]:
    return {
        "subject": check.subject,
        "level": check.level.value,
        "says": check.says,
        "wayOut": check.way_out,
    }


def _write(check: "Check") -> None:
    colour = {"fine": "green", "look": "yellow", "wrong": "red"}[check.level.value]
    head = typer.style(f"{check.level.value:<5}", fg=colour)
    typer.echo(f"{head}  {check.subject}: {check.says}")
    if check.way_out:
        typer.echo(f"       {check.way_out}")
