"""`relay lists`: what waits for a person."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    LocalTimes,
    print_more,
    with_local_times,
    write_file,
    write_json,
    write_table,
)
from relay.cli.session import on_database
from relay.cli.table import COLUMNS
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.config.settings import Settings
    from relay.service.worklist_models import Entry
    from relay.service.worklists import ListScope, WorkListPage
    from relay.store.database import Database
    from relay.store.worklist_queries import WorkList


Row = Mapping[str, Any]


def write_next(name: str, rows: Sequence[Row]) -> None:
    """Say what to do about the list *name*; nothing if it is empty."""
    if rows:
        typer.echo(f"Next: {_STEPS[name](rows)}")


def _stuck(rows: Sequence[Row]) -> str:
    return (
        f"when the cause is mended: relay shipments retry {rows[0]['id']}, "
        "or all alike: relay shipments retry --all-stuck --because WORDS"
    )


def _quarantined(rows: Sequence[Row]) -> str:
    event = rows[0]["event"]
    return (
        f"ask the carrier, then: relay events release {event} (believe it), or "
        f"relay events drop {event}"
    )


def _unmatched(rows: Sequence[Row]) -> str:
    return (
        "compare with the labels: relay shipments list --contract "
        f"{rows[0]['contract']}; then relay shipments correct, or hand-over, as the "
        "reason says"
    )


def _unreadable(rows: Sequence[Row]) -> str:
    document = rows[0]["document"]
    return (
        f"relay documents show {document}; when its adapter is mended: "
        f"relay documents replay {document}, or replay --all --unreadable"
    )


def _rejected(rows: Sequence[Row]) -> str:
    request, contract = rows[0]["request"], rows[0]["contract"]
    return (
        f"mend the secret; look at one: relay documents untrusted {request}; if you "
        f"know that it was your carrier: relay documents accept {request}, or "
        f"accept --all --contract {contract}"
    )


def _unknown_codes(rows: Sequence[Row]) -> str:
    """Show a row for the settings; what came already is read again by a replay."""
    row = next((row for row in rows if row["carrier_code"]), rows[0])
    contract, code = row["contract"], json.dumps(row["carrier_code"])
    return (
        f"say what it means in [contracts.{contract}], for instance "
        f'codes = {{ {code} = {{ milestone = "in_transit" }} }}, then for what came '
        f"already: relay documents replay --all --contract {contract}"
    )


def _asked(rows: Sequence[Row]) -> str:
    named = rows[0]["tracking_number"] or rows[0]["id"]
    return (
        f"what is known: relay shipments show {named}; to ask the carrier at once, if "
        f"it can be asked: relay shipments track-again {named}"
    )


def _waiting(rows: Sequence[Row]) -> str:
    """Name a label that may be wrong, if VTEX does not know it."""
    unknown = [row for row in rows if "not found" in _words(row["why"]).lower()]
    if not unknown:
        return "nothing: it is told by itself; relay accounts list shows what is shut"
    return (
        "`Not Found` may be a wrong order or invoice: compare it with VTEX; if it is, "
        f"relay shipments cancel {unknown[0]['id']}, then register it anew"
    )


def _words(value: Any) -> str:
    """Return a text that may be missing, or have instants of its own to show."""
    return value.text if isinstance(value, LocalTimes) else value or ""


_STEPS: Final[Mapping[str, Callable[[Sequence[Row]], str]]] = {
    "stuck": _stuck,
    "quarantined": _quarantined,
    "unmatched": _unmatched,
    "unreadable": _unreadable,
    "rejected": _rejected,
    "unknown-codes": _unknown_codes,
    "late": _asked,
    "silent": _asked,
    "waiting": _waiting,
}
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
    from relay.service.worklist_models import ENTRIES
    from relay.service.worklists import ListScope

    wanted, settings = _name(name), settings_of(config)
    narrowed = ListScope(settings, None, account, contract)
    found, more = _found(config, wanted, narrowed, days, limit)
    if csv is not None:
        rows = [one.cells().values() for one in found]
        write_file(csv, ENTRIES[wanted].columns(), rows, delimiter)
    elif as_json:
        write_json([one.model_dump(mode="json", by_alias=True) for one in found])
    else:
        _write(name, found, settings)
    print_more(limit, more=more)


def _name(text: str) -> "WorkList":
    """Read a list's name; the enumeration itself would make help slow."""
    from relay.store.worklist_queries import WorkList

    try:
        return WorkList(text)
    except ValueError:
        raise typer.BadParameter(f"use one of {NAMES}", param_hint="NAME") from None


def _found(
    config: Config, name: "WorkList", narrowed: "ListScope", days: int, limit: int
) -> "tuple[list[Entry], bool]":
    """Return the first *limit* rows, and whether there are more."""
    from relay.service.worklists import WorkListPage

    async def act(database: "Database") -> "tuple[list[Entry], bool]":
        await narrowed.check(database)
        asked, now = narrowed.asked(days), utcnow()
        listing = WorkListPage(name, database, asked, narrowed.settings, now)
        return await _rows(listing, limit)

    return on_database(config, act)


async def _rows(listing: "WorkListPage", limit: int) -> "tuple[list[Entry], bool]":
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
    from relay.service.views import account_zone

    cells = entry.cells()
    if "why" in cells:
        zone = account_zone(cells["account"], settings)
        cells["why"] = with_local_times(cells["why"], zone)
    return cells
