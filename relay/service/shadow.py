"""The report of shadow mode: what VTEX shows, and what the relay would have sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

from relay.errors import NotFound
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.cursors import read_row_cursor, row_cursor
from relay.service.damage import RowGuard
from relay.service.queries import MOST, ShadowQuery
from relay.service.shadow_models import ShadowReport, ShadowShipment
from relay.service.spreadsheets import BOM, write_csv
from relay.store.accounts import Accounts
from relay.store.codec import at, loads
from relay.store.database import Row
from relay.store.shadow import Shadow
from relay.store.shipment_lists import NEWEST

MOST_ROWS: Final = 50_000
"""Shipments of one table at most."""
TABLE_COLUMNS: Final = (
    "id",
    "contract",
    "orderId",
    "invoiceNumber",
    "comparedAt",
    "field",
    "relay",
    "vtex",
    "requests",
)


def table_rows(shipments: Iterable[ShadowShipment]) -> Iterator[tuple[Any, ...]]:
    """Yield a row of `TABLE_COLUMNS` for each difference and for each problem."""
    for one in shipments:
        keys = (one.id, one.contract, one.order_id, one.invoice_number)
        planned = " ".join(request.method for request in one.requests)
        found = [(d.field, d.relay, d.vtex) for d in one.differences]
        if one.problem is not None:
            found.insert(0, ("not compared", "", one.problem))
        for difference in found or [("", "", "")]:
            yield (*keys, one.compared_at, *difference, planned)


@dataclass(frozen=True, slots=True)
class ShadowService:
    """Reads what was compared; no order is read and nothing is changed."""

    context: ServiceContext

    async def report(
        self, caller: Caller, account: str, query: ShadowQuery
    ) -> ShadowReport:
        """Return a page of an account's comparisons, the newest shipments first.

        Raises `NotFound` for an account that does not exist for the caller.
        """
        database = self.context.database
        known = self.context.settings.accounts.get(account)
        if known is None or not caller.sees(account):
            visible = filter(caller.sees, self.context.settings.accounts)
            names = ", ".join(sorted(visible)) or "none"
            message, hint = f"{account!r} is not configured", f"configured: {names}"
            raise NotFound(message, field="account", hint=hint)
        before = read_row_cursor(query.cursor)
        store = Shadow(database)
        rows = await store.page(
            account,
            limit=query.limit + 1,
            before=NEWEST if before is None else before,
            everything=query.all,
        )
        counts = await store.counts(account)
        states = {s.account: s for s in await Accounts(database).all()}
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return ShadowReport(
            account=account,
            shadow=known.shadow,
            shadow_since=at(
                states[account].shadow_since if account in states else None
            ),
            compared=counts.compared,
            different=counts.different,
            not_compared=counts.problems,
            pending=counts.pending,
            shipments=tuple(map(self._shipment, rows)),
            next=row_cursor(rows[-1]["shipment"]) if more else None,
        )

    async def whole(
        self, caller: Caller, account: str, *, everything: bool, most: int = MOST_ROWS
    ) -> ShadowReport:
        """Return up to *most* comparisons as one page; raise `NotFound`."""
        found: list[ShadowShipment] = []
        cursor: str | None = None
        while True:
            limit = min(most - len(found), MOST)
            query = ShadowQuery(all=everything, cursor=cursor, limit=limit)
            page = await self.report(caller, account, query)
            found += page.shipments
            cursor = page.next
            if cursor is None or len(found) >= most:
                return page.model_copy(update={"shipments": tuple(found)})

    async def table(
        self, caller: Caller, account: str, *, everything: bool, delimiter: str
    ) -> str:
        """Return all comparisons as CSV, for a spreadsheet; raise `NotFound`."""
        report = await self.whole(caller, account, everything=everything)
        file = StringIO()
        file.write(BOM)
        write_csv(file, TABLE_COLUMNS, table_rows(report.shipments), delimiter)
        return file.getvalue()

    def _shipment(self, row: Row) -> ShadowShipment:
        """Return a comparison; of a damaged row the shipment alone."""
        names = ("id", "contract", "order_id", "invoice_number", "problem")
        known: dict[str, Any] = {name: row[name] for name in names}
        guard = RowGuard(self.context.damage, "shipment", "id")
        return guard.shown(
            lambda: ShadowShipment(
                **known,
                compared_at=at(row["compared_at"]),
                differences=loads(row["differences"]),
                requests=loads(row["requests"]),
            ),
            ShadowShipment,
            known,
        )
