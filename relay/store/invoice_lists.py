"""Lists of invoices, and one invoice with its calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.domain.invoices import InvoiceState, InvoiceStatus, invoice_status
from relay.store.database import Database, Row, Transaction
from relay.store.shipment_lists import NEWEST, account_gates

_BATCH: Final = 500
_ROUNDS: Final = 8
_CALLS: Final = 100


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """A filter of invoices; `accounts` None means all accounts."""

    accounts: Sequence[str] | None = None
    order_id: str | None = None
    invoice_number: str | None = None
    state: InvoiceState | None = None

    def fits(self, row: Row, status: InvoiceStatus) -> bool:
        """Whether a row and its status match the filter."""
        if self.invoice_number not in (None, row["invoice_number"]):
            return False
        return self.state in (None, status.state)


@dataclass(frozen=True, slots=True)
class ListedInvoice:
    """An invoice's row and its status."""

    row: Row
    status: InvoiceStatus


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """A page of invoices, newest first; `next` is the cursor of the next page."""

    invoices: tuple[ListedInvoice, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class InvoiceLists:
    """Finds invoices."""

    database: Database

    async def page(
        self,
        wanted: InvoiceFilter,
        now: datetime,
        *,
        limit: int,
        before: int | None = None,
    ) -> InvoicePage:
        """Return up to *limit* invoices older than the row *before*.

        A page may hold fewer, even none, and still have a next one.
        """
        position = NEWEST if before is None else before
        found: list[ListedInvoice] = []
        async with self.database.reading() as tx:
            gates = await account_gates(tx, now)
            accounts = list(gates) if wanted.accounts is None else wanted.accounts
            for _ in range(_ROUNDS):
                rows = await _batch(tx, wanted, accounts, position)
                for row in rows:
                    position = row["invoice"]
                    status = invoice_status(row, now, gates.get(row["account"]))
                    if wanted.fits(row, status):
                        found.append(ListedInvoice(row, status))
                    if len(found) == limit:
                        return InvoicePage(tuple(found), position)
                if len(rows) < _BATCH:
                    return InvoicePage(tuple(found))
        return InvoicePage(tuple(found), position)

    async def one(self, id_: str, now: datetime) -> ListedInvoice | None:
        """Return an invoice by its id."""
        async with self.database.reading() as tx:
            row = await tx.row("invoice_by_id", id=id_)
            if row is None:
                return None
            gate = (await account_gates(tx, now)).get(row["account"])
            return ListedInvoice(row, invoice_status(row, now, gate))

    async def calls(self, invoice: int) -> Sequence[Row]:
        """Return the calls to VTEX for an invoice, the oldest first."""
        async with self.database.reading() as tx:
            values: dict[str, Any] = {"invoice": invoice, "limit": _CALLS}
            return [*reversed(await tx.rows("calls_of_invoice", **values))]


async def _batch(
    tx: Transaction, wanted: InvoiceFilter, accounts: Sequence[str], before: int
) -> Sequence[Row]:
    """Return the newest rows of all *accounts* before a row."""
    rows: list[Row] = []
    for account in accounts:
        values: dict[str, Any] = {"account": account, "before": before}
        if wanted.order_id is None:
            rows += await tx.rows("list_invoices", **values, limit=_BATCH)
        else:
            values |= {"order_id": wanted.order_id, "limit": _BATCH}
            rows += await tx.rows("list_invoices_of_order", **values)
    return sorted(rows, key=lambda r: -r["invoice"])[:_BATCH]
