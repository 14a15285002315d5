"""`relay shipments hand-over`: a second carrier takes a parcel on."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.changing import Text, known, registrar, request_of, say
from relay.cli.databases import operator
from relay.cli.naming import Shipment, on_shipment
from relay.cli.options import Config, settings_of
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.registering import HandOverRequest
    from relay.settings import Settings
    from relay.store.corrections import Corrected
    from relay.store.database import Database
    from relay.store.lists import Listed


def hand_over(  # noqa: PLR0913 -- each is an option of the command
    shipment: Shipment,
    *,
    contract: Annotated[str, typer.Option(help="The second carrier's.")],
    tracking_number: Text = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(help="What it calls the parcel besides: type=value."),
    ] = None,
    volume: Annotated[int, typer.Option(min=1, help="Which box.")] = 1,
    config: Config = None,
) -> None:
    """Hand a parcel over to a second carrier; both carriers' scans count."""
    from relay.registering import HandOverRequest

    given = {
        "contract": contract,
        "trackingNumber": tracking_number,
        "references": [_reference(text) for text in reference or ()],
        "volume": volume,
    }
    act = partial(_handed_over, settings_of(config), request_of(HandOverRequest, given))
    say(*on_shipment(config, shipment, act), "handed over")


async def _handed_over(
    settings: "Settings",
    request: "HandOverRequest",
    database: "Database",
    listed: "Listed",
) -> "Corrected":
    from relay.store.handovers import HandOvers

    checks, terms = registrar(settings)
    change = checks.hand_over(request, await known(database, listed))
    hand_overs = HandOvers(database, terms.pace, terms.lower_bounds)
    return await hand_overs.hand_over(listed.row["id"], change, utcnow(), operator())


def _reference(text: str) -> dict[str, str]:
    kind, equals, value = text.partition("=")
    if not (equals and kind and value):
        raise typer.BadParameter("write type=value", param_hint="--reference")
    return {"type": kind, "value": value}
