"""The database that the settings name, for one command."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from relay.cli.options import Config, settings_of
from relay.clock import utcnow
from relay.errors import ConfigurationError, Conflict, NotFound

if TYPE_CHECKING:
    from pydantic import BaseModel

    from relay.config.settings import Settings
    from relay.registration.corrections import RegisteredShipment
    from relay.registration.registrar import Registrar
    from relay.store.corrections import CorrectionResult
    from relay.store.database import Database
    from relay.store.shipment_lists import ListedShipment, ShipmentLists
    from relay.store.unread import ReaderTerms


T = TypeVar("T")


def on_database(config: Path | None, act: "Callable[[Database], Awaitable[T]]") -> T:
    """Open the database, *act* on it and return what comes of it.

    A relay may be serving it meanwhile: it looks round every second. Raises
    `ConfigurationError` if there is no database yet.
    """
    settings = settings_of(config)
    _check_there(settings)
    return asyncio.run(_acted(settings, act))


async def _acted(settings: "Settings", act: "Callable[[Database], Awaitable[T]]") -> T:
    from relay.runtime.database import opened

    async with opened(settings) as database:
        return await act(database)


def _check_there(settings: "Settings") -> None:
    """Refuse to make an empty database where one was expected."""
    from relay.runtime.wiring import sqlite_path

    path = sqlite_path(settings)
    if settings.database.startswith("sqlite:") and not path.exists():
        raise ConfigurationError(
            f"database: {path} does not exist; run this in the relay's folder and "
            "with its settings, or start the relay first"
        )


def operator() -> str:
    """Return who runs the command, for the notes of a shipment."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "the command line"


M = TypeVar("M", bound="BaseModel")

Text = Annotated[str | None, typer.Option(show_default=False)]


def request_of(model: "type[M]", given: Mapping[str, Any]) -> "M":
    """Return what the API would take; raise `InvalidLabel` with its words."""
    from pydantic_core import to_json

    from relay.api.bodies import validated

    return validated(to_json({k: v for k, v in given.items() if v is not None}), model)


def registrar(settings: "Settings") -> "tuple[Registrar, ReaderTerms]":
    """Return what checks changes as the API does, and the terms of storing them."""
    from relay.registration.contract_terms import reading_terms
    from relay.registration.registrar import Registrar
    from relay.runtime.wiring import carriers, event_pace

    adapters = carriers(settings)
    terms = reading_terms(settings.contracts, adapters, event_pace(settings))
    return Registrar(settings, adapters), terms


async def known(database: "Database", listed: "ListedShipment") -> "RegisteredShipment":
    """Return what is registered of a shipment."""
    from relay.api.shipments import known_in
    from relay.store.shipment_lists import ShipmentLists

    return await known_in(ShipmentLists(database), listed)


def print_result(id_: str, done: "CorrectionResult", what: str) -> None:
    """Write what became of a change, and what to look at."""
    if done.updated:
        typer.echo(f"{id_} is {what} ({', '.join(done.updated)}).")
    else:
        typer.echo(f"{id_}: it was so already, nothing is changed.")
    for warning in done.warnings:
        typer.echo(warning, err=True)


Act = Callable[["Database", "ListedShipment"], Awaitable[T]]
MOST = 20
"""So many shipments are listed where several are meant."""
HELP = "Its id, or its order or tracking number if that means one shipment only."
Shipment = Annotated[str, typer.Argument(help=HELP, show_default=False)]


def on_shipment(config: Config, named: str, act: "Act[T]") -> "tuple[str, T]":
    """*act* on the shipment that *named* means; return its id, and what comes of it.

    Raises `NotFound` if there is none, and `Conflict` if there are several.
    """

    async def acted(database: "Database") -> "tuple[str, T]":
        from relay.store.shipment_lists import ShipmentLists

        listed = await resolve_name(ShipmentLists(database), named)
        done = await act(database, listed)
        await database.notify()
        return listed.row["id"], done

    return on_database(config, acted)


async def resolve_name(lists: "ShipmentLists", named: str) -> "ListedShipment":
    """Return the one shipment that has this id, order or number."""
    by_id = await lists.one(named, utcnow())
    found = [by_id] if by_id else await _called(lists, named)
    if not found:
        raise NotFound(
            "no shipment has this id, order or number",
            hint="`relay shipments list` shows them",
        )
    if len(found) > 1:
        raise Conflict(
            f"several shipments are meant, give the id of one:\n{_listed(found)}"
        )
    return found[0]


async def _called(lists: "ShipmentLists", named: str) -> "list[ListedShipment]":
    """Return the shipments of an order, and those under a tracking number."""
    from relay.store.shipment_lists import ShipmentFilter

    found: dict[str, ListedShipment] = {}
    for wanted in (
        ShipmentFilter(order_id=named),
        ShipmentFilter(tracking_number=named),
    ):
        page = await lists.shipments(wanted, utcnow(), limit=MOST)
        found |= {listed.row["id"]: listed for listed in page.shipments}
    return list(found.values())


def _listed(found: "Iterable[ListedShipment]") -> str:
    """Return a line for each, with what tells them apart."""
    names = ("id", "account", "order_id", "invoice_number", "tracking_number")
    return "\n".join(
        "  ".join([*(str(f.row[name] or "-") for name in names), f.standing.state])
        for f in found
    )
