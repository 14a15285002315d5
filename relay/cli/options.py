"""Options that several commands share, and how settings are found."""

import os
from pathlib import Path
from typing import Annotated

import typer

from relay.config.load import load
from relay.config.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The settings file; by default $RELAY_CONFIG, else ./relay.toml.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, with the API's names.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")]
Account = Annotated[
    str | None, typer.Option(help="Only of this account.", show_default=False)
]
Contract = Annotated[
    str | None, typer.Option(help="Only of this contract.", show_default=False)
]


def settings_of(config: Path | None) -> Settings:
    """Load the settings; raise `ConfigurationError` naming every wrong key."""
    return load(config, os.environ)
