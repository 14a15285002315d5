"""`relay outgoing`: outgoing events and their receivers."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, get_args

import typer

from relay.cli.options import AsJson, Config, Limit
from relay.cli.output import (
    print_more,
    shown,
    write_fields,
    write_json,
    write_line,
    write_model,
    write_table,
)
from relay.cli.session import collect, request_of, run_bulk, run_operation
from relay.cli.table import Column
from relay.logs import counted
from relay.service.access import Caller
from relay.service.models import BulkActionAnswer
from relay.service.outgoing_models import (
    OutgoingDelivery,
    OutgoingDetail,
    OutgoingList,
    OutgoingQuery,
    OutgoingRepeatRequest,
    OutgoingReplayRequest,
    OutgoingStarted,
    ReceiverEntry,
    ReceiverList,
)
from relay.service.services import Services
from relay.store.outgoing_events import DeliveryState

RECEIVERS: Final = (
    Column("receiver"),
    Column("host", 2),
    Column("state"),
    Column("since"),
    Column("waiting"),
    Column("oldest", 1),
    Column("failed"),
    Column("last delivered", 1),
    Column("reason", is_text=True),
)
EVENTS: Final = (
    Column("id"),
    Column("recorded"),
    Column("type"),
    Column("account", 1),
    Column("shipment", 2),
    Column("deliveries", is_text=True),
)
Event = Annotated[str, typer.Argument(help="The event's id.", show_default=False)]
Name = Annotated[
    str, typer.Argument(help="The receiver's name in the settings.", show_default=False)
]
Receiver = Annotated[
    str | None, typer.Option(help="Only of this receiver.", show_default=False)
]
Reason = Annotated[str, typer.Option(help="Why, for the audit.", show_default=False)]


def receivers(config: Config = None, as_json: AsJson = False) -> None:
    """List receivers of outgoing events: whether they work, and what waits."""

    async def operation(services: Services, caller: Caller) -> ReceiverList:
        return await services.outgoing.receivers(caller)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
    elif not found.receivers:
        write_line("no receivers; add a table [outgoing.<name>] to the settings")
    else:
        write_table(RECEIVERS, map(_receiver, found.receivers))


def list_(  # noqa: PLR0913 -- each is an option of the command
    *,
    receiver: Receiver = None,
    state: Annotated[
        str | None,
        typer.Option(help=f"Only {', '.join(get_args(DeliveryState))}."),
    ] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only this type.")] = None,
    shipment: Annotated[str | None, typer.Option(help="Only of this id.")] = None,
    limit: Limit = 50,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List events, the newest first."""
    given = {"receiver": receiver, "state": state, "type": type_}
    query = request_of(OutgoingQuery, given | {"shipmentId": shipment})

    async def operation(services: Services, caller: Caller) -> OutgoingList:
        async def page_of(part: OutgoingQuery) -> OutgoingList:
            return await services.outgoing.page(caller, part)

        return await collect(page_of, query, "events", limit)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    rows = [
        [e.id, e.recorded_at, e.type, e.account, e.shipment_id, _states(e.deliveries)]
        for e in found.events
    ]
    write_table(EVENTS, rows)
    print_more(limit, more=found.next is not None)


def show(event: Event, config: Config = None, as_json: AsJson = False) -> None:
    """Show an event with its deliveries, and the body that receivers get."""

    async def operation(services: Services, caller: Caller) -> OutgoingDetail:
        return await services.outgoing.show(caller, event)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    write_fields({n: v for n, v in found.model_dump().items() if n not in _NESTED})
    for one in found.deliveries:
        write_line("")
        write_fields(one.model_dump())
    write_line("")
    write_json(found.body)


_NESTED: Final = ("deliveries", "body")


def replay(  # noqa: PLR0913 -- each is an option of the command
    event: Annotated[
        str | None, typer.Argument(help="One event's id; else use --since.")
    ] = None,
    *,
    receiver: Annotated[
        str | None, typer.Option(help="Only to this receiver; by default to all.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Recorded at this time or later, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Recorded before this time, UTC.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that were given up.")
    ] = False,
    reason: Reason = "",
    config: Config = None,
) -> None:
    """Send events again, with the same ids: one, or those of a time."""
    if (event is None) is (since is None):
        raise typer.BadParameter("give the id of one event, or --since")
    if event is not None:
        _repeat(event, {"receiver": receiver, "reason": reason}, config)
        return
    times = {"since": since, "until": until}
    given = {n: t and t.replace(tzinfo=UTC) for n, t in times.items()}
    more = {"receiver": receiver, "failed": failed, "reason": reason}
    request = request_of(OutgoingReplayRequest, given | more)

    async def part(
        services: Services, caller: Caller, cursor: str | None
    ) -> BulkActionAnswer:
        following = request.model_copy(update={"cursor": cursor})
        return await services.outgoing.replay(caller, following)

    deliveries = counted(run_bulk(config, part), "event")
    write_line(f"{deliveries} will be sent again by a running relay.")


def send_test(receiver: Name, config: Config = None) -> None:
    """Send a test event to a receiver."""

    async def operation(services: Services, caller: Caller) -> OutgoingStarted:
        return await services.outgoing.test(caller, receiver)

    id_ = run_operation(config, operation).id
    write_line("a running relay sends the test event within a second; see")
    write_line(f"relay outgoing show {shown(id_)}")


def enable(receiver: Name, reason: Reason = "", config: Config = None) -> None:
    """Call a receiver again that is disabled or fails."""

    async def operation(services: Services, caller: Caller) -> ReceiverEntry:
        return await services.outgoing.enable(replace(caller, reason=reason), receiver)

    run_operation(config, operation)
    write_line(f"receiver {shown(receiver)} is called again by a running relay.")


def _repeat(event: str, given: dict[str, Any], config: Config) -> None:
    request = request_of(OutgoingRepeatRequest, given)

    async def operation(services: Services, caller: Caller) -> OutgoingStarted:
        return await services.outgoing.repeat(caller, event, request)

    to = ", ".join(run_operation(config, operation).receivers)
    write_line(f"1 event will be sent again to {shown(to)} by a running relay.")


def _receiver(one: ReceiverEntry) -> list[Any]:
    names = ("name", "host", "state", "since", "waiting", "oldest_at", "failed")
    fields = one.model_dump()
    return [*(fields[n] for n in names), one.last_delivered_at, one.reason]


def _states(deliveries: tuple[OutgoingDelivery, ...]) -> str:
    return ", ".join(f"{d.receiver} {d.state}" for d in deliveries)
