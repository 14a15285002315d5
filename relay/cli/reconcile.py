"""`relay reconcile`: shipments compared with what VTEX shows."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer

from relay.cli.options import Account, AsJson, Config, Contract, settings_of
from relay.cli.output import (
    Csv,
    Delimiter,
    write_file,
    write_json,
    write_line,
    write_table,
)
from relay.cli.session import operator
from relay.cli.table import Column
from relay.config.settings import Settings
from relay.domain.status import ShipmentState
from relay.logs import counted
from relay.outbound.reconciliation import (
    ReconciledBatch,
    ReconciledShipment,
    ReconcileRequest,
)
from relay.runtime.reconciler import reconciling
from relay.service.cursors import read_row_cursor, row_cursor
from relay.store.shipment_lists import ShipmentFilter

PROGRESS_EVERY: Final = 100
COLUMNS: Final = (
    Column("order"),
    Column("invoice"),
    Column("account", 2),
    Column("contract", 1),
    Column("field"),
    Column("relay", is_text=True),
    Column("VTEX", is_text=True),
    Column("marked", 3),
)
CSV_COLUMNS: Final = (
    "id",
    "account",
    "contract",
    "orderId",
    "invoiceNumber",
    "field",
    "relay",
    "vtex",
    "marked",
)


@dataclass
class Reconciled:
    """What was found so far; `before` is the row where it goes on, None at the end."""

    compared: int = 0
    found: list[ReconciledShipment] = field(default_factory=list)
    before: int | None = None
    stopped: str = ""

    @property
    def different(self) -> int:
        """How many shipments differ."""
        return sum(bool(one.differences) for one in self.found)

    @property
    def marked(self) -> int:
        """How many shipments were marked as due."""
        return sum(one.marked for one in self.found)

    @property
    def problems(self) -> int:
        """How many shipments could not be compared."""
        return sum(bool(one.problem) for one in self.found)

    @property
    def failed(self) -> bool:
        """Whether a difference is left, or something was not compared."""
        return bool(self.stopped or self.problems or self.different > self.marked)

    def add(self, batch: ReconciledBatch) -> None:
        """Add the shipments that differ, or that could not be compared."""
        before = self.compared
        self.compared += sum(not one.problem for one in batch.shipments)
        self.found += [s for s in batch.shipments if s.differences or s.problem]
        self.before, self.stopped = batch.next, batch.stopped
        if before // PROGRESS_EVERY != self.compared // PROGRESS_EVERY:
            write_line(f"{self.summary()} so far", err=True)

    def summary(self) -> str:
        """Return the counts as one sentence."""
        parts = [
            counted(self.compared, "shipment compared", "shipments compared"),
            counted(self.different, "differs", "differ"),
        ]
        if self.problems:
            parts.append(f"{self.problems} not compared")
        if self.marked:
            parts.append(f"{self.marked} marked as due")
        return ", ".join(parts)


def reconcile(  # noqa: PLR0913 -- each is an option of the command
    *,
    account: Account = None,
    contract: Contract = None,
    order: Annotated[
        str | None,
        typer.Option(help="VTEX's order id; closed shipments too.", show_default=False),
    ] = None,
    state: Annotated[
        ShipmentState | None,
        typer.Option(help="The state; by default all open ones.", show_default=False),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair/--dry-run",
            help="Mark those that differ as due, so that a running relay sends what "
            "lacks; or only compare.",
        ),
    ] = False,
    after: Annotated[
        str | None,
        typer.Option(
            help="The cursor that an earlier run printed.", show_default=False
        ),
    ] = None,
    csv: Csv = None,
    delimiter: Delimiter = ",",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Compare open shipments with what VTEX shows; --repair sends what lacks.

    The exit code is 1 if a difference is left, or something was not compared.
    """
    accounts = None if account is None else (account,)
    request = ReconcileRequest(
        ShipmentFilter(accounts, order_id=order, state=state, contract=contract),
        closed=order is not None or state is not None,
        repair=repair,
        by=operator(),
    )
    found, settings = Reconciled(before=read_row_cursor(after)), settings_of(config)
    if repair:
        _warn_of_shadow(settings, account)
    try:
        asyncio.run(_run(settings, request, found))
    except KeyboardInterrupt:
        found.stopped = "interrupted"
    _write(found, csv, delimiter, as_json=as_json)
    raise typer.Exit(1 if found.failed else 0)


def _warn_of_shadow(settings: Settings, account: str | None) -> None:
    """Say which accounts are not repaired, because nothing is written to VTEX."""
    resting = [
        name
        for name, one in settings.accounts.items()
        if one.shadow and account in (None, name)
    ]
    if resting:
        names = ", ".join(resting)
        write_line(f"in shadow mode, so nothing is marked: {names}", err=True)


async def _run(
    settings: Settings, request: ReconcileRequest, found: Reconciled
) -> None:
    async with reconciling(settings) as reconciler:
        while True:
            found.add(await reconciler.batch(request, found.before))
            if found.before is None or found.stopped:
                break
        if found.marked:
            await reconciler.database.notify()


def _write(
    found: Reconciled, csv: str | None, delimiter: str, *, as_json: bool
) -> None:
    if csv is not None:
        write_file(csv, CSV_COLUMNS, list(_csv_rows(found)), delimiter)
    if as_json:
        write_json(_json(found))
    elif csv is None and found.found:
        write_table(COLUMNS, _table_rows(found))
    write_line(f"{found.summary()}.", err=as_json or csv == "-")
    if found.stopped:
        cursor = row_cursor(found.before)
        goes_on = f"go on with --after {cursor}" if cursor else "run it again"
        write_line(f"stopped: {found.stopped}; {goes_on}", err=True)


def _lines(found: Reconciled) -> Iterator[tuple[ReconciledShipment, str, str, str]]:
    """Yield each difference: the shipment, VTEX's field, and both values."""
    for one in found.found:
        if one.problem:
            yield one, "not compared", "", one.problem
        for it in one.differences:
            yield one, it.field, it.sent, it.shown


def _table_rows(found: Reconciled) -> Iterator[list[Any]]:
    for one, name, ours, theirs in _lines(found):
        row, marked = one.row, "yes" if one.marked else ""
        keys = (row["order_id"], row["invoice_number"], row["account"], row["contract"])
        yield [*keys, name, ours, theirs, marked]


def _csv_rows(found: Reconciled) -> Iterator[list[Any]]:
    for one, name, ours, theirs in _lines(found):
        yield [*_keys(one).values(), name, ours, theirs, one.marked]


def _keys(one: ReconciledShipment) -> dict[str, Any]:
    row = one.row
    return {
        "id": row["id"],
        "account": row["account"],
        "contract": row["contract"],
        "orderId": row["order_id"],
        "invoiceNumber": row["invoice_number"],
    }


def _json(found: Reconciled) -> dict[str, Any]:
    """Return what was found, with the API's names of a shipment's fields."""
    shipments = [
        _keys(one)
        | {
            "differences": [
                {"field": it.field, "relay": it.sent, "vtex": it.shown}
                for it in one.differences
            ],
            "problem": one.problem or None,
            "marked": one.marked,
        }
        for one in found.found
    ]
    return {
        "compared": found.compared,
        "different": found.different,
        "marked": found.marked,
        "stopped": found.stopped or None,
        "next": row_cursor(found.before),
        "shipments": shipments,
    }
