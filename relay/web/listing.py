"""A list that people work from, as rows page by page or as one table."""

from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Final

from aiohttp import web

from relay.settings import Settings
from relay.store.database import Database
from relay.store.worklists import Asked, WorkLists
from relay.store.workqueries import Position, WorkList
from relay.web.entering import entry
from relay.web.entries import ENTRIES, Entry
from relay.web.spreadsheets import BOM, write_csv, write_rows

TABLE: Final = "text/csv"
PAGE: Final = 500
MOST_ROWS: Final = 10_000
"""Rows of one table; a link leads to the rest."""
MOST_PAGES: Final = 100
"""Pages that one table is looked for on; some hold nothing that fits."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list as somebody asked for it."""

    name: WorkList
    database: Database
    asked: Asked
    settings: Settings
    now: datetime

    async def page(
        self, limit: int, after: Position | None
    ) -> tuple[tuple[Entry, ...], Position | None]:
        """Return up to *limit* rows behind *after*, and where the next page begins."""
        page = await WorkLists(self.database).page(
            self.name, self.asked, self.now, limit=limit, after=after
        )
        shown = (entry(self.name, row, self.settings) for row in page.rows)
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
