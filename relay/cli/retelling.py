"""`relay shipments retell`: VTEX is told again, with present settings."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.databases import on_database, operator
from relay.cli.options import Config, settings_of
from relay.clock import utcnow
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.registering import RetellRequest
    from relay.settings import Settings
    from relay.store.database import Database


class What(StrEnum):
    """What VTEX is told again."""

    ANNOUNCEMENT = "announcement"
    EVENTS = "events"
    ALL = "all"


def retell(
    shipment: Annotated[str, typer.Argument(help="The shipment's id.")],
    what: Annotated[What, typer.Option(help="What is told again.")] = What.ALL,
    force: Annotated[
        bool, typer.Option("--force", help="Also if VTEX knows it as delivered.")
    ] = False,
    config: Config = None,
) -> None:
    """Tell VTEX again, with present settings, as if it knew nothing."""
    from relay.registering import RetellRequest

    request = RetellRequest(what=what.value, force=force)
    settings = settings_of(config)
    warnings = on_database(config, lambda d: _retold(d, settings, shipment, request))
    typer.echo(f"{shipment} is due: a running relay tells VTEX within a second.")
    for warning in warnings:
        typer.echo(warning, err=True)


async def _retold(
    database: "Database", settings: "Settings", id_: str, request: "RetellRequest"
) -> tuple[str, ...]:
    from relay.registering import Registrar
    from relay.store.lists import Lists
    from relay.store.retelling import retell as store_retell
    from relay.web.finding import known_in
    from relay.wiring import carriers

    lists = Lists(database)
    found = await lists.one(id_, utcnow())
    if found is None:
        raise NotFound(
            f"there is no shipment {id_}", way_out="`relay shipments list` shows them"
        )
    registrar = Registrar(settings, carriers(settings))
    what = registrar.retelling(request, await known_in(lists, found))
    warnings = await store_retell(database, id_, what, operator(), utcnow())
    await database.notify()
    return warnings
