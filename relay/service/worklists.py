"""A list that people work from, as rows page by page or as one table."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from typing import Any, Final

from aiohttp import web

from relay.config.settings import Settings
from relay.errors import InvalidLabel
from relay.registration.contract_terms import lower_bounds
from relay.service.spreadsheets import BOM, write_csv, write_rows
from relay.service.views import entry_of
from relay.service.worklist_models import ENTRIES, Entry
from relay.store.database import Database
from relay.store.worklist_queries import Position, WorkList
from relay.store.worklists import WorkListFilter, WorkLists, contract_in_use

TABLE: Final = "text/csv"
PAGE: Final = 500
MOST_ROWS: Final = 10_000
"""Rows of one table; a link leads to the rest."""
MOST_PAGES: Final = 100
"""Pages that one table is looked for on; some hold nothing that fits."""


@dataclass(frozen=True, slots=True)
class WorkListPage:
    """One list as somebody asked for it."""

    name: WorkList
    database: Database
    asked: WorkListFilter
    settings: Settings
    now: datetime

    async def page(
        self, limit: int, after: Position | None
    ) -> tuple[tuple[Entry, ...], Position | None]:
        """Return up to *limit* rows behind *after*, and where the next page begins."""
        page = await WorkLists(self.database).page(
            self.name, self.asked, self.now, limit=limit, after=after
        )
        shown = (entry_of(self.name, row, self.settings) for row in page.rows)
        return tuple(shown), page.next

    async def table(
        self, most: int, after: Position | None, delimiter: str
    ) -> tuple[str, Position | None]:
        """Return up to *most* rows as CSV, and where the rest begins."""
        file = StringIO()
        file.write(BOM)
        write_csv(file, ENTRIES[self.name].columns(), (), delimiter)
        for _ in range(MOST_PAGES):
            rows, after = await self.page(min(most, PAGE), after)
            write_rows(file, (row.cells().values() for row in rows), delimiter)
            most -= len(rows)
            if after is None or not most:
                break
        return file.getvalue(), after


def table_answer(
    request: web.Request, name: WorkList, text: str, following: str | None
) -> web.Response:
    """Answer with a file; a link leads to what it had no room for."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    if following is not None:
        address = request.rel_url.update_query(cursor=following)
        headers["Link"] = f'<{address}>; rel="next"'
    return web.Response(text=text, content_type=TABLE, headers=headers)


@dataclass(frozen=True, slots=True)
class ListScope:
    """Which rows exist for whoever asks; `limited` None means all of them."""

    settings: Settings
    limited: Collection[str] | None = None
    account: str | None = None
    contract: str | None = None

    async def check(self, database: Database) -> None:
        """Refuse an account or a contract that nobody knows.

        A contract that is gone from the settings has left things behind, so it
        may be named. Raises `InvalidLabel`, listing what is configured.
        """
        accounts = list(filter(self._may_see, self.settings.accounts))
        if self.account is not None and self.account not in accounts:
            raise not_configured("account", self.account, accounts)
        contracts = [
            contract.name
            for contract in self.settings.contracts.values()
            if any(map(self._may_see, contract.accounts))
        ]
        name = self.contract
        if name is None or name in contracts:
            return
        if self.limited is not None or not await contract_in_use(database, name):
            raise not_configured("contract", name, contracts)

    def asked(
        self,
        days: int = 7,
        more: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> WorkListFilter:
        """Return what the store is asked; *more* must fit, too."""
        zones = {
            name: account.zone
            for name, account in self.settings.accounts.items()
            if self._sees(name)
        }
        fits = self.fits if more is None else lambda r: self.fits(r) and more(r)
        bounds = lower_bounds(self.settings.contracts)
        return WorkListFilter(zones, timedelta(days=days), bounds, fits)

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is one of them.

        What a carrier says without naming a shipment is for those who see all
        stores of its contract.
        """
        if self.contract is not None and row["contract"] != self.contract:
            return False
        if "account" in row:
            return self._sees(row["account"])
        known = self.settings.contracts.get(row["contract"])
        served = known.accounts if known is not None else ()
        if self.account is not None and self.account not in served:
            return False
        return self.limited is None or (
            known is not None and all(a in self.limited for a in served)
        )

    def _sees(self, account: str) -> bool:
        return self.account in (None, account) and self._may_see(account)

    def _may_see(self, account: str) -> bool:
        return self.limited is None or account in self.limited


def not_configured(field: str, given: str, known: Iterable[str]) -> InvalidLabel:
    """Return the error of a name that nobody knows, with those that are known."""
    names = ", ".join(sorted(known)) or "none"
    return InvalidLabel(
        f"{given!r} is not configured", field=field, hint=f"configured: {names}"
    )
