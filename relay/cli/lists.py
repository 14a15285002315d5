"""`relay lists`: what waits for a person."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli.columns import COLUMNS
from relay.cli.databases import on_database
from relay.cli.files import Csv, Delimiter, say_more, write_file
from relay.cli.nextsteps import write_next
from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.showing import sentence, write_json, write_table
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.settings import Settings
    from relay.store.database import Database
    from relay.store.workqueries import WorkList
    from relay.web.entries import Entry
    from relay.web.listing import Listing
    from relay.web.narrowing import Narrowed

NAMES = (
    "stuck, quarantined, unmatched, unreadable, untrusted, unknown-codes, late, "
    "silent, waiting"
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
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what waits for a person, times in the store's zone."""
    from relay.web.entries import ENTRIES
    from relay.web.narrowing import Narrowed

    wanted, settings = _name(name), settings_of(config)
    narrowed = Narrowed(settings, None, account, contract)
    found, more = _found(config, wanted, narrowed, days, limit)
    if csv is not None:
        rows = [one.cells().values() for one in found]
        write_file(csv, ENTRIES[wanted].columns(), rows, delimiter)
    elif as_json:
        write_json([one.model_dump(mode="json", by_alias=True) for one in found])
    else:
        _write(name, found, settings)
    say_more(limit, more=more)


def _name(text: str) -> "WorkList":
    """Read a list's name; the enumeration itself would make help slow."""
    from relay.store.workqueries import WorkList

    try:
        return WorkList(text)
    except ValueError:
        raise typer.BadParameter(f"use one of {NAMES}", param_hint="NAME") from None


def _found(
    config: Config, name: "WorkList", narrowed: "Narrowed", days: int, limit: int
) -> "tuple[list[Entry], bool]":
    """Return the first *limit* rows, and whether there are more."""
    from relay.web.listing import Listing

    async def act(database: "Database") -> "tuple[list[Entry], bool]":
        await narrowed.check(database)
        asked, now = narrowed.asked(days), utcnow()
        listing = Listing(name, database, asked, narrowed.settings, now)
        return await _rows(listing, limit)

    return on_database(config, act)


async def _rows(listing: "Listing", limit: int) -> "tuple[list[Entry], bool]":
    """Return rows page after page."""
    found: list[Entry] = []
    after = None
    while True:
        page, after = await listing.page(min(limit - len(found), PAGE), after)
        found += page
        if after is None or len(found) >= limit:
            return found, after is not None


def _write(name: str, found: "list[Entry]", settings: "Settings") -> None:
    """Write a table, and what helps with its rows."""
    columns, rows = COLUMNS[name], [_cells(one, settings) for one in found]
    write_table(list(columns.values()), [[r[c] for c in columns] for r in rows])
    write_next(name, rows)


def _cells(entry: "Entry", settings: "Settings") -> dict[str, Any]:
    """Return the values of a row, the instants in its reason in the store's zone."""
    from relay.web.entering import account_zone

    cells = entry.cells()
    if "why" in cells:
        zone = account_zone(cells["account"], settings)
        cells["why"] = sentence(cells["why"], zone)
    return cells
