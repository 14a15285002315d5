"""`relay shipments correct`: what the API's PATCH does."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick
# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from relay.cli.options import Config, settings_of
from relay.cli.session import (
    Shipment,
    Text,
    known,
    on_shipment,
    operator,
    print_result,
    registrar,
    request_of,
)
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.config.settings import Settings
    from relay.registration.requests import (
        CorrectionRequest,
        DeliveredRequest,
        HandoverRequest,
        ResendRequest,
    )
    from relay.store.corrections import CorrectionResult
    from relay.store.database import Database
    from relay.store.shipment_lists import ListedShipment


class OldEvents(StrEnum):
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
        OldEvents,
        typer.Option(
            help="Of the old number: drop if it was another parcel's, keep after a "
            "relabel."
        ),
    ] = OldEvents.DROP,
    config: Config = None,
) -> None:
    """Correct the number, the page, the courier, the contract, the key or a date."""
    from relay.registration.requests import CorrectionRequest

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
    print_result(*on_shipment(config, shipment, act), "corrected")


async def _corrected(
    settings: "Settings",
    request: "CorrectionRequest",
    database: "Database",
    listed: "ListedShipment",
) -> "CorrectionResult":
    from relay.store.corrections import CorrectionResult
    from relay.store.operator_actions import OperatorActions

    checks, terms = registrar(settings)
    now = utcnow()
    checked = checks.correction(request, await known(database, listed), now)
    corrections = OperatorActions(database, terms.pace, terms.lower_bounds)
    id_, by = listed.row["id"], operator()
    done = await corrections.correct(id_, checked.value, now, by)
    return CorrectionResult(done.updated, (*checked.warnings, *done.warnings))


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
    from relay.registration.requests import DeliveredRequest

    given = {"occurredAt": at, "volume": volume, "description": description}
    act = partial(_delivered, settings_of(config), request_of(DeliveredRequest, given))
    id_, _ = on_shipment(config, shipment, act)
    typer.echo(f"{id_} was delivered: a running relay tells VTEX within seconds.")


async def _delivered(
    settings: "Settings",
    request: "DeliveredRequest",
    database: "Database",
    listed: "ListedShipment",
) -> None:
    from relay.store.operator_events import mark_delivered as store_delivered

    checks, _ = registrar(settings)
    now = utcnow()
    said = checks.delivery(request, await known(database, listed), now)
    await store_delivered(database, listed.row["id"], said, operator(), now)


def handover(  # noqa: PLR0913 -- each is an option of the command
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
    from relay.registration.requests import HandoverRequest

    given = {
        "contract": contract,
        "trackingNumber": tracking_number,
        "references": [_reference(text) for text in reference or ()],
        "volume": volume,
    }
    act = partial(_handed_over, settings_of(config), request_of(HandoverRequest, given))
    print_result(*on_shipment(config, shipment, act), "handed over")


async def _handed_over(
    settings: "Settings",
    request: "HandoverRequest",
    database: "Database",
    listed: "ListedShipment",
) -> "CorrectionResult":
    from relay.store.handovers import Handovers

    checks, terms = registrar(settings)
    change = checks.handover(request, await known(database, listed))
    handovers = Handovers(database, terms.pace, terms.lower_bounds)
    return await handovers.handover(listed.row["id"], change, utcnow(), operator())


def _reference(text: str) -> dict[str, str]:
    kind, equals, value = text.partition("=")
    if not (equals and kind and value):
        raise typer.BadParameter("write type=value", param_hint="--reference")
    return {"type": kind, "value": value}


class ResendScope(StrEnum):
    """What VTEX is told again."""

    TRACKING = "tracking"
    EVENTS = "events"
    ALL = "all"


def resend(
    shipment: Shipment,
    what: Annotated[
        ResendScope, typer.Option(help="ResendScope is told again.")
    ] = ResendScope.ALL,
    force: Annotated[
        bool, typer.Option("--force", help="Also if VTEX knows it as delivered.")
    ] = False,
    config: Config = None,
) -> None:
    """Tell VTEX again, with present settings, as if it knew nothing."""
    from relay.registration.requests import ResendRequest

    request = ResendRequest(what=what.value, force=force)
    settings = settings_of(config)

    async def act(database: "Database", listed: "ListedShipment") -> tuple[str, ...]:
        return await _resent(database, settings, listed, request)

    id_, warnings = on_shipment(config, shipment, act)
    typer.echo(f"{id_} is due: a running relay tells VTEX within a second.")
    for warning in warnings:
        typer.echo(warning, err=True)


async def _resent(
    database: "Database",
    settings: "Settings",
    listed: "ListedShipment",
    request: "ResendRequest",
) -> tuple[str, ...]:
    from relay.api.shipments import known_in
    from relay.registration.registrar import Registrar
    from relay.runtime.wiring import carriers
    from relay.store.operator_actions import resend as store_resend
    from relay.store.shipment_lists import ShipmentLists

    registrar = Registrar(settings, carriers(settings))
    what = registrar.resend_order(
        request, await known_in(ShipmentLists(database), listed)
    )
    return await store_resend(database, listed.row["id"], what, operator(), utcnow())
