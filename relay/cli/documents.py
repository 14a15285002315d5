"""`relay documents`: what came from carriers, as it came."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli import bulk
from relay.cli.databases import on_database
from relay.cli.options import AsJson, Config, Limit
from relay.cli.showing import write_fields, write_json, write_table
from relay.clock import moment
from relay.counting import counted
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.store.database import Database

Number = Annotated[int, typer.Argument(min=1, help="The document's number.")]

COLUMNS = {
    "document": "document",
    "contract": "contract",
    "source": "source",
    "received_at": "received (UTC)",
    "read_at": "read (UTC)",
    "brought": "new events",
    "size": "bytes",
    "unreadable_because": "unreadable because",
}

commands = typer.Typer(
    help="Look at what carriers sent, and have it read again.", no_args_is_help=True
)


@commands.command("list")
def list_(
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="Only what no adapter could read.")
    ] = False,
    limit: Limit = 50,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List documents, the newest first."""

    async def act(database: "Database") -> list[dict[str, Any]]:
        from relay.store.documents import Documents

        return await Documents(database).list(limit=limit, unreadable=unreadable)

    found = [_shown(row) for row in on_database(config, act)]
    if as_json:
        write_json(found)
        return
    write_table(list(COLUMNS.values()), [[r[c] for c in COLUMNS] for r in found])


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
    fields = _shown(row) | {"headers": json.loads(row["headers"])}
    fields["body"] = bytes(row["body"]).decode(errors="replace")
    if as_json:
        write_json(fields)
        return
    body = fields.pop("body")
    write_fields(fields)
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
    contract: Annotated[str | None, typer.Option(show_default=False)] = None,
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


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without what is shown apart, its instants as instants."""
    left_out = ("body", "headers")
    shown = {name: row[name] for name in row if name not in left_out}
    for name in ("received_at", "read_at"):
        shown[name] = None if row[name] is None else moment(row[name])
    return shown
