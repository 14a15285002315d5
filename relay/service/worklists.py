"""Work lists: what needs an operator, as pages or as a table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any, Final, Literal

from relay.service.access import Caller, ListScope
from relay.service.context import AuditEntry, ServiceContext
from relay.service.cursors import (
    position_cursor,
    read_position_cursor,
    read_row_cursor,
    row_cursor,
)
from relay.service.damage import row_guard
from relay.service.entries import entry_of
from relay.service.models import BulkActionAnswer, ResponseModel, WarningLine
from relay.service.queries import RetryRequest, WorkListQuery
from relay.service.spreadsheets import BOM, write_csv, write_rows
from relay.service.unknown_to_vtex import UnknownCounts, count_lacks
from relay.service.worklist_models import ENTRIES, PAGES, Entry, EntryPage
from relay.store.bulk import Bulk
from relay.store.work_counts import MOST_COUNTED, WorkCounts, counts
from relay.store.worklist_queries import Position, WorkList
from relay.store.worklists import WorkListFilter, WorkLists

PAGE: Final = 500
"""Rows that a table reads at once."""
MOST_ROWS: Final = 10_000
"""Rows of one table; a link leads to the rest."""
MOST_PAGES: Final = 100
"""Pages that one table reads; some hold no matching row."""
COUNTED_PAGES: Final = 20
"""Pages that a count by reason reads: 10,000 rows."""
SLICES: Final = 5
"""Transactions of one bulk request, so that it ends soon; `next` continues it."""
Decision = Literal["released", "dropped"]


class EventDecisionAnswer(ResponseModel):
    """An event that was released or dropped, and the shipments it belongs to."""

    id: int
    decision: Decision
    warnings: tuple[WarningLine, ...]
    shipments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkListService:
    """Operations on work lists."""

    context: ServiceContext

    async def page(
        self, caller: Caller, name: WorkList, query: WorkListQuery
    ) -> EntryPage:
        """Return a page of the list *name*.

        Raises `InvalidLabel` for an unknown account or contract.
        """
        wanted = await self._filter(caller, query)
        after = read_position_cursor(query.cursor, name)
        rows, following = await self._rows(name, wanted, query.limit, after)
        return PAGES[name](entries=rows, next=position_cursor(following))

    async def table(
        self,
        caller: Caller,
        name: WorkList,
        query: WorkListQuery,
        *,
        most: int = MOST_ROWS,
        delimiter: str = ",",
    ) -> tuple[str, str | None]:
        """Return up to *most* rows as CSV, and the cursor of the rest."""
        wanted = await self._filter(caller, query)
        after = read_position_cursor(query.cursor, name)
        file = StringIO()
        file.write(BOM)
        write_csv(file, ENTRIES[name].columns(), (), delimiter)
        for _ in range(MOST_PAGES):
            rows, after = await self._rows(name, wanted, min(most, PAGE), after)
            write_rows(file, (row.cells().values() for row in rows), delimiter)
            most -= len(rows)
            if after is None or not most:
                break
        return file.getvalue(), position_cursor(after)

    async def unknown_counts(
        self, caller: Caller, query: WorkListQuery
    ) -> UnknownCounts:
        """Count the shipments that VTEX does not know fully, by reason and actor."""
        wanted, name = await self._filter(caller, query), WorkList.UNKNOWN_TO_VTEX
        entries: list[Any] = []
        after = None
        for _ in range(COUNTED_PAGES):
            rows, after = await self._rows(name, wanted, PAGE, after)
            entries += rows
            if after is None:
                break
        return count_lacks(entries, complete=after is None)

    async def retry_stuck(
        self, caller: Caller, request: RetryRequest
    ) -> BulkActionAnswer:
        """Retry many stuck shipments; with `next` there are more of them."""
        context = self.context
        scope = ListScope(
            context.settings, caller.accounts, request.account, request.contract
        )
        await scope.check(context.database)
        wanted = scope.work_filter(more=lambda row: _has_reason(row, request.reason))
        bulk = Bulk(context.database, caller.name, context.now())
        total, before = 0, read_row_cursor(request.cursor)
        for _ in range(SLICES):
            done = await bulk.retry_stuck(wanted, before)
            total, before = total + done.count, done.next
            if before is None:
                break
        context.wake.publisher()
        about: dict[str, Any] = {
            "account": request.account,
            "contract": request.contract,
        }
        about |= {"stuck_reason": request.reason, "shipments": total}
        await context.record(AuditEntry.of(caller, "stuck shipments retried", about))
        return BulkActionAnswer(count=total, next=row_cursor(before))

    async def decide_event(
        self, caller: Caller, event: int, decision: Decision
    ) -> EventDecisionAnswer:
        """Release or drop a quarantined event for good; raise `NotFound`."""
        context = self.context
        found = await context.actions.decide(
            event, decision, caller.name, context.now(), caller.accounts
        )
        context.wake.publisher()
        about = {"tracking_event": event, "shipments": list(found.shipments)}
        await context.record(AuditEntry.of(caller, decision, about, found.warnings))
        return EventDecisionAnswer(
            id=event,
            decision=decision,
            shipments=found.shipments,
            warnings=WarningLine.each(found.warnings),
        )

    async def counts(self, most: int = MOST_COUNTED) -> WorkCounts:
        """Return how many shipments and events wait, by account and contract.

        Counting stops at *most* of each kind.
        """
        settings, now = self.context.settings, self.context.now()
        zones = {name: account.zone for name, account in settings.accounts.items()}
        return await counts(self.context.database, zones, now, most)

    def counts_for(self, caller: Caller, counted: WorkCounts) -> Mapping[str, int]:
        """Return how many of *counted* wait for *caller*, by kind."""
        scope = ListScope(self.context.settings, caller.accounts)
        return {
            kind: sum(
                number
                for name, number in numbers.items()
                if (
                    scope.fits({"contract": name})
                    if kind == "unmatched"
                    else caller.sees(name)
                )
            )
            for kind, numbers in asdict(counted).items()
        }

    def time_to_publish(self, caller: Caller, counted: WorkCounts) -> timedelta:
        """Return how long the due ones of *counted* take at their accounts' rate."""
        due = counted.due
        accounts = self.context.settings.accounts
        seconds = [
            number / accounts[name].requests_per_second
            for name, number in due.items()
            if name in accounts and caller.sees(name)
        ]
        return timedelta(seconds=max(seconds, default=0.0))

    async def _filter(self, caller: Caller, query: WorkListQuery) -> WorkListFilter:
        scope = ListScope(
            self.context.settings, caller.accounts, query.account, query.contract
        )
        await scope.check(self.context.database)
        return scope.work_filter(query.days)

    async def _rows(
        self,
        name: WorkList,
        wanted: WorkListFilter,
        limit: int,
        after: Position | None,
    ) -> tuple[tuple[Entry, ...], Position | None]:
        context = self.context
        now = context.now()
        page = await WorkLists(context.database).page(
            name, wanted, now, limit=limit, after=after
        )
        guard = row_guard(name, context.damage)
        entries = (
            guard.shown(
                partial(entry_of, name, row, context.settings, now), ENTRIES[name], row
            )
            for row in page.rows
        )
        return tuple(entries), page.next


def _has_reason(row: Mapping[str, Any], reason: str | None) -> bool:
    """Whether a stuck shipment's reason contains *reason*, in any case."""
    return reason is None or reason.casefold() in row["stuck_reason"].casefold()
