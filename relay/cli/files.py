"""Tables in files, for spreadsheets."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

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
    from relay.web.spreadsheets import write_csv

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


def say_more(limit: int, *, more: bool) -> None:
    """Say that a list has more rows than it was allowed."""
    if more:
        typer.echo(f"(these are the first {limit}: --limit shows more)", err=True)
