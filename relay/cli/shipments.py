"""`relay shipments`: what is done about one, or about all that are stuck."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick
# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli import documents
from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    local,
    print_more,
    shown,
    with_local_times,
    write_fields,
    write_file,
    write_json,
    write_table,
)
from relay.cli.session import HELP, Shipment, on_database, on_shipment, operator
from relay.cli.table import SHIPMENTS, Column
from relay.clock import utcnow
from relay.logs import counted

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from relay.config.settings import Settings
    from relay.domain.status import ShipmentState
    from relay.service.models import EventLine, ShipmentSummary
    from relay.service.models import ShipmentDetail as Shown
    from relay.store.database import Database
    from relay.store.shipment_lists import ListedShipment, ShipmentFilter, Timeline


Filter = Annotated[str | None, typer.Option(show_default=False)]
commands = typer.Typer(
    help="Look at shipments, and help those that are stuck.", no_args_is_help=True
)


@commands.command()
def retry(  # noqa: PLR0913 -- each is an option of the command
    shipment: Annotated[
        str | None, typer.Argument(help=f"{HELP} None with --all-stuck.")
    ] = None,
    *,
    all_stuck: Annotated[
        bool, typer.Option("--all-stuck", help="All that are stuck, and fit the rest.")
    ] = False,
    account: Filter = None,
    contract: Filter = None,
    because: Annotated[
        str | None, typer.Option(help="Words of the reason.", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Tell VTEX now, and forget what failed before."""
    if (shipment is None) is not all_stuck:
        raise typer.BadParameter("give the id of one shipment, or --all-stuck")
    if shipment is None:
        count = documents.retry_stuck(config, account, contract, because)
        due = counted(count, "stuck shipment is due", "stuck shipments are due")
        typer.echo(f"{due}.")
        return

    async def act(database: "Database", listed: "ListedShipment") -> None:
        from relay.store.operator_actions import OperatorActions

        await OperatorActions(database).retry(listed.row["id"], operator(), utcnow())

    id_, _ = on_shipment(config, shipment, act)
    typer.echo(f"{id_} is due: a running relay tells VTEX within a second.")


@commands.command("track-again")
def poll_now(shipment: Shipment, config: Config = None) -> None:
    """Have the carrier asked at once; a shipment that expired is open again."""

    async def act(database: "Database", listed: "ListedShipment") -> None:
        from relay.registration.contract_terms import polled_contracts
        from relay.runtime.wiring import carriers
        from relay.store.operator_events import poll_now

        settings = settings_of(config)
        asked = polled_contracts(settings.contracts, carriers(settings))
        await poll_now(database, listed.row["id"], operator(), utcnow(), asked)

    id_, _ = on_shipment(config, shipment, act)
    typer.echo(f"{id_}: a running relay asks its carrier within a second.")


@commands.command()
def cancel(shipment: Shipment, config: Config = None) -> None:
    """Take a label back: VTEX is told nothing more of it."""

    async def act(database: "Database", listed: "ListedShipment") -> tuple[str, ...]:
        from relay.store.operator_actions import OperatorActions

        id_ = listed.row["id"]
        return await OperatorActions(database).cancel(id_, operator(), utcnow())

    id_, warnings = on_shipment(config, shipment, act)
    typer.echo(f"{id_} is cancelled.")
    for warning in warnings:
        typer.echo(warning, err=True)


def list_(  # noqa: PLR0913 -- each is an option of the command
    *,
    account: Filter = None,
    contract: Filter = None,
    order: Filter = None,
    invoice: Filter = None,
    key: Filter = None,
    number: Filter = None,
    state: Filter = None,
    limit: Limit = 50,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List shipments, the newest first."""
    from relay.service.models import ShipmentSummary
    from relay.service.views import summary
    from relay.store.shipment_lists import ShipmentFilter

    wanted = ShipmentFilter(
        accounts=[account] if account else None,
        contract=contract,
        order_id=order,
        invoice_number=invoice,
        invoice_key=key,
        tracking_number=number,
        state=_state(state),
    )
    settings = settings_of(config)
    listed, more = _found(config, settings, wanted, limit)
    found = [summary(one) for one in listed]
    if csv is not None:
        columns = list(ShipmentSummary.model_fields)
        write_file(csv, columns, [_cells(one, settings) for one in found], delimiter)
    elif as_json:
        write_json([one.model_dump(mode="json", by_alias=True) for one in found])
    else:
        write_table(list(SHIPMENTS.values()), [_line(one, settings) for one in found])
    print_more(limit, more=more)


def _state(text: str | None) -> "ShipmentState | None":
    """Read a state; the enumeration itself would make help slow."""
    from relay.domain.status import ShipmentState

    try:
        return None if text is None else ShipmentState(text)
    except ValueError:
        known = f"use one of {', '.join(ShipmentState)}"
        raise typer.BadParameter(known, param_hint="--state") from None


def _found(
    config: Config, settings: "Settings", wanted: "ShipmentFilter", limit: int
) -> "tuple[list[ListedShipment], bool]":
    """Return the first *limit* shipments, and whether there are more."""

    async def act(database: "Database") -> "tuple[list[ListedShipment], bool]":
        await _check(database, settings, wanted)
        return await _pages(database, wanted, limit)

    return on_database(config, act)


async def _check(
    database: "Database", settings: "Settings", wanted: "ShipmentFilter"
) -> None:
    """Refuse names that nobody knows; an account that is gone left shipments."""
    from relay.service.worklists import ListScope, not_configured
    from relay.store.accounts import Accounts

    await ListScope(settings, contract=wanted.contract).check(database)
    known = {*settings.accounts, *(a.account for a in await Accounts(database).all())}
    for account in wanted.accounts or ():
        if account not in known:
            raise not_configured("account", account, settings.accounts)


async def _pages(
    database: "Database", wanted: "ShipmentFilter", limit: int
) -> "tuple[list[ListedShipment], bool]":
    from relay.store.shipment_lists import ShipmentLists

    found: list[ListedShipment] = []
    before: int | None = None
    while True:
        page = await ShipmentLists(database).shipments(
            wanted, utcnow(), limit=limit - len(found), before=before
        )
        found += page.shipments
        before = page.next
        if before is None or len(found) >= limit:
            return found, before is not None


def _cells(one: "ShipmentSummary", settings: "Settings") -> list[Any]:
    """Return all values of a shipment, its instants in the store's zone."""
    from relay.service.views import account_zone

    zone = account_zone(one.account, settings)
    values = (value for _, value in one)
    return [local(v, zone) if isinstance(v, datetime) else v for v in values]


def _line(one: "ShipmentSummary", settings: "Settings") -> list[Any]:
    from relay.service.views import account_zone

    zone = account_zone(one.account, settings)
    why = with_local_times(one.why or one.closed_reason, zone)
    return [why if name == "why" else getattr(one, name) for name in SHIPMENTS]


COLUMNS = (
    Column("when"),
    Column("what"),
    Column("which", is_text=True),
)


def show(shipment: Shipment, config: Config = None, as_json: AsJson = False) -> None:
    """Show everything that is kept of one shipment."""
    from relay.service import views
    from relay.service.views import account_zone

    settings = settings_of(config)

    async def act(
        database: "Database", listed: "ListedShipment"
    ) -> "tuple[ListedShipment, Timeline, list[dict[str, Any]]]":
        from relay.store.shipment_lists import ShipmentLists

        number = listed.row["shipment"]
        timeline = await ShipmentLists(database).timeline(number)
        return listed, timeline, await _asked(database, settings, number)

    _, (listed, timeline, asked) = on_shipment(config, shipment, act)
    found = views.shipment(listed, timeline)
    if as_json:
        write_json(found.model_dump(mode="json", by_alias=True) | {"asked": asked})
        return
    zone = account_zone(found.account, settings)
    write_fields(_fields(found, asked, zone))
    lines = sorted(_lines(found, zone), key=itemgetter(0))
    write_table(COLUMNS, lines, name_zones=False)


async def _asked(
    database: "Database", settings: "Settings", shipment: int
) -> list[dict[str, Any]]:
    """Return when the carriers that are asked are asked for a shipment's parcels."""
    from relay.store.codec import at
    from relay.store.polls import PollClaims

    async with database.reading() as tx:
        rows = await tx.rows("polls_of_shipment", shipment=shipment)
    ever = await PollClaims(database).states()
    asked = {c.name for c in settings.contracts.values() if c.poll and c.name in ever}
    return [
        {
            "contract": row["contract"],
            "volume": row["volume"],
            "askedAt": at(row["polled_at"]),
            "nextAt": at(row["poll_at"]),
        }
        for row in rows
        if row["contract"] in asked
    ]


def _fields(
    found: "Shown", asked: list[dict[str, Any]], zone: "ZoneInfo"
) -> dict[str, Any]:
    fields = found.model_dump(exclude={"parcels", "references", "timeline"})
    fields["tracking_sent_as"] = (
        found.tracking_sent_as and found.tracking_sent_as.tracking_number
    )
    fields["why"] = with_local_times(found.why, zone)
    for name in ("registered_at", "last_event_at", "delivered_published_at"):
        fields[name] = local(fields[name], zone)
    fields["asked_next"] = "; ".join(_next(one, zone) for one in asked) or (
        "never: no carrier of it is asked"
    )
    return fields


def _next(asked: dict[str, Any], zone: "ZoneInfo") -> str:
    """Say when a carrier is asked for a parcel; of a closed shipment never."""
    when: datetime | None = asked["nextAt"]
    text = shown(local(when, zone)) if when else "never, the shipment is closed"
    return f"{text} (contract {asked['contract']}, volume {asked['volume']})"


def _lines(found: "Shown", zone: "ZoneInfo") -> Iterator[tuple[Any, str, str]]:
    """Yield what happened, what VTEX was told and answered, and what people did."""
    timeline = found.timeline
    for event in timeline.events:
        published = _event(event, several=found.volumes > 1)
        yield local(event.occurred_at, zone), f"event {event.id}", published
    for call in timeline.calls:
        said = f"{call.status or 'no answer'} {call.words or ''}".rstrip()
        yield local(call.stored_at, zone), f"call: {call.kind}", said
    for note in timeline.notes:
        yield local(note.at, zone), "note", note.text


def _event(event: "EventLine", *, several: bool) -> str:
    """Say what happened, and whether it is believed."""
    published = f"{event.milestone} ({event.carrier_code}) {event.description}".rstrip()
    box = f"volume {event.volume}: " if event.volume and several else ""
    if event.decision:
        return f"{box}{published}; {event.decision}"
    waits = event.quarantine_reason
    return (
        f"{box}{published}; quarantined because {waits}"
        if waits
        else f"{box}{published}"
    )
