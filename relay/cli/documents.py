"""`relay documents`: what came from carriers, as it came."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

import json
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli import bulk
from relay.cli.columns import DOCUMENTS
from relay.cli.databases import on_database
from relay.cli.files import Csv, Delimiter, say_more, write_file
from relay.cli.nextsteps import write_next
from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.showing import write_fields, write_json, write_table
from relay.clock import moment
from relay.counting import counted
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.settings import Settings
    from relay.store.database import Database

Filter = Annotated[str | None, typer.Option(show_default=False)]
Number = Annotated[int, typer.Argument(min=1, help="The document's number.")]

PAGE = 500

commands = typer.Typer(
    help="Look at what carriers sent, and have it read again.", no_args_is_help=True
)


@commands.command("list")
def list_(  # noqa: PLR0913 -- each is an option of the command
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="Only what no adapter could read.")
    ] = False,
    *,
    contract: Filter = None,
    limit: Limit = 50,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List documents, the newest first."""
    settings = settings_of(config)
    act = partial(_listed, settings, contract, limit, unreadable)
    rows, more = on_database(config, act)
    cells = [[_shown(r, _zone(r, settings))[c] for c in DOCUMENTS] for r in rows]
    if csv is not None:
        write_file(csv, list(DOCUMENTS), cells, delimiter)
    elif as_json:
        write_json([_shown(row) for row in rows])
    else:
        write_table(list(DOCUMENTS.values()), cells)
        write_next("unreadable", rows if unreadable else [])
    say_more(limit, more=more)


async def _listed(
    settings: "Settings",
    contract: str | None,
    limit: int,
    unreadable: bool,
    database: "Database",
) -> tuple[list[dict[str, Any]], bool]:
    """Return the first *limit* documents, and whether there are more."""
    from relay.store.documents import Documents
    from relay.web.narrowing import Narrowed

    await Narrowed(settings, contract=contract).check(database)
    documents, before = Documents(database), None
    found: list[dict[str, Any]] = []
    while True:
        page = await documents.list(before=before, limit=PAGE, unreadable=unreadable)
        found += [r for r in page if contract in (None, r["contract"])]
        if len(page) < PAGE or len(found) > limit:
            return found[:limit], len(found) > limit
        before = page[-1]["document"]


@commands.command()
def show(document: Number, config: Config = None, as_json: AsJson = False) -> None:
    """Show a document with its headers and its body."""

    async def act(database: "Database") -> Mapping[str, Any]:
        from relay.store.documents import Documents

        row = await Documents(database).one(document)
        if row is None:
            raise _no_such(document)
        return dict(row)

    row = on_database(config, act)
    headers = {"headers": json.loads(row["headers"])}
    body = bytes(row["body"]).decode(errors="replace")
    if as_json:
        write_json(_shown(row) | headers | {"body": body})
        return
    write_fields(_shown(row, _zone(row, settings_of(config))) | headers)
    typer.echo(f"\n{body}")


@commands.command()
def replay(  # noqa: PLR0913 -- each is an option of the command
    document: Annotated[
        int | None,
        typer.Argument(min=1, help="The document's number; none with --all."),
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="All that fit the rest.")] = False,
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="Of all, those that nobody could read.")
    ] = False,
    contract: Filter = None,
    since: Annotated[
        datetime | None, typer.Option(help="When they came, UTC.", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Have documents read again, after an adapter or a code table was mended."""
    if (document is None) is not all_:
        raise typer.BadParameter("give the number of one document, or --all")
    if document is None:
        utc = since and since.replace(tzinfo=UTC)
        count = bulk.replay(config, contract, utc, unreadable=unreadable)
        replayed = counted(count, "document")
        typer.echo(f"{replayed} will be read again by a running relay.")
        return
    _replay_one(document, config)


def _replay_one(document: int, config: Config) -> None:
    async def act(database: "Database") -> bool:
        from relay.store.documents import Documents

        replayed = await Documents(database).replay(document)
        await database.notify()
        return replayed

    if not on_database(config, act):
        raise _no_such(document)
    typer.echo(f"document {document} will be read again by a running relay.")


def _no_such(document: int) -> NotFound:
    return NotFound(
        f"there is no document {document}", way_out="`relay documents list` shows them"
    )


def _zone(row: Mapping[str, Any], settings: "Settings") -> tzinfo:
    """Return the zone of the contract's first store, or of the only one there is."""
    from relay.web.entering import zone_of

    stores = list(settings.accounts.values())
    if row["contract"] not in settings.contracts and len(stores) == 1:
        return stores[0].zone
    return zone_of(row, settings)


def _shown(row: Mapping[str, Any], zone: tzinfo = UTC) -> dict[str, Any]:
    """Return a row without what is shown apart, its instants as those of *zone*."""
    left_out = ("body", "headers")
    shown = {name: row[name] for name in row if name not in left_out}
    for name in ("received_at", "read_at"):
        shown[name] = None if row[name] is None else moment(row[name]).astimezone(zone)
    return shown
