"""`relay lists`: what waits for a person."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from relay.cli.databases import on_database
from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.showing import write_json, write_table
from relay.cli.spreadsheets import write_csv
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.store.database import Database
    from relay.store.worklists import Asked
    from relay.store.workqueries import WorkList
    from relay.web.entries import Entry

NAMES = (
    "stuck, quarantined, unmatched, unreadable, unknown-codes, late, silent, waiting"
)
PAGE = 500
Filter = Annotated[str | None, typer.Option(show_default=False)]


def lists(  # noqa: PLR0913 -- each is an option of the command
    name: Annotated[str, typer.Argument(help=f"One of {NAMES}.")],
    *,
    account: Filter = None,
    contract: Filter = None,
    days: Annotated[
        int, typer.Option(min=1, help="How long a silent shipment is silent.")
    ] = 7,
    limit: Limit = 1000,
    csv: Annotated[
        str | None,
        typer.Option("--csv", help="Write a table to this file; - is the output."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what waits for a person, times in the store's zone."""
    from relay.web.entries import entry
    from relay.web.worklists import ENTRIES, Narrowed

    wanted, settings = _name(name), settings_of(config)
    asked = Narrowed(settings, None, account, contract).asked(days)
    rows = on_database(config, lambda database: _rows(database, wanted, asked, limit))
    found = [entry(wanted, row, settings) for row in rows]
    columns = list(ENTRIES[wanted].model_fields)
    if csv is not None:
        with _opened(csv) as file:
            write_csv(file, columns, [_cells(one, columns) for one in found])
    elif as_json:
        write_json([one.model_dump(mode="json", by_alias=True) for one in found])
    else:
        heads = [column.replace("_", " ") for column in columns]
        write_table(heads, [_cells(one, columns) for one in found])


def _name(text: str) -> "WorkList":
    """Read a list's name; the enumeration itself would make help slow."""
    from relay.store.workqueries import WorkList

    try:
        return WorkList(text)
    except ValueError:
        raise typer.BadParameter(f"use one of {NAMES}", param_hint="NAME") from None


async def _rows(
    database: "Database", name: "WorkList", asked: "Asked", limit: int
) -> list[dict[str, Any]]:
    """Return the first *limit* rows, page after page."""
    from relay.store.worklists import WorkLists

    now, after, found = utcnow(), None, list[dict[str, Any]]()
    while True:
        size = min(limit - len(found), PAGE)
        page = await WorkLists(database).page(name, asked, now, limit=size, after=after)
        found += page.rows
        after = page.next
        if after is None or len(found) >= limit:
            return found


def _cells(entry: "Entry", columns: Sequence[str]) -> list[Any]:
    """Return the values of a row; what is more than one is spelled as words."""
    cells = [getattr(entry, column) for column in columns]
    return [
        "; ".join(f"{part.type} {part.value}" for part in cell)
        if isinstance(cell, tuple)
        else cell
        for cell in cells
    ]


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    """Open a file for a table; `-` is the output."""
    if name == "-":
        yield typer.get_text_stream("stdout")
        return
    try:
        with Path(name).open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        why = f"{name} cannot be written: {error.strerror}"
        raise typer.BadParameter(why, param_hint="--csv") from None
