"""`relay contracts`: what is configured, and whether carriers can be asked."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from typing import TYPE_CHECKING, Any

import typer

from relay.cli.databases import on_database
from relay.cli.options import AsJson, Config, settings_of
from relay.cli.showing import write_json, write_table
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.store.database import Database
    from relay.store.pollstate import PollState
    from relay.web.contracts import ContractLine

COLUMNS = (
    "contract", "adapter", "accounts", "webhook", "asked today", "of", "failures",
    "left alone until (UTC)", "because",
)  # fmt: skip

commands = typer.Typer(
    help="Look at contracts, and how their carriers are asked.", no_args_is_help=True
)


@commands.command("list")
def list_(config: Config = None, as_json: AsJson = False) -> None:
    """List contracts, with what keeps their carriers from being asked."""
    from relay.web.contracts import contract_lines

    async def states(database: "Database") -> "dict[str, PollState]":
        from relay.store.polls import PollClaims

        return await PollClaims(database).states()

    found = on_database(config, states)
    lines = contract_lines(settings_of(config), found, utcnow())
    if as_json:
        write_json([line.model_dump(mode="json", by_alias=True) for line in lines])
        return
    write_table(COLUMNS, [_cells(line) for line in lines])


def _cells(line: "ContractLine") -> list[Any]:
    first = [line.name, line.adapter, ", ".join(line.accounts), line.webhook]
    asked = line.asked
    if asked is None:
        return [*first, *[None] * 5]
    pace = [asked.calls_today, asked.daily_quota, asked.failures]
    return [*first, *pace, asked.left_alone_until, asked.because]
