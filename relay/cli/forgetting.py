"""`relay forget`: an order's shopper asked to be forgotten."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.databases import on_database, operator
from relay.cli.options import Config
from relay.clock import utcnow
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.store.database import Database
    from relay.store.forgetting import Forgotten


def forget(
    account: Annotated[str, typer.Argument(help="The account's name.")],
    order: Annotated[str, typer.Argument(help="The order's id, as VTEX has it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Cut all that can name a person from what is kept of one order, for good."""
    if not yes:
        typer.confirm(f"Forget order {order} of {account} for good?", abort=True)
    cut, emptied = on_database(config, lambda d: _forgotten(d, account, order))
    if not cut.shipments:
        raise NotFound(
            f"{account} has no order {order}",
            way_out="`relay shipments list` shows orders as they were registered",
        )
    typer.echo(
        f"forgotten: {cut.shipments} shipments, {cut.documents} documents, "
        f"{cut.events} events, {cut.told} objects told, {cut.calls} calls"
    )
    if not emptied:
        typer.echo(
            "The database's log still holds it: a running relay empties it within "
            "minutes; without one, run this again.",
            err=True,
        )


async def _forgotten(
    database: "Database", account: str, order: str
) -> "tuple[Forgotten, bool]":
    """Cut, and empty SQLite's log, which holds what was cut."""
    from relay.store.forgetting import Forgetting
    from relay.store.sqlite import SqliteDatabase

    cut = await Forgetting(database).forget(account, order, operator(), utcnow())
    if not isinstance(database, SqliteDatabase):
        return cut, True
    return cut, await database.checkpoint(truncate=True)
