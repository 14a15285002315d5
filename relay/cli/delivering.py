"""`relay shipments mark-delivered`: a person's word for a delivery."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.changing import known, registrar, request_of
from relay.cli.databases import operator
from relay.cli.naming import Shipment, on_shipment
from relay.cli.options import Config, settings_of
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.registering import DeliveredRequest
    from relay.settings import Settings
    from relay.store.database import Database
    from relay.store.lists import Listed


def mark_delivered(
    shipment: Shipment,
    *,
    at: Annotated[
        str, typer.Option(help="When, as 2026-08-04T16:20:00; in the store's zone.")
    ],
    volume: Annotated[
        int | None,
        typer.Option(min=1, help="Which box; by default all.", show_default=False),
    ] = None,
    description: Annotated[
        str | None, typer.Option(help="What shoppers read.", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Say that a parcel was delivered; a person's word needs no release."""
    from relay.registering import DeliveredRequest

    given = {"occurredAt": at, "volume": volume, "description": description}
    act = partial(_delivered, settings_of(config), request_of(DeliveredRequest, given))
    id_, _ = on_shipment(config, shipment, act)
    typer.echo(f"{id_} was delivered: a running relay tells VTEX within seconds.")


async def _delivered(
    settings: "Settings",
    request: "DeliveredRequest",
    database: "Database",
    listed: "Listed",
) -> None:
    from relay.store.operating import mark_delivered as store_delivered

    checks, _ = registrar(settings)
    now = utcnow()
    said = checks.delivery(request, await known(database, listed), now)
    await store_delivered(database, listed.row["id"], said, operator(), now)
