"""`relay shadow`: what would differ in VTEX if the relay had sent."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Annotated, Any

import typer

from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    local,
    write_damage,
    write_file,
    write_line,
    write_model,
    write_table,
)
from relay.cli.session import run_operation
from relay.cli.table import Column
from relay.logs import counted
from relay.service.access import Caller
from relay.service.services import Services
from relay.service.shadow import MOST_ROWS, TABLE_COLUMNS, table_rows
from relay.service.shadow_models import ShadowReport
from relay.service.views import account_zone

COLUMNS = (
    Column("order"),
    Column("invoice"),
    Column("contract", 2),
    Column("compared", 1),
    Column("field"),
    Column("relay", is_text=True),
    Column("VTEX", is_text=True),
    Column("would send", 3),
)


def shadow(  # noqa: PLR0913 -- each is an option of the command
    *,
    account: Annotated[str, typer.Argument(help="The account's name.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also shipments that do not differ.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST_ROWS, help="Shipments at most.")
    ] = 1000,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what would differ in VTEX if the relay had sent, in shadow mode.

    A running relay compares; this command reads no order.
    """

    async def operation(services: Services, caller: Caller) -> ShadowReport:
        return await services.shadow.whole(
            caller, account, everything=everything, most=limit
        )

    found = run_operation(config, operation)
    if csv is not None:
        write_file(csv, TABLE_COLUMNS, list(table_rows(found.shipments)), delimiter)
    if as_json:
        write_model(found)
        return
    zone = account_zone(account, settings_of(config))
    if csv is None and found.shipments:
        write_table(COLUMNS, list(_rows(found, zone)))
    write_line(_summary(found, zone), err=csv == "-")
    write_damage((f"shipment {one.id}", one) for one in found.shipments)


def _rows(found: ShadowReport, zone: tzinfo) -> Iterator[list[Any]]:
    for _, contract, order, invoice, at, *rest in table_rows(found.shipments):
        yield [order, invoice, contract, local(at, zone), *rest]


def _summary(found: ShadowReport, zone: tzinfo) -> str:
    """Return the mode and the counts."""
    since = local(found.shadow_since, zone)
    mode = f"in shadow mode since {since:%Y-%m-%d %H:%M}" if since else "in shadow mode"
    if not found.shadow:
        return f"{found.account} is not in shadow mode: the relay writes to VTEX."
    counts = [
        counted(found.compared, "shipment compared", "shipments compared"),
        counted(found.different, "differs", "differ"),
        f"{found.pending} not read yet",
    ]
    if found.not_compared:
        counts.append(f"{found.not_compared} not shown at the last read")
    if found.next is not None:
        counts.append("more with --limit")
    return f"{found.account} is {mode}: {', '.join(counts)}."
