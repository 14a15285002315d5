"""`relay accounts`: whether VTEX is being told, account by account."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli.databases import on_database
from relay.cli.layout import Column
from relay.cli.options import AsJson, Config, settings_of
from relay.cli.showing import local, write_json, write_table
from relay.clock import micros, moment, utcnow
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.store.database import Database

COLUMNS = (
    Column("account"),
    Column("due"),
    Column("waiting"),
    Column("stuck"),
    Column("last accepted", 1),
    Column("shut because", is_text=True),
)

commands = typer.Typer(
    help="Look at accounts, and open those that are shut.", no_args_is_help=True
)


@commands.command("list")
def list_(config: Config = None, as_json: AsJson = False) -> None:
    """List accounts, with what keeps VTEX from being told."""
    from relay.web.entering import account_zone

    found = on_database(config, _listed)
    if as_json:
        write_json(found)
        return
    settings = settings_of(config)
    for row in found:
        zone = account_zone(row["account"], settings)
        row["lastAccepted"] = local(row["lastAccepted"], zone)
    write_table(COLUMNS, [list(row.values()) for row in found])


@commands.command("open")
def open_(
    account: Annotated[str, typer.Argument(help="The account's name.")],
    config: Config = None,
) -> None:
    """Try again at once, after credentials or permissions were mended."""

    async def act(database: "Database") -> bool:
        from relay.store.accounts import Accounts

        opened = await Accounts(database).open(account)
        await database.notify()
        return opened

    if not on_database(config, act):
        raise NotFound(
            f"there is no account {account}", way_out="`relay accounts list` shows them"
        )
    typer.echo(f"{account} is open: a running relay tries again within a second.")


async def _listed(database: "Database") -> list[dict[str, Any]]:
    from relay.store.accounts import Accounts
    from relay.store.counting import counts

    now = utcnow()
    counted = await counts(database, {}, now)
    return [
        {
            "account": state.account,
            "due": counted.due.get(state.account, 0),
            "waiting": counted.waiting.get(state.account, 0),
            "stuck": counted.stuck.get(state.account, 0),
            "lastAccepted": state.accepted_at and moment(state.accepted_at),
            "shutBecause": state.closed_because(micros(now)) or state.read_closed,
        }
        for state in await Accounts(database).all()
    ]
