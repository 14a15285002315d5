"""Tables for people, JSON for scripts."""

import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

WIDE = 200
"""Columns of a table that goes into a pipe or a file."""

Fields = Mapping[str, Any]


def write_json(value: Any) -> None:
    """Write *value* as indented JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_spelled))


def write_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    whole: Collection[str] | None = None,
) -> None:
    """Write a table; a cell without a value stays empty.

    With *whole* it has no lines between its columns, and those named there are
    never broken.
    """
    from rich.table import Table  # noqa: PLC0415 -- so that help is quick
    from rich.text import Text  # noqa: PLC0415

    table = Table(header_style="bold")
    if whole is not None:
        table = Table.grid(padding=(0, 1, 0, 0))
        table.show_header, table.header_style = True, "bold"
    for column in columns:
        no_wrap = column in (whole or ())
        table.add_column(column, overflow="fold", no_wrap=no_wrap)
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    _console().print(table)


def write_fields(fields: Fields) -> None:
    """Write what is known of one thing, a line for each field that has a value."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        if value not in (None, "", ()):
            typer.echo(f"{name:<{width}}  {shown(value)}")


def shown(value: Any) -> str:
    """Return a value as people read it: instants in UTC, to the second."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


def _spelled(value: Any) -> str:
    """Spell for JSON what it has no spelling for."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _console() -> Any:
    from rich.console import Console  # noqa: PLC0415 -- so that help is quick

    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if narrow else WIDE)
