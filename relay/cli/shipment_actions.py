"""`relay shipments correct`, `retry` and the other changes of a shipment."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from relay.cli.options import Account, Config, Contract
from relay.cli.output import write_line
from relay.cli.session import HELP, Shipment, request_of, run_bulk, run_operation
from relay.logs import counted
from relay.registration.requests import (
    CorrectionRequest,
    DeliveredRequest,
    HandoverRequest,
    ResendRequest,
)
from relay.service.access import Caller
from relay.service.models import BulkActionAnswer, ShipmentAnswer
from relay.service.queries import RetryRequest
from relay.service.services import Services
from relay.service.shipment_actions import ShipmentActionService

Action = Callable[[ShipmentActionService, Caller, str], Awaitable[ShipmentAnswer]]


def _act(config: Path | None, named: str, action: Action) -> ShipmentAnswer:
    """Run *action* on the shipment that *named* identifies; print its warnings."""

    async def operation(services: Services, caller: Caller) -> ShipmentAnswer:
        id_ = await services.shipments.resolve(caller, named)
        return await action(services.shipment_actions, caller, id_)

    answer = run_operation(config, operation)
    for warning in answer.warnings:
        write_line(warning.message, err=True)
    return answer


def _print_change(answer: ShipmentAnswer, did: str) -> None:
    if answer.updated:
        write_line(f"{answer.id}: {did} ({', '.join(answer.updated)})")
    else:
        write_line(f"{answer.id}: nothing to change, it is so already")


def retry(  # noqa: PLR0913 -- each is an option of the command
    shipment: Annotated[
        str | None, typer.Argument(help=f"{HELP} Omit it with --all-stuck.")
    ] = None,
    *,
    all_stuck: Annotated[
        bool, typer.Option("--all-stuck", help="All stuck shipments that match.")
    ] = False,
    account: Account = None,
    contract: Contract = None,
    reason: Annotated[
        str | None, typer.Option(help="A part of the reason.", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Publish at once, and clear earlier failures."""
    if (shipment is None) is not all_stuck:
        raise typer.BadParameter("give the id of one shipment, or --all-stuck")
    if shipment is not None:
        answer = _act(config, shipment, ShipmentActionService.retry)
        write_line(f"{answer.id}: due; a running relay publishes within a second")
        return
    given = {"account": account, "contract": contract, "reason": reason}
    request = request_of(RetryRequest, given)

    async def part(
        services: Services, caller: Caller, cursor: str | None
    ) -> BulkActionAnswer:
        following = request.model_copy(update={"cursor": cursor})
        return await services.worklists.retry_stuck(caller, following)

    count = run_bulk(config, part)
    due = counted(count, "stuck shipment is due", "stuck shipments are due")
    write_line(f"{due}.")


def poll_now(shipment: Shipment, config: Config = None) -> None:
    """Poll the carrier at once; an expired shipment is reopened."""
    answer = _act(config, shipment, ShipmentActionService.poll_now)
    write_line(f"{answer.id}: a running relay polls its carrier within a second")


def cancel(shipment: Shipment, config: Config = None) -> None:
    """Cancel a label: nothing more is published."""
    answer = _act(config, shipment, ShipmentActionService.cancel)
    write_line(f"{answer.id}: cancelled")


class OldEvents(StrEnum):
    """What to do with the events under the old number."""

    DROP = "drop"
    KEEP = "keep"


def correct(  # noqa: PLR0913 -- each is an option of the command
    shipment: Shipment,
    *,
    tracking_number: Annotated[
        str | None, typer.Option(help="The right tracking number.", show_default=False)
    ] = None,
    tracking_url: Annotated[
        str | None, typer.Option(help="The tracking page.", show_default=False)
    ] = None,
    courier: Annotated[
        str | None,
        typer.Option(
            help="The carrier's name, as shoppers read it.", show_default=False
        ),
    ] = None,
    contract: Annotated[
        str | None, typer.Option(help="The right contract.", show_default=False)
    ] = None,
    invoice_key: Annotated[
        str | None, typer.Option(help="The right NF-e key.", show_default=False)
    ] = None,
    dispatched_date: Annotated[
        str | None,
        typer.Option(
            help="When it left the warehouse: a date or a time.", show_default=False
        ),
    ] = None,
    estimated_delivery_date: Annotated[
        str | None, typer.Option(help="The promised day.", show_default=False)
    ] = None,
    volumes: Annotated[
        int | None,
        typer.Option(min=1, help="How many parcels there are.", show_default=False),
    ] = None,
    volume: Annotated[int, typer.Option(min=1, help="Which parcel's number.")] = 1,
    history: Annotated[
        OldEvents,
        typer.Option(
            help="Events of the old number: drop them if it was another parcel's, "
            "keep them after a relabel."
        ),
    ] = OldEvents.DROP,
    config: Config = None,
) -> None:
    """Correct a number, a key, a date, the page, the courier or the contract."""
    given = {
        "trackingNumber": tracking_number,
        "trackingUrl": tracking_url,
        "courier": courier,
        "contract": contract,
        "invoiceKey": invoice_key,
        "dispatchedDate": dispatched_date,
        "estimatedDeliveryDate": estimated_delivery_date,
        "volumes": volumes,
    }
    if not any(given.values()):
        raise typer.BadParameter("give a correction: --tracking-number, --contract, …")
    rest = {"volume": volume, "history": history.value}
    request = request_of(CorrectionRequest, given | rest)
    answer = _act(config, shipment, lambda s, c, id_: s.correct(c, id_, request))
    _print_change(answer, "corrected")


def mark_delivered(
    shipment: Shipment,
    *,
    at: Annotated[
        str,
        typer.Option(help="When, as 2026-08-04T16:20:00; in the account's zone."),
    ],
    volume: Annotated[
        int | None,
        typer.Option(min=1, help="Which parcel; by default all.", show_default=False),
    ] = None,
    description: Annotated[
        str | None, typer.Option(help="What shoppers read.", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Record a delivery that the carrier did not report."""
    given = {"occurredAt": at, "volume": volume, "description": description}
    request = request_of(DeliveredRequest, given)
    answer = _act(config, shipment, lambda s, c, id_: s.mark_delivered(c, id_, request))
    write_line(f"{answer.id}: delivered; a running relay publishes it within seconds")


def handover(  # noqa: PLR0913 -- each is an option of the command
    shipment: Shipment,
    *,
    contract: Annotated[str, typer.Option(help="The second carrier's contract.")],
    tracking_number: Annotated[
        str | None,
        typer.Option(help="The second carrier's tracking number.", show_default=False),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(help="Another reference of the second carrier: type=value."),
    ] = None,
    volume: Annotated[int, typer.Option(min=1, help="Which parcel.")] = 1,
    config: Config = None,
) -> None:
    """Add a second carrier; events of both carriers count."""
    given = {
        "contract": contract,
        "trackingNumber": tracking_number,
        "references": [_reference(text) for text in reference or ()],
        "volume": volume,
    }
    request = request_of(HandoverRequest, given)
    answer = _act(config, shipment, lambda s, c, id_: s.handover(c, id_, request))
    _print_change(answer, "handover registered")


def _reference(text: str) -> dict[str, str]:
    kind, equals, value = text.partition("=")
    if not (equals and kind and value):
        raise typer.BadParameter("write type=value", param_hint="--reference")
    return {"type": kind, "value": value}


class ResendScope(StrEnum):
    """What is sent to VTEX again."""

    TRACKING = "tracking"
    EVENTS = "events"
    ALL = "all"


def resend(
    shipment: Shipment,
    what: Annotated[
        ResendScope, typer.Option(help="What to send again.")
    ] = ResendScope.ALL,
    force: Annotated[
        bool, typer.Option("--force", help="Even if the delivery was published.")
    ] = False,
    config: Config = None,
) -> None:
    """Send tracking number and events to VTEX again, with current settings."""
    request = ResendRequest(what=what.value, force=force)
    answer = _act(config, shipment, lambda s, c, id_: s.resend(c, id_, request))
    write_line(f"{answer.id}: due; a running relay publishes within a second")
