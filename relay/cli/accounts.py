"""`relay accounts`: whether VTEX is being told, account by account."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick
# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from datetime import tzinfo
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import local, write_json, write_table
from relay.cli.session import on_database, operator
from relay.cli.table import Column
from relay.clock import micros, moment, utcnow
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.api.accounts import ContractEntry
    from relay.store.database import Database
    from relay.store.due_polls import PollState
    from relay.store.erasure import ErasureResult


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
    from relay.service.views import account_zone

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
            f"there is no account {account}", hint="`relay accounts list` shows them"
        )
    typer.echo(f"{account} is open: a running relay tries again within a second.")


async def _listed(database: "Database") -> list[dict[str, Any]]:
    from relay.store.accounts import Accounts
    from relay.store.worklists import counts

    now = utcnow()
    counted = await counts(database, {}, now)
    return [
        {
            "account": state.account,
            "due": counted.due.get(state.account, 0),
            "waiting": counted.waiting.get(state.account, 0),
            "stuck": counted.stuck.get(state.account, 0),
            "lastAccepted": state.accepted_at and moment(state.accepted_at),
            "shutBecause": state.closed_reason(micros(now)) or state.read_closed,
        }
        for state in await Accounts(database).all()
    ]


CONTRACT_COLUMNS = (
    Column("contract"),
    Column("adapter", 2),
    Column("accounts", 4),
    Column("asked today", 1),
    Column("of", 3),
    Column("failures", 1),
    Column("left alone until"),
    Column("webhook", is_text=True),
    Column("because", is_text=True),
)
contract_commands = typer.Typer(
    help="Look at contracts, and how their carriers are asked.", no_args_is_help=True
)


@contract_commands.command("list")
def list_contracts(config: Config = None, as_json: AsJson = False) -> None:
    """List contracts, with what keeps their carriers from being asked."""
    from relay.api.accounts import contract_lines
    from relay.service.views import account_zone

    async def states(database: "Database") -> "dict[str, PollState]":
        from relay.store.polls import PollClaims

        return await PollClaims(database).states()

    found = on_database(config, states)
    settings = settings_of(config)
    lines = contract_lines(settings, found, utcnow())
    if as_json:
        write_json([line.model_dump(mode="json", by_alias=True) for line in lines])
        return
    zones = {line.name: account_zone(line.account, settings) for line in lines}
    write_table(CONTRACT_COLUMNS, [_cells(line, zones[line.name]) for line in lines])


def _cells(line: "ContractEntry", zone: tzinfo) -> list[Any]:
    first, asked = [line.name, line.adapter, ", ".join(line.accounts)], line.asked
    if asked is None:
        return [*first, *[None] * 4, line.webhook, None]
    pace = [asked.calls_today, asked.daily_quota, asked.failures]
    until = local(asked.left_alone_until, zone)
    return [*first, *pace, until, line.webhook, asked.because]


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
            hint="`relay shipments list` shows orders as they were registered",
        )
    typer.echo(
        f"forgotten: {cut.shipments} shipments, {cut.documents} documents, "
        f"{cut.events} events, {cut.published} objects told, {cut.calls} calls"
    )
    if not emptied:
        typer.echo(
            "The database's log still holds it: a running relay empties it within "
            "minutes; without one, run this again.",
            err=True,
        )


async def _forgotten(
    database: "Database", account: str, order: str
) -> "tuple[ErasureResult, bool]":
    """Cut, and empty SQLite's log, which holds what was cut."""
    from relay.store.erasure import Erasure
    from relay.store.sqlite import SqliteDatabase

    cut = await Erasure(database).forget(account, order, operator(), utcnow())
    if not isinstance(database, SqliteDatabase):
        return cut, True
    return cut, await database.checkpoint(truncate=True)
