"""`relay shipments correct`: what the API's PATCH does."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.changing import Text, known, registrar, request_of, say
from relay.cli.databases import operator
from relay.cli.naming import Shipment, on_shipment
from relay.cli.options import Config, settings_of
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.registering import CorrectionRequest
    from relay.settings import Settings
    from relay.store.corrections import Corrected
    from relay.store.database import Database
    from relay.store.lists import Listed


class History(StrEnum):
    """What becomes of the events under the old number."""

    DROP = "drop"
    KEEP = "keep"


def correct(  # noqa: PLR0913 -- each is an option of the command
    shipment: Shipment,
    *,
    tracking_number: Text = None,
    tracking_url: Text = None,
    courier: Text = None,
    contract: Text = None,
    invoice_key: Text = None,
    dispatched_date: Text = None,
    estimated_delivery_date: Text = None,
    volume: Annotated[int, typer.Option(min=1, help="Which box's number.")] = 1,
    history: Annotated[
        History,
        typer.Option(
            help="Of the old number: drop if it was another parcel's, keep after a "
            "relabel."
        ),
    ] = History.DROP,
    config: Config = None,
) -> None:
    """Correct the number, the page, the courier, the contract, the key or a date."""
    from relay.registering import CorrectionRequest

    wrong = {
        "trackingNumber": tracking_number,
        "trackingUrl": tracking_url,
        "courier": courier,
        "contract": contract,
        "invoiceKey": invoice_key,
        "dispatchedDate": dispatched_date,
        "estimatedDeliveryDate": estimated_delivery_date,
    }
    if not any(wrong.values()):
        raise typer.BadParameter("say what is right: --tracking-number, --contract, …")
    rest = {"volume": volume, "history": history.value}
    request = request_of(CorrectionRequest, wrong | rest)
    act = partial(_corrected, settings_of(config), request)
    say(*on_shipment(config, shipment, act), "corrected")


async def _corrected(
    settings: "Settings",
    request: "CorrectionRequest",
    database: "Database",
    listed: "Listed",
) -> "Corrected":
    from relay.store.corrections import Corrected, Corrections

    checks, terms = registrar(settings)
    now = utcnow()
    checked = checks.correction(request, await known(database, listed), now)
    corrections = Corrections(database, terms.pace, terms.lower_bounds)
    id_, by = listed.row["id"], operator()
    done = await corrections.correct(id_, checked.value, now, by)
    return Corrected(done.updated, (*checked.warnings, *done.warnings))
