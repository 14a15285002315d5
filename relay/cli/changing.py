"""What commands that change a shipment share: the checks of the API, and its words."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from relay.registering import Registrar
    from relay.registering.correcting import Known
    from relay.settings import Settings
    from relay.store.corrections import Corrected
    from relay.store.database import Database
    from relay.store.lists import Listed
    from relay.store.slices import Terms

    M = TypeVar("M", bound=BaseModel)

Text = Annotated[str | None, typer.Option(show_default=False)]


def request_of(model: "type[M]", given: Mapping[str, Any]) -> "M":
    """Return what the API would take; raise `InvalidLabel` with its words."""
    from pydantic_core import to_json

    from relay.web.bodies import checked

    return checked(to_json({k: v for k, v in given.items() if v is not None}), model)


def registrar(settings: "Settings") -> "tuple[Registrar, Terms]":
    """Return what checks changes as the API does, and the terms of storing them."""
    from relay.registering import Registrar
    from relay.resolving import reading_terms
    from relay.wiring import carriers, pace

    adapters = carriers(settings)
    terms = reading_terms(settings.contracts, adapters, pace(settings))
    return Registrar(settings, adapters), terms


async def known(database: "Database", listed: "Listed") -> "Known":
    """Return what is registered of a shipment."""
    from relay.store.lists import Lists
    from relay.web.finding import known_in

    return await known_in(Lists(database), listed)


def say(id_: str, done: "Corrected", what: str) -> None:
    """Write what became of a change, and what to look at."""
    if done.updated:
        typer.echo(f"{id_} is {what} ({', '.join(done.updated)}).")
    else:
        typer.echo(f"{id_}: it was so already, nothing is changed.")
    for warning in done.warnings:
        typer.echo(warning, err=True)
