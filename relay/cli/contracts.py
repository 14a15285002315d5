"""`relay contracts`: what is configured, and whether carriers can be asked."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import typer

from relay.cli.databases import on_database
from relay.cli.layout import Column
from relay.cli.options import AsJson, Config, settings_of
from relay.cli.showing import local, write_json, write_table
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.store.database import Database
    from relay.store.pollstate import PollState
    from relay.web.contracts import ContractLine

COLUMNS = (
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

commands = typer.Typer(
    help="Look at contracts, and how their carriers are asked.", no_args_is_help=True
)


@commands.command("list")
def list_(config: Config = None, as_json: AsJson = False) -> None:
    """List contracts, with what keeps their carriers from being asked."""
    from relay.web.contracts import contract_lines
    from relay.web.entering import account_zone

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
    write_table(COLUMNS, [_cells(line, zones[line.name]) for line in lines])


def _cells(line: "ContractLine", zone: tzinfo) -> list[Any]:
    first, asked = [line.name, line.adapter, ", ".join(line.accounts)], line.asked
    if asked is None:
        return [*first, *[None] * 4, line.webhook, None]
    pace = [asked.calls_today, asked.daily_quota, asked.failures]
    until = local(asked.left_alone_until, zone)
    return [*first, *pace, until, line.webhook, asked.because]
