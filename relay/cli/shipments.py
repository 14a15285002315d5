"""`relay shipments`: what VTEX knows of, what it does not, and why."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli import bulk
from relay.cli.databases import on_database, operator
from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.showing import write_fields, write_json, write_table
from relay.clock import utcnow
from relay.counting import counted
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.store.database import Database
    from relay.store.lists import Listed, Timeline
    from relay.store.wanted import Wanted
    from relay.telling.state import State

Id = Annotated[str, typer.Argument(help="The shipment's id, as lists show it.")]
Filter = Annotated[str | None, typer.Option(show_default=False)]

WHICH = "give the id column of `relay shipments list`"
COLUMNS = ("id", "order", "invoice", "tracking number", "contract", "state", "why")

commands = typer.Typer(
    help="Look at shipments, and help those that are stuck.", no_args_is_help=True
)


@commands.command("list")
def list_(  # noqa: PLR0913 -- each is an option of the command
    *,
    account: Filter = None,
    order: Filter = None,
    invoice: Filter = None,
    key: Filter = None,
    number: Filter = None,
    state: Filter = None,
    limit: Limit = 50,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List shipments, the newest first."""
    from relay.store.wanted import Wanted
    from relay.web.views import summary

    wanted = Wanted(
        accounts=[account] if account else None,
        order_id=order,
        invoice_number=invoice,
        invoice_key=key,
        tracking_number=number,
        state=_state(state),
    )
    found = on_database(config, lambda database: _found(database, wanted, limit))
    if as_json:
        write_json([_as_json(summary(one)) for one in found])
        return
    write_table(COLUMNS, [_line(one) for one in found])


@commands.command()
def show(shipment: Id, config: Config = None, as_json: AsJson = False) -> None:
    """Show everything that is kept of one shipment."""
    from relay.web import views

    listed, timeline = on_database(config, lambda d: _one(d, shipment))
    shown = views.shipment(listed, timeline)
    if as_json:
        write_json(_as_json(shown))
        return
    fields = shown.model_dump(exclude={"parcels", "references", "timeline"})
    fields["announced_as"] = shown.announced_as and shown.announced_as.tracking_number
    write_fields(fields)
    _write_timeline(shown)


@commands.command()
def retry(  # noqa: PLR0913 -- each is an option of the command
    shipment: Annotated[
        str | None, typer.Argument(help="The shipment's id; none with --all-stuck.")
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
        count = bulk.retry_stuck(config, account, contract, because)
        due = counted(count, "stuck shipment is due", "stuck shipments are due")
        typer.echo(f"{due}.")
        return
    id_ = shipment

    async def act(database: "Database") -> None:
        from relay.store.corrections import Corrections

        await Corrections(database).retry(id_, operator(), utcnow())
        await database.notify()

    on_database(config, act)
    typer.echo(f"{shipment} is due: a running relay tells VTEX within a second.")


@commands.command("track-again")
def track_again(shipment: Id, config: Config = None) -> None:
    """Have the carrier asked at once; a shipment that expired is open again."""

    async def act(database: "Database") -> None:
        from relay.resolving import asked_contracts
        from relay.store.again import track_again
        from relay.wiring import carriers

        settings = settings_of(config)
        asked = asked_contracts(settings.contracts, carriers(settings))
        await track_again(database, shipment, operator(), utcnow(), asked)
        await database.notify()

    on_database(config, act)
    typer.echo(f"{shipment}: a running relay asks its carrier within a second.")


@commands.command()
def cancel(shipment: Id, config: Config = None) -> None:
    """Take a label back: VTEX is told nothing more of it."""

    async def act(database: "Database") -> tuple[str, ...]:
        from relay.store.corrections import Corrections

        return await Corrections(database).cancel(shipment, operator(), utcnow())

    warnings = on_database(config, act)
    typer.echo(f"{shipment} is cancelled.")
    for warning in warnings:
        typer.echo(warning, err=True)


def _state(text: str | None) -> "State | None":
    """Read a state; the enumeration itself would make help slow."""
    from relay.telling.state import State

    try:
        return None if text is None else State(text)
    except ValueError:
        known = f"use one of {', '.join(State)}"
        raise typer.BadParameter(known, param_hint="--state") from None


async def _found(database: "Database", wanted: "Wanted", limit: int) -> "list[Listed]":
    """Return the first *limit* shipments, page after page."""
    from relay.store.lists import Lists

    found: list[Listed] = []
    before: int | None = None
    while len(found) < limit:
        page = await Lists(database).shipments(
            wanted, utcnow(), limit=limit - len(found), before=before
        )
        found += page.shipments
        before = page.next
        if before is None:
            break
    return found


async def _one(database: "Database", id_: str) -> "tuple[Listed, Timeline]":
    from relay.store.lists import Lists

    lists = Lists(database)
    listed = await lists.one(id_, utcnow())
    if listed is None:
        raise NotFound(f"there is no shipment {id_}", way_out=WHICH)
    return listed, await lists.timeline(listed.row["shipment"])


def _line(listed: "Listed") -> tuple[Any, ...]:
    row, stands = listed.row, listed.standing
    why = stands.why or stands.closed_because
    names = ("id", "order_id", "invoice_number", "tracking_number", "contract")
    return (*(row[name] for name in names), stands.state, why)


def _write_timeline(shown: Any) -> None:
    """Write what happened, what VTEX was told, and what it answered."""
    timeline = shown.timeline
    lines = [
        *((e.occurred_at, "event", _event(e)) for e in timeline.events),
        *((c.stored_at, f"call: {c.kind}", _call(c)) for c in timeline.calls),
        *((n.at, "note", n.text) for n in timeline.notes),
    ]
    lines.sort(key=lambda line: line[0])
    write_table(("when (UTC)", "what", "which"), lines)


def _event(event: Any) -> str:
    waits = event.quarantined_because
    told = f"{event.milestone} ({event.carrier_code}) {event.description}".rstrip()
    return f"{told}; waits: {waits}" if waits else told


def _call(call: Any) -> str:
    return f"{call.status or 'no answer'} {call.words or ''}".rstrip()


def _as_json(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True)
