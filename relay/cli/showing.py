"""Tables for people, JSON for scripts."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

import typer

from relay.cli.layout import NARROWEST, Column, laid_out

WIDE: Final = 200
"""Columns of a table that goes into a pipe or a file."""

_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True, slots=True)
class Sentence:
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
    layout = laid_out(known, texts, _width())
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
    if isinstance(value, Sentence):
        return value.zone if _INSTANT.search(value.text) else None
    return value.tzinfo if isinstance(value, datetime) else None


def shown(value: Any, zones: Zones = ()) -> str:
    """Return a value as people read it, without what would move the cursor.

    Instants are spelled to the second; among several zones, with their offset.
    """
    if value is None:
        return ""
    if isinstance(value, Sentence):
        return shown(_INSTANT.sub(lambda m: _local(m[0], value, zones), value.text))
    if isinstance(value, datetime):
        plain = value if len(zones) > 1 else value.replace(tzinfo=None)
        return plain.isoformat(sep=" ", timespec="seconds")
    return "".join(c if c.isprintable() else " " for c in str(value))


def local(when: datetime | None, zone: tzinfo) -> datetime | None:
    """Return an instant that may be missing in *zone*."""
    return None if when is None else when.astimezone(zone)


def sentence(text: str | None, zone: tzinfo) -> Sentence | None:
    """Return a text that may be missing, its instants to be shown in *zone*."""
    return None if text is None else Sentence(text, zone)


def _local(instant: str, within: Sentence, zones: Zones) -> str:
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
