"""`relay shipments`: what is done about one, or about all that are stuck."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli import bulk
from relay.cli.databases import operator
from relay.cli.naming import HELP, Shipment, on_shipment
from relay.cli.options import Config, settings_of
from relay.clock import utcnow
from relay.counting import counted

if TYPE_CHECKING:
    from relay.store.database import Database
    from relay.store.lists import Listed

Filter = Annotated[str | None, typer.Option(show_default=False)]

commands = typer.Typer(
    help="Look at shipments, and help those that are stuck.", no_args_is_help=True
)


@commands.command()
def retry(  # noqa: PLR0913 -- each is an option of the command
    shipment: Annotated[
        str | None, typer.Argument(help=f"{HELP} None with --all-stuck.")
    ] = None,
    *,
    all_stuck: Annotated[
        bool, typer.Option("--all-stuck", help="All that are stuck, and fit the rest.")
    ] = False,
    account: Filter = None,
    contract: Filter = None,
    because: Annotated[
        str | None, typer.Option(help="Words of the reason.", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Tell VTEX now, and forget what failed before."""
    if (shipment is None) is not all_stuck:
        raise typer.BadParameter("give the id of one shipment, or --all-stuck")
    if shipment is None:
        count = bulk.retry_stuck(config, account, contract, because)
        due = counted(count, "stuck shipment is due", "stuck shipments are due")
        typer.echo(f"{due}.")
        return

    async def act(database: "Database", listed: "Listed") -> None:
        from relay.store.corrections import Corrections

        await Corrections(database).retry(listed.row["id"], operator(), utcnow())

    id_, _ = on_shipment(config, shipment, act)
    typer.echo(f"{id_} is due: a running relay tells VTEX within a second.")


@commands.command("track-again")
def track_again(shipment: Shipment, config: Config = None) -> None:
    """Have the carrier asked at once; a shipment that expired is open again."""

    async def act(database: "Database", listed: "Listed") -> None:
        from relay.resolving import asked_contracts
        from relay.store.again import track_again
        from relay.wiring import carriers

        settings = settings_of(config)
        asked = asked_contracts(settings.contracts, carriers(settings))
        await track_again(database, listed.row["id"], operator(), utcnow(), asked)

    id_, _ = on_shipment(config, shipment, act)
    typer.echo(f"{id_}: a running relay asks its carrier within a second.")


@commands.command()
def cancel(shipment: Shipment, config: Config = None) -> None:
    """Take a label back: VTEX is told nothing more of it."""

    async def act(database: "Database", listed: "Listed") -> tuple[str, ...]:
        from relay.store.corrections import Corrections

        id_ = listed.row["id"]
        return await Corrections(database).cancel(id_, operator(), utcnow())

    id_, warnings = on_shipment(config, shipment, act)
    typer.echo(f"{id_} is cancelled.")
    for warning in warnings:
        typer.echo(warning, err=True)
