"""`relay shipments list` and `show`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic.alias_generators import to_camel

from relay.cli.options import Account, AsJson, Config, Contract, Limit, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    local,
    print_more,
    shown,
    with_local_times,
    write_damage,
    write_fields,
    write_file,
    write_line,
    write_model,
    write_table,
)
from relay.cli.session import Shipment, collect, run_operation
from relay.cli.table import CARRIERS_TEXT, SHIPMENTS, Column
from relay.config.settings import Settings
from relay.service.access import Caller
from relay.service.models import ShipmentList, ShipmentSummary, StoredRow
from relay.service.queries import ShipmentQuery
from relay.service.services import Services
from relay.service.timeline_models import EventLine, ParcelPoll, ShipmentDetail
from relay.service.validation import parse_fields
from relay.service.views import account_zone

_TIMES = (
    "registered_at",
    "last_event_at",
    "delivered_published_at",
    "verified_at",
    "updated_at",
)
TIMELINE = (Column("when"), Column("what"), Column("which", is_text=True))


def list_(  # noqa: PLR0913 -- each is an option of the command
    *,
    account: Account = None,
    contract: Contract = None,
    order: Annotated[
        str | None, typer.Option(help="VTEX's order id.", show_default=False)
    ] = None,
    invoice: Annotated[
        str | None, typer.Option(help="The invoice's number.", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The NF-e key.", show_default=False)
    ] = None,
    number: Annotated[
        str | None, typer.Option(help="The tracking number.", show_default=False)
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(help="The state, such as stuck or waiting.", show_default=False),
    ] = None,
    updated_since: Annotated[
        datetime | None,
        typer.Option(
            help="Changed at this time or later, UTC; the oldest change comes first.",
            show_default=False,
        ),
    ] = None,
    cursor: Annotated[
        str | None,
        typer.Option(help="`resume` of an earlier list of changes, to continue it."),
    ] = None,
    limit: Limit = 50,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List shipments, the newest first."""
    given = {
        "account": account,
        "contract": contract,
        "orderId": order,
        "invoiceNumber": invoice,
        "invoiceKey": key,
        "trackingNumber": number,
        "state": state,
        "updatedSince": updated_since and updated_since.replace(tzinfo=UTC),
        "cursor": cursor,
    }
    query = parse_fields({n: v for n, v in given.items() if v}, ShipmentQuery)

    async def operation(services: Services, caller: Caller) -> ShipmentList:
        page_of = partial(services.shipments.page, caller)
        return await collect(page_of, query, "shipments", limit)

    page, settings = run_operation(config, operation), settings_of(config)
    if csv is not None:
        rows = [_cells(one, settings) for one in page.shipments]
        # The API's names, so that `relay shipments import` takes the file.
        columns = [to_camel(name) for name in ShipmentSummary.model_fields]
        write_file(csv, columns, rows, delimiter)
    elif as_json:
        write_model(page)
    else:
        rows = [_line(one, settings) for one in page.shipments]
        write_table(list(SHIPMENTS.values()), rows)
        write_damage((f"shipment {one.id}", one) for one in page.shipments)
    print_more(limit, more=page.next is not None)
    if page.resume is not None and not as_json:
        write_line(f"(later changes: --cursor {page.resume})", err=True)


def show(shipment: Shipment, config: Config = None, as_json: AsJson = False) -> None:
    """Show everything stored about one shipment."""

    async def operation(services: Services, caller: Caller) -> ShipmentDetail:
        id_ = await services.shipments.resolve(caller, shipment)
        return await services.shipments.show(caller, id_)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    zone = account_zone(found.account, settings_of(config))
    write_fields(_fields(found, zone))
    lines = sorted(_lines(found, zone), key=itemgetter(0))
    write_table(TIMELINE, lines, name_zones=False)
    write_damage(_named(found))


def _cells(one: ShipmentSummary, settings: Settings) -> list[Any]:
    """Return all values of a shipment, times in the account's zone."""
    zone = account_zone(one.account, settings)
    values = (value for _, value in one)
    return [local(v, zone) if isinstance(v, datetime) else v for v in values]


def _line(one: ShipmentSummary, settings: Settings) -> list[Any]:
    zone = account_zone(one.account, settings)
    why = with_local_times(one.why or one.closed_reason, zone)
    return [why if name == "why" else getattr(one, name) for name in SHIPMENTS]


def _fields(found: ShipmentDetail, zone: ZoneInfo) -> dict[str, Any]:
    fields = found.model_dump(exclude={"parcels", "references", "timeline", "polls"})
    fields["tracking_sent_as"] = (
        found.tracking_sent_as and found.tracking_sent_as.tracking_number
    )
    fields["why"] = with_local_times(found.why, zone)
    for name in _TIMES:
        fields[name] = local(fields[name], zone)
    fields["VTEX shows it since"] = fields.pop("verified_at")
    polls = [_next_poll(poll, zone) for poll in found.polls]
    fields["next_poll"] = "; ".join(polls) or "never: no carrier of it is polled"
    return fields


def _next_poll(poll: ParcelPoll, zone: ZoneInfo) -> str:
    """Return when a carrier is polled for a parcel; a closed shipment never is."""
    when = poll.next_poll_at
    text = shown(local(when, zone)) if when else "never, the shipment is closed"
    return f"{text} (contract {poll.contract}, volume {poll.volume})"


def _lines(found: ShipmentDetail, zone: ZoneInfo) -> Iterator[tuple[Any, str, str]]:
    """Yield events, calls to VTEX with their responses, and notes."""
    timeline = found.timeline
    for event in timeline.events:
        text = _event(event, several=found.volumes > 1)
        yield local(event.occurred_at, zone), f"event {event.id}", text
    for call in timeline.calls:
        response = f"{call.status or 'no answer'} {call.message or ''}".rstrip()
        yield local(call.stored_at, zone), f"call: {call.kind}", response
    for note in timeline.notes:
        yield local(note.at, zone), "note", note.text


def _named(found: ShipmentDetail) -> Iterator[tuple[str, StoredRow]]:
    """Yield the rows of a shipment with their names."""
    timeline = found.timeline
    yield from ((f"document {one.id}", one) for one in timeline.documents)
    yield from ((f"event {one.id}", one) for one in timeline.events)
    yield from ((f"published event {one.code}", one) for one in timeline.published)
    yield from ((f"call {one.id}", one) for one in timeline.calls)
    yield from (("note", one) for one in timeline.notes)
    yield from ((f"polls of {one.contract}", one) for one in found.polls)


def _event(event: EventLine, *, several: bool) -> str:
    """Return what happened, and whether it is published."""
    parcel = f"volume {event.volume}: " if event.volume and several else ""
    text = CARRIERS_TEXT.cut(event.description)
    happened = f"{event.milestone} ({event.carrier_code}) {text}".rstrip()
    if event.decision:
        return f"{parcel}{happened}; {event.decision}"
    if event.quarantine_reason:
        named = "; ".join(map(str, event.named_in))
        because = f"{event.quarantine_reason} ({named})" if named else ""
        reason = because or event.quarantine_reason
        return f"{parcel}{happened}; quarantined: {reason}"
    return f"{parcel}{happened}"
