"""Tables for people, JSON for scripts."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from relay.cli.table import NARROWEST, Column, render_table

WIDE: Final = 200
"""Columns of a table that goes into a pipe or a file."""
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """A text whose instants are shown in a zone."""

    text: str
    zone: tzinfo


Fields = Mapping[str, Any]
Zones = Sequence[tzinfo]


def write_json(value: Any) -> None:
    """Write *value* as indented JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_spelled))


def write_table(
    columns: Sequence[str | Column],
    rows: Iterable[Sequence[Any]],
    *,
    name_zones: bool = True,
) -> None:
    """Write a table; a cell without a value stays empty.

    Instants are shown in the zones that they have, to the second.
    """
    cells = [tuple(row) for row in rows]
    zones = zones_of(cell for row in cells for cell in row)
    texts = [tuple(shown(cell, zones) for cell in row) for row in cells]
    known = [_column(column, i, texts) for i, column in enumerate(columns)]
    layout = render_table(known, texts, _width())
    if name_zones:
        write_zones(zones)
    if layout.head:
        typer.secho(layout.head, bold=True)
    for line in layout.lines:
        typer.echo(line)
    if layout.left_out:
        left_out = ", ".join(layout.left_out)
        typer.echo(f"(a wider window, --json or --csv has also: {left_out})")


def write_fields(fields: Fields) -> None:
    """Write what is known of one thing, a line for each field that has a value."""
    zones = zones_of(fields.values())
    write_zones(zones)
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        if value not in (None, "", ()):
            typer.echo(f"{name:<{width}}  {shown(value, zones)}")


def write_zones(zones: Zones) -> None:
    """Name the zone of the times that follow."""
    if len(zones) == 1:
        typer.echo(f"Times are those of {zones[0]}.")
    elif zones:
        typer.echo("Times are those of each store, with their distance from UTC.")


def zones_of(values: Iterable[Any]) -> Zones:
    """Return the zones that instants among *values* have."""
    found = (_zone(value) for value in values)
    return list({str(zone): zone for zone in found if zone is not None}.values())


def _zone(value: Any) -> tzinfo | None:
    if isinstance(value, LocalTimes):
        return value.zone if _INSTANT.search(value.text) else None
    return value.tzinfo if isinstance(value, datetime) else None


def shown(value: Any, zones: Zones = ()) -> str:
    """Return a value as people read it, without what would move the cursor.

    Instants are spelled to the second; among several zones, with their offset.
    """
    if value is None:
        return ""
    if isinstance(value, LocalTimes):
        return shown(_INSTANT.sub(lambda m: _local(m[0], value, zones), value.text))
    if isinstance(value, datetime):
        plain = value if len(zones) > 1 else value.replace(tzinfo=None)
        return plain.isoformat(sep=" ", timespec="seconds")
    return "".join(c if c.isprintable() else " " for c in str(value))


def local(when: datetime | None, zone: tzinfo) -> datetime | None:
    """Return an instant that may be missing in *zone*."""
    return None if when is None else when.astimezone(zone)


def with_local_times(text: str | None, zone: tzinfo) -> LocalTimes | None:
    """Return a text that may be missing, its instants to be shown in *zone*."""
    return None if text is None else LocalTimes(text, zone)


def _local(instant: str, within: LocalTimes, zones: Zones) -> str:
    when = datetime.fromisoformat(instant)
    return shown(local(when, within.zone), zones)


def _column(column: str | Column, place: int, rows: Sequence[Sequence[str]]) -> Column:
    """Take a head alone for a column that is folded if its cells are long."""
    if isinstance(column, Column):
        return column
    longest = max((len(row[place]) for row in rows), default=0)
    return Column(column, is_text=longest > NARROWEST)


def _spelled(value: Any) -> str:
    """Spell for JSON what it has no spelling for."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _width() -> int:
    """Return how many letters a line may have."""
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if narrow else WIDE


Csv = Annotated[
    str | None,
    typer.Option("--csv", help="Write a table to this file; - is the output."),
]


def _delimiter(text: str) -> str:
    sign = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(sign) != 1 or sign.isalnum() or sign in '"\r\n ':
        raise typer.BadParameter("use one sign: `,` or `;`, or `tab`")
    return sign


Delimiter = Annotated[
    str,
    typer.Option(
        callback=_delimiter,
        help="What stands between the cells of --csv; Excel in Brazil reads `;`.",
    ),
]


def write_file(
    name: str,
    columns: Sequence[str],
    rows: Sequence[Iterable[Any]],
    delimiter: str,
) -> None:
    """Write a table to the file *name*, and say so; `-` is the output."""
    from relay.service.spreadsheets import write_csv

    if name == "-":
        write_csv(typer.get_text_stream("stdout"), columns, rows, delimiter)
        return
    with _opened(name) as file:
        write_csv(file, columns, rows, delimiter)
    typer.echo(f"{len(rows)} rows written to {name}")


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    """Open a file that spreadsheets know for UTF-8."""
    try:
        with Path(name).open("w", encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        why = f"{name} cannot be written: {error.strerror}"
        raise typer.BadParameter(why, param_hint="--csv") from None


def print_more(limit: int, *, more: bool) -> None:
    """Say that a list has more rows than it was allowed."""
    if more:
        typer.echo(f"(these are the first {limit}: --limit shows more)", err=True)
