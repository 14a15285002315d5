"""`relay documents untrusted`, `accept`: requests that proved nothing."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli.databases import on_database, operator
from relay.cli.options import Config, settings_of
from relay.cli.showing import write_fields
from relay.clock import moment, utcnow
from relay.counting import counted
from relay.errors import NotFound

if TYPE_CHECKING:
    from relay.settings import Settings
    from relay.store.database import Database


def untrusted(
    request: Annotated[int, typer.Argument(min=1, help="The request's number.")],
    config: Config = None,
) -> None:
    """Show a request that did not prove to be the carrier's, with its body."""

    async def act(database: "Database") -> Any:
        from relay.store.asides import Asides

        return await Asides(database).one(request)

    row = on_database(config, act)
    if row is None:
        raise _gone(request)
    fields = {name: row[name] for name in ("contract", "because", "headers")}
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
        count = on_database(config, partial(_all, settings_of(config), contract))
    else:
        count = on_database(config, partial(_accepted, [request or 0]))
        if not count:
            raise _gone(request)
    typer.echo(f"{counted(count, 'request')} will be read by a running relay.")


async def _all(settings: "Settings", contract: str, database: "Database") -> int:
    from relay.store.asides import Asides
    from relay.web.narrowing import Narrowed

    await Narrowed(settings, contract=contract).check(database)
    rows = await Asides(database).of_contract(contract)
    return await _accepted([row["aside"] for row in rows], database)


async def _accepted(requests: list[int], database: "Database") -> int:
    """Accept *requests*, the oldest first; return how many were there."""
    from relay.store.asides import Asides

    asides = Asides(database)
    by, now = operator(), utcnow()
    taken = [await asides.accept(request, by, now) for request in requests]
    await database.notify()
    return sum(taken)


def _gone(request: int | None) -> NotFound:
    return NotFound(
        f"request {request} is not there any more",
        way_out="`relay lists untrusted` shows the last ones",
    )
