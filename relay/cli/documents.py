"""`relay documents`: what came from carriers, as it came."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    print_more,
    write_fields,
    write_file,
    write_json,
    write_table,
)
from relay.cli.session import on_database, operator
from relay.cli.table import DOCUMENTS
from relay.cli.worklists import write_next
from relay.clock import moment, utcnow
from relay.errors import NotFound
from relay.logs import counted

if TYPE_CHECKING:
    from relay.config.settings import Settings
    from relay.service.worklists import ListScope
    from relay.store.bulk import Bulk, BulkResult
    from relay.store.database import Database
    from relay.store.operator_actions import EventDecision


def retry_stuck(
    config: Config, account: str | None, contract: str | None, because: str | None
) -> int:
    """Try all stuck shipments again that fit; return how many there were."""
    from relay.api.worklists import says
    from relay.service.worklists import ListScope

    narrowed = ListScope(settings_of(config), None, account, contract)
    asked = narrowed.asked(more=lambda row: says(row, because))

    def slices(bulk: "Bulk", before: int | None) -> "Awaitable[BulkResult]":
        return bulk.retry_stuck(asked, before)

    return on_database(config, lambda database: _all(database, narrowed, slices))


def replay_all(
    config: Config, contract: str | None, since: datetime | None, *, unreadable: bool
) -> int:
    """Have all documents read again that fit; return how many there were."""
    from relay.service.worklists import ListScope
    from relay.store.bulk import ReplayFilter

    narrowed = ListScope(settings_of(config), None, None, contract)
    asked = ReplayFilter(unreadable, since, narrowed.fits)

    def slices(bulk: "Bulk", before: int | None) -> "Awaitable[BulkResult]":
        return bulk.replay(asked, before)

    return on_database(config, lambda database: _all(database, narrowed, slices))


async def _all(
    database: "Database",
    narrowed: "ListScope",
    one: "Callable[[Bulk, int | None], Awaitable[BulkResult]]",
) -> int:
    """Do slice after slice; say after each how many there were."""
    from relay.store.bulk import Bulk

    await narrowed.check(database)
    bulk, total, before = Bulk(database, operator(), utcnow()), 0, None
    while True:
        done = await one(bulk, before)
        total, before = total + done.count, done.next
        if before is None:
            await database.notify()
            return total
        typer.echo(f"{total} so far", err=True)


Filter = Annotated[str | None, typer.Option(show_default=False)]
Number = Annotated[int, typer.Argument(min=1, help="The document's number.")]
PAGE = 500
commands = typer.Typer(
    help="Look at what carriers sent, and have it read again.", no_args_is_help=True
)


@commands.command("list")
def list_(  # noqa: PLR0913 -- each is an option of the command
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="Only what no adapter could read.")
    ] = False,
    *,
    contract: Filter = None,
    limit: Limit = 50,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List documents, the newest first."""
    settings = settings_of(config)
    act = partial(_listed, settings, contract, limit, unreadable)
    rows, more = on_database(config, act)
    cells = [[_shown(r, _zone(r, settings))[c] for c in DOCUMENTS] for r in rows]
    if csv is not None:
        write_file(csv, list(DOCUMENTS), cells, delimiter)
    elif as_json:
        write_json([_shown(row) for row in rows])
    else:
        write_table(list(DOCUMENTS.values()), cells)
        write_next("unreadable", rows if unreadable else [])
    print_more(limit, more=more)


async def _listed(
    settings: "Settings",
    contract: str | None,
    limit: int,
    unreadable: bool,
    database: "Database",
) -> tuple[list[dict[str, Any]], bool]:
    """Return the first *limit* documents, and whether there are more."""
    from relay.service.worklists import ListScope
    from relay.store.documents import Documents

    await ListScope(settings, contract=contract).check(database)
    documents, before = Documents(database), None
    found: list[dict[str, Any]] = []
    while True:
        page = await documents.list(before=before, limit=PAGE, unreadable=unreadable)
        found += [r for r in page if contract in (None, r["contract"])]
        if len(page) < PAGE or len(found) > limit:
            return found[:limit], len(found) > limit
        before = page[-1]["document"]


@commands.command()
def show(document: Number, config: Config = None, as_json: AsJson = False) -> None:
    """Show a document with its headers and its body."""

    async def act(database: "Database") -> Mapping[str, Any]:
        from relay.store.documents import Documents

        row = await Documents(database).one(document)
        if row is None:
            raise _no_such(document)
        return dict(row)

    row = on_database(config, act)
    headers = {"headers": json.loads(row["headers"])}
    body = bytes(row["body"]).decode(errors="replace")
    if as_json:
        write_json(_shown(row) | headers | {"body": body})
        return
    write_fields(_shown(row, _zone(row, settings_of(config))) | headers)
    typer.echo(f"\n{body}")


@commands.command()
def replay(  # noqa: PLR0913 -- each is an option of the command
    document: Annotated[
        int | None,
        typer.Argument(min=1, help="The document's number; none with --all."),
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="All that fit the rest.")] = False,
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="Of all, those that nobody could read.")
    ] = False,
    contract: Filter = None,
    since: Annotated[
        datetime | None, typer.Option(help="When they came, UTC.", show_default=False)
    ] = None,
    config: Config = None,
) -> None:
    """Have documents read again, after an adapter or a code table was mended."""
    if (document is None) is not all_:
        raise typer.BadParameter("give the number of one document, or --all")
    if document is None:
        utc = since and since.replace(tzinfo=UTC)
        count = replay_all(config, contract, utc, unreadable=unreadable)
        replayed = counted(count, "document")
        typer.echo(f"{replayed} will be read again by a running relay.")
        return
    _replay_one(document, config)


def _replay_one(document: int, config: Config) -> None:
    async def act(database: "Database") -> bool:
        from relay.store.documents import Documents

        replayed = await Documents(database).replay(document)
        await database.notify()
        return replayed

    if not on_database(config, act):
        raise _no_such(document)
    typer.echo(f"document {document} will be read again by a running relay.")


def _no_such(document: int) -> NotFound:
    return NotFound(
        f"there is no document {document}", hint="`relay documents list` shows them"
    )


def _zone(row: Mapping[str, Any], settings: "Settings") -> tzinfo:
    """Return the zone of the contract's first store, or of the only one there is."""
    from relay.service.views import zone_of

    stores = list(settings.accounts.values())
    if row["contract"] not in settings.contracts and len(stores) == 1:
        return stores[0].zone
    return zone_of(row, settings)


def _shown(row: Mapping[str, Any], zone: tzinfo = UTC) -> dict[str, Any]:
    """Return a row without what is shown apart, its instants as those of *zone*."""
    left_out = ("body", "headers")
    shown = {name: row[name] for name in row if name not in left_out}
    for name in ("received_at", "read_at"):
        shown[name] = None if row[name] is None else moment(row[name]).astimezone(zone)
    return shown


def rejected(
    request: Annotated[int, typer.Argument(min=1, help="The request's number.")],
    config: Config = None,
) -> None:
    """Show a request that did not prove to be the carrier's, with its body."""

    async def act(database: "Database") -> Any:
        from relay.store.rejected import RejectedRequests

        return await RejectedRequests(database).one(request)

    row = on_database(config, act)
    if row is None:
        raise _gone(request)
    fields = {
        "contract": row["contract"],
        "because": row["reason"],
        "headers": row["headers"],
    }
    write_fields(fields | {"received": moment(row["received_at"])})
    typer.echo(f"\n{bytes(row['body']).decode(errors='replace')}")


def accept(
    request: Annotated[
        int | None,
        typer.Argument(min=1, help="The request's number; none with --all."),
    ] = None,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="All of one contract's that are there.")
    ] = False,
    contract: Annotated[str | None, typer.Option(show_default=False)] = None,
    config: Config = None,
) -> None:
    """Take requests that proved nothing as the carrier's: nothing is verified.

    Do that only if you know that they were, after a secret was mended.
    """
    if (request is None) is not all_ or (contract is not None) is not all_:
        raise typer.BadParameter(
            "give the number of one request, or --all --contract NAME"
        )
    if contract is not None:
        count = on_database(
            config, partial(_all_rejected, settings_of(config), contract)
        )
    else:
        count = on_database(config, partial(_accepted, [request or 0]))
        if not count:
            raise _gone(request)
    typer.echo(f"{counted(count, 'request')} will be read by a running relay.")


async def _all_rejected(
    settings: "Settings", contract: str, database: "Database"
) -> int:
    from relay.service.worklists import ListScope
    from relay.store.rejected import RejectedRequests

    await ListScope(settings, contract=contract).check(database)
    rows = await RejectedRequests(database).of_contract(contract)
    return await _accepted([row["rejected_request"] for row in rows], database)


async def _accepted(requests: list[int], database: "Database") -> int:
    """Accept *requests*, the oldest first; return how many were there."""
    from relay.store.rejected import RejectedRequests

    rejected_requests = RejectedRequests(database)
    by, now = operator(), utcnow()
    taken = [await rejected_requests.accept(request, by, now) for request in requests]
    await database.notify()
    return sum(taken)


def _gone(request: int | None) -> NotFound:
    return NotFound(
        f"request {request} is not there any more",
        hint="`relay lists untrusted` shows the last ones",
    )


EventNumber = Annotated[
    int, typer.Argument(min=1, help="The event's number, as lists show it.")
]
event_commands = typer.Typer(
    help="Decide about events that `relay lists quarantined` shows.",
    no_args_is_help=True,
)


@event_commands.command()
def release(event: EventNumber, config: Config = None) -> None:
    """Believe an event: VTEX is told of it."""
    _judge(event, "released", config)


@event_commands.command()
def drop(event: EventNumber, config: Config = None) -> None:
    """Do not believe an event: VTEX is not told of it, unless it was already."""
    _judge(event, "dropped", config)


def _judge(
    event: int, decision: Literal["released", "dropped"], config: Config
) -> None:
    async def act(database: "Database") -> "EventDecision":
        from relay.store.operator_actions import OperatorActions

        found = await OperatorActions(database).judge(
            event, decision, operator(), utcnow()
        )
        await database.notify()
        return found

    found = on_database(config, act)
    typer.echo(f"event {event} is {decision}, for {', '.join(found.shipments)}.")
    for warning in found.warnings:
        typer.echo(warning, err=True)
