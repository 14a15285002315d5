"""`relay events`: what is done about events that are not believed."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from relay.cli.databases import on_database, operator
from relay.cli.options import Config
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.store.corrections import Judged
    from relay.store.database import Database

Number = Annotated[
    int, typer.Argument(min=1, help="The event's number, as lists show it.")
]

commands = typer.Typer(
    help="Decide about events that `relay lists quarantined` shows.",
    no_args_is_help=True,
)


@commands.command()
def release(event: Number, config: Config = None) -> None:
    """Believe an event: VTEX is told of it."""
    _judge(event, "released", config)


@commands.command()
def drop(event: Number, config: Config = None) -> None:
    """Do not believe an event: VTEX is not told of it, unless it was already."""
    _judge(event, "dropped", config)


def _judge(event: int, judged: Literal["released", "dropped"], config: Config) -> None:
    async def act(database: "Database") -> "Judged":
        from relay.store.corrections import Corrections

        found = await Corrections(database).judge(event, judged, operator(), utcnow())
        await database.notify()
        return found

    found = on_database(config, act)
    typer.echo(f"event {event} is {judged}, for {', '.join(found.shipments)}.")
    for warning in found.warnings:
        typer.echo(warning, err=True)
