"""`relay status`: what works now, and what is wrong."""

import asyncio
import os
from datetime import tzinfo

import typer

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import (
    local,
    shown,
    write_line,
    write_model,
    write_styled,
    write_zones,
)
from relay.config.load import find_relay, no_settings_hint
from relay.config.problems import InvalidSettings
from relay.config.settings import Settings
from relay.doctor.status import current_status, with_invalid_settings
from relay.service.status_models import StatusAnswer, StatusLine
from relay.service.views import account_zone

COLOURS = {True: "green", False: "red"}
LEVELS = {True: "ok", False: "error"}
WIDTH = len("error")


def status(config: Config = None, as_json: AsJson = False) -> None:
    """Show what works and what is wrong: the relay, VTEX and each carrier.

    The exit code is 1 if something is wrong.
    """
    try:
        settings, invalid = settings_of(config), None
    except InvalidSettings as refusal:
        settings, invalid = find_relay(config, os.environ), refusal
    found = asyncio.run(current_status(settings, no_settings_hint(config, os.environ)))
    if invalid is not None:
        found = with_invalid_settings(found, invalid)
    if as_json:
        write_model(found)
    else:
        _write(found, settings)
    raise typer.Exit(0 if found.ok else 1)


def _write(found: StatusAnswer, settings: Settings) -> None:
    zone = account_zone(next(iter(settings.accounts), None), settings)
    write_zones([zone])
    for one in found.lines:
        _write_line(one, zone)


def _write_line(one: StatusLine, zone: tzinfo) -> None:
    """Write one line, and below it each problem with its hint."""
    name = one.name if one.part == "relay" else f"{one.part} {one.name}"
    when = local(one.last_good_at, zone)
    good = f"{one.last_good} {shown(when)}" if when else one.last_good
    write_styled(f"{LEVELS[one.ok]:<{WIDTH}}", COLOURS[one.ok], f"  {name}: {good}")
    for problem in one.problems:
        indent = " " * (WIDTH + 2)
        write_line(f"{indent}{problem.level}: {shown(problem.message)}")
        write_line(f"{indent}  {shown(problem.hint)}")
