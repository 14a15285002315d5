"""`relay shipments list`: what VTEX knows of, what it does not, and why."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relay.cli.columns import SHIPMENTS
from relay.cli.databases import on_database
from relay.cli.files import Csv, Delimiter, say_more, write_file
from relay.cli.options import AsJson, Config, Limit, settings_of
from relay.cli.showing import local, sentence, write_json, write_table
from relay.clock import utcnow

if TYPE_CHECKING:
    from relay.settings import Settings
    from relay.store.database import Database
    from relay.store.lists import Listed
    from relay.store.wanted import Wanted
    from relay.telling.state import State
    from relay.web.models import ShipmentSummary

Filter = Annotated[str | None, typer.Option(show_default=False)]


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
    from relay.store.wanted import Wanted
    from relay.web.models import ShipmentSummary
    from relay.web.views import summary

    wanted = Wanted(
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
    say_more(limit, more=more)


def _state(text: str | None) -> "State | None":
    """Read a state; the enumeration itself would make help slow."""
    from relay.telling.state import State

    try:
        return None if text is None else State(text)
    except ValueError:
        known = f"use one of {', '.join(State)}"
        raise typer.BadParameter(known, param_hint="--state") from None


def _found(
    config: Config, settings: "Settings", wanted: "Wanted", limit: int
) -> "tuple[list[Listed], bool]":
    """Return the first *limit* shipments, and whether there are more."""

    async def act(database: "Database") -> "tuple[list[Listed], bool]":
        await _check(database, settings, wanted)
        return await _pages(database, wanted, limit)

    return on_database(config, act)


async def _check(database: "Database", settings: "Settings", wanted: "Wanted") -> None:
    """Refuse names that nobody knows; an account that is gone left shipments."""
    from relay.store.accounts import Accounts
    from relay.web.narrowing import Narrowed, not_configured

    await Narrowed(settings, contract=wanted.contract).check(database)
    known = {*settings.accounts, *(a.account for a in await Accounts(database).all())}
    for account in wanted.accounts or ():
        if account not in known:
            raise not_configured("account", account, settings.accounts)


async def _pages(
    database: "Database", wanted: "Wanted", limit: int
) -> "tuple[list[Listed], bool]":
    from relay.store.lists import Lists

    found: list[Listed] = []
    before: int | None = None
    while True:
        page = await Lists(database).shipments(
            wanted, utcnow(), limit=limit - len(found), before=before
        )
        found += page.shipments
        before = page.next
        if before is None or len(found) >= limit:
            return found, before is not None


def _cells(one: "ShipmentSummary", settings: "Settings") -> list[Any]:
    """Return all values of a shipment, its instants in the store's zone."""
    from relay.web.entering import account_zone

    zone = account_zone(one.account, settings)
    values = (value for _, value in one)
    return [local(v, zone) if isinstance(v, datetime) else v for v in values]


def _line(one: "ShipmentSummary", settings: "Settings") -> list[Any]:
    from relay.web.entering import account_zone

    zone = account_zone(one.account, settings)
    why = sentence(one.why or one.closed_because, zone)
    return [why if name == "why" else getattr(one, name) for name in SHIPMENTS]
