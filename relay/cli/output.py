"""Print tables for people, JSON and CSV for programs.

The only module that writes to the terminal. Texts come from carriers, VTEX and the
ERP: an escape sequence in them could rewrite the terminal, so all are escaped here.
"""

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
from pydantic import BaseModel

from relay.cli.table import NARROWEST, Column, render_table
from relay.clock import in_zone
from relay.service.models import StoredRow
from relay.service.spreadsheets import write_csv
from relay.text import escaped, escaped_json

WIDE: Final = 200
"""Width of a table that is written to a pipe or a file."""
_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
)


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """A text whose times are shown in a zone."""

    text: str
    zone: tzinfo


Fields = Mapping[str, Any]
Zones = Sequence[tzinfo]


def write_line(text: object, *, err: bool = False) -> None:
    """Write one line, to standard error if *err*."""
    typer.echo(escaped(str(text)), err=err)


def write_text(text: object, *, err: bool = False) -> None:
    """Write a text that may have several lines and tabs, such as a document's body."""
    # A carriage return before a line feed is a line end; alone it overwrites a line.
    lines = str(text).replace("\r\n", "\n")
    typer.echo(escaped(lines, allowed="\n\t"), err=err)


def write_styled(text: str, colour: str, rest: str) -> None:
    """Write one line that begins with a coloured text."""
    typer.echo(typer.style(escaped(text), fg=colour) + escaped(rest))


def write_json(value: Any) -> None:
    """Write *value* as indented JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_spelled)
    typer.echo(escaped_json(text))


def write_model(model: BaseModel) -> None:
    """Write *model* exactly as the API answers it, indented."""
    write_json(model.model_dump(mode="json", by_alias=True))


def write_table(
    columns: Sequence[str | Column],
    rows: Iterable[Sequence[Any]],
    *,
    name_zones: bool = True,
) -> None:
    """Write a table; a cell without a value stays empty.

    Times are shown in the zones that they have, to the second.
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
        write_line(line)
    if layout.left_out:
        left_out = ", ".join(layout.left_out)
        write_line(f"(not shown for lack of width: {left_out}; see --json or --csv)")


def write_fields(fields: Fields) -> None:
    """Write the fields of one object, a line for each that has a value."""
    zones = zones_of(fields.values())
    write_zones(zones)
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        if value not in (None, "", ()):
            write_line(f"{name:<{width}}  {shown(value, zones)}")


def write_zones(zones: Zones) -> None:
    """Write the zone of the times that follow."""
    if len(zones) == 1:
        write_line(f"Times are in {zones[0]}.")
    elif zones:
        write_line("Times are in each account's zone, with the UTC offset.")


def write_damage(named: Iterable[tuple[str, StoredRow]]) -> None:
    """Write to standard error which of the *named* rows are shown in part, and why."""
    for name, row in named:
        if row.damage is not None:
            write_line(f"{name}: {row.damage}", err=True)


def zones_of(values: Iterable[Any]) -> Zones:
    """Return the zones of the times among *values*."""
    found = (_zone(value) for value in values)
    return list({str(zone): zone for zone in found if zone is not None}.values())


def _zone(value: Any) -> tzinfo | None:
    if isinstance(value, LocalTimes):
        return value.zone if _INSTANT.search(value.text) else None
    return value.tzinfo if isinstance(value, datetime) else None


def shown(value: Any, zones: Zones = ()) -> str:
    """Return a value as text, with control characters escaped.

    Times are shown to the second; among several zones, with their offset.
    """
    if value is None:
        return ""
    if isinstance(value, LocalTimes):
        return shown(_INSTANT.sub(lambda m: _local(m[0], value, zones), value.text))
    if isinstance(value, datetime):
        plain = value if len(zones) > 1 else value.replace(tzinfo=None)
        return plain.isoformat(sep=" ", timespec="seconds")
    return escaped(str(value))


def local(when: datetime | None, zone: tzinfo) -> datetime | None:
    """Return a time in *zone*, None for None.

    A damaged row can hold a time in the first or last hours that a date can have;
    without a place in *zone* it stays as it is.
    """
    try:
        return None if when is None else in_zone(when, zone)
    except OverflowError:
        return when


def with_local_times(text: str | None, zone: tzinfo) -> LocalTimes | None:
    """Return a text whose times are shown in *zone*, None for None."""
    return None if text is None else LocalTimes(text, zone)


def _local(instant: str, within: LocalTimes, zones: Zones) -> str:
    when = datetime.fromisoformat(instant)
    return shown(local(when, within.zone), zones)


def _column(column: str | Column, place: int, rows: Sequence[Sequence[str]]) -> Column:
    """Return a column for a heading; it is folded if its cells are long."""
    if isinstance(column, Column):
        return column
    longest = max((len(row[place]) for row in rows), default=0)
    return Column(column, is_text=longest > NARROWEST)


def _spelled(value: Any) -> str:
    """Return as text what JSON has no type for."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _width() -> int:
    """Return the width of a line."""
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if narrow else WIDE


Csv = Annotated[
    str | None,
    typer.Option("--csv", help="Write a CSV file; - is standard output."),
]


def _delimiter(text: str) -> str:
    sign = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(sign) != 1 or sign.isalnum() or sign in '"\r\n ':
        raise typer.BadParameter("use one character: `,` or `;`, or `tab`")
    return sign


Delimiter = Annotated[
    str,
    typer.Option(
        callback=_delimiter,
        help="The separator of --csv; Excel in Brazil expects `;`.",
    ),
]


def write_file(
    name: str,
    columns: Sequence[str],
    rows: Sequence[Iterable[Any]],
    delimiter: str,
) -> None:
    """Write a CSV file and print its name; `-` is standard output."""
    if name == "-":
        out = typer.get_text_stream("stdout")
        # Programs get the values unchanged, a terminal does not.
        write_csv(out, columns, map(_safe, rows) if out.isatty() else rows, delimiter)
        return
    with _opened(name) as file:
        write_csv(file, columns, rows, delimiter)
    write_line(f"{len(rows)} rows written to {name}")


def _safe(row: Iterable[Any]) -> list[Any]:
    return [escaped(cell) if isinstance(cell, str) else cell for cell in row]


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    """Open a file with a byte order mark, so that spreadsheets decode UTF-8."""
    try:
        with Path(name).open("w", encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        why = f"cannot write {name}: {error.strerror}"
        raise typer.BadParameter(why, param_hint="--csv") from None


def print_more(limit: int, *, more: bool) -> None:
    """Say that a list has more rows than its limit."""
    if more:
        write_line(
            f"(only the first {limit} are shown; use --limit for more)", err=True
        )
