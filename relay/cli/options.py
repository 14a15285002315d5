"""Options that several commands share, and how settings are found."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from relay.config.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The file of settings; by default $RELAY_CONFIG, else ./relay.toml.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]


def settings_of(config: Path | None) -> "Settings":
    """Load the settings; raise `ConfigurationError` that names every wrong key."""
    from relay.config.load import load  # noqa: PLC0415 -- so that help is quick

    return load(config, os.environ)
