"""`relay shipments retell`: VTEX is told again, with present settings."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.databases import operator
from relay.cli.naming import Shipment, on_shipment
from relay.cli.options import Config, settings_of
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.registering import RetellRequest
    from relay.settings import Settings
    from relay.store.database import Database
    from relay.store.lists import Listed


class What(StrEnum):
    """What VTEX is told again."""

    ANNOUNCEMENT = "announcement"
    EVENTS = "events"
    ALL = "all"


def retell(
    shipment: Shipment,
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

    async def act(database: "Database", listed: "Listed") -> tuple[str, ...]:
        return await _retold(database, settings, listed, request)

    id_, warnings = on_shipment(config, shipment, act)
    typer.echo(f"{id_} is due: a running relay tells VTEX within a second.")
    for warning in warnings:
        typer.echo(warning, err=True)


async def _retold(
    database: "Database",
    settings: "Settings",
    listed: "Listed",
    request: "RetellRequest",
) -> tuple[str, ...]:
    from relay.registering import Registrar
    from relay.store.lists import Lists
    from relay.store.retelling import retell as store_retell
    from relay.web.finding import known_in
    from relay.wiring import carriers

    registrar = Registrar(settings, carriers(settings))
    what = registrar.retelling(request, await known_in(Lists(database), listed))
    return await store_retell(database, listed.row["id"], what, operator(), utcnow())
