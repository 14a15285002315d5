"""`/v1/lists`: what people work from, and what they do about all of it at once."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field, create_model

from relay.errors import InvalidLabel
from relay.resolving import lower_bounds
from relay.settings import Scope, Settings
from relay.store.worklists import Asked, WorkLists
from relay.store.workqueries import Position, WorkList
from relay.web import entries
from relay.web.bodies import Answer, answer, asked
from relay.web.keys import CLOCK, DATABASE
from relay.web.models import Problem
from relay.web.operations import Operation, mount
from relay.web.paging import Paging
from relay.web.tokens import Access

ROOT: Final = "/v1/lists"
_POSITION: Final = re.compile(rb"after ([0-9-]{0,20}) ([0-9]{1,18})")

ENTRIES: Final[Mapping[WorkList, type[entries.Entry]]] = {
    WorkList.STUCK: entries.StuckEntry,
    WorkList.QUARANTINED: entries.QuarantinedEntry,
    WorkList.UNMATCHED: entries.UnmatchedEntry,
    WorkList.UNREADABLE: entries.UnreadableEntry,
    WorkList.UNKNOWN_CODES: entries.UnknownCodeEntry,
    WorkList.LATE: entries.LateEntry,
    WorkList.SILENT: entries.SilentEntry,
    WorkList.WAITING: entries.WaitingEntry,
}
SUMMARIES: Final = {
    WorkList.STUCK: "Shipments that a person must help, with VTEX's words",
    WorkList.QUARANTINED: "Events that are not told until a person releases them",
    WorkList.UNMATCHED: "Events that count for no label, and why",
    WorkList.UNREADABLE: "Documents that no adapter could read",
    WorkList.UNKNOWN_CODES: "Carriers' codes without a meaning, the latest first",
    WorkList.LATE: "Shipments past their promised day, the most overdue first",
    WorkList.SILENT: "Shipments of which the carrier says nothing, the oldest first",
    WorkList.WAITING: "Shipments that VTEX is told of later, and why",
}


class WorkQuery(Paging):
    """Which rows are asked for; `days` is how long a silent shipment is silent."""

    account: str | None = None
    contract: str | None = None
    days: Annotated[int, Field(ge=1, le=3650)] = 7

    @property
    def after(self) -> Position | None:
        """Where the page begins; raises `InvalidLabel`."""
        return None if self.cursor is None else _read(self.cursor)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which rows exist for whoever asks; `limited` None means all of them."""

    settings: Settings
    limited: Collection[str] | None = None
    account: str | None = None
    contract: str | None = None

    def asked(
        self,
        days: int = 7,
        more: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> Asked:
        """Return what the store is asked; *more* must fit, too."""
        zones = {
            name: account.zone
            for name, account in self.settings.accounts.items()
            if self._sees(name)
        }
        fits = self.fits if more is None else lambda r: self.fits(r) and more(r)
        bounds = lower_bounds(self.settings.contracts)
        return Asked(zones, timedelta(days=days), bounds, fits)

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
        return self.account in (None, account) and (
            self.limited is None or account in self.limited
        )


def _answers(name: WorkList) -> type[Answer]:
    """Make the model of a page of the list *name*."""
    entry = ENTRIES[name]
    return create_model(
        entry.__name__.removesuffix("Entry") + "List",
        __base__=Answer,
        __doc__="A page; `next` is the cursor of the next one, None at the end.",
        entries=(tuple[entry, ...], ...),  # type: ignore[valid-type]
        next=(str | None, None),
    )


PAGES: Final = {name: _answers(name) for name in WorkList}


def _listing(name: WorkList) -> Callable[[web.Request, Access], Any]:
    async def listed(request: web.Request, access: Access) -> web.Response:
        query = asked(request, WorkQuery)
        narrowed = Narrowed(
            access.settings, access.limited(), query.account, query.contract
        )
        page = await WorkLists(request.app[DATABASE]).page(
            name,
            narrowed.asked(query.days),
            request.app[CLOCK](),
            limit=query.limit,
            after=query.after,
        )
        shown = tuple(entries.entry(name, row, access.settings) for row in page.rows)
        return answer(PAGES[name](entries=shown, next=cursor(page.next)))

    return listed


def cursor(position: Position | None) -> str | None:
    """Return the cursor of the page that begins behind *position*."""
    if position is None:
        return None
    text = f"after {position.key} {position.id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(text: str) -> Position:
    try:
        found = _POSITION.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    if found is None:
        raise InvalidLabel(
            "it is not a cursor of this list",
            field="cursor",
            way_out="take it as it is from `next` of the page before",
        )
    return Position(found[1].decode(), int(found[2]))


OPERATIONS: Final = tuple(
    Operation(
        method="GET",
        path=f"{ROOT}/{name}",
        handler=_listing(name),
        scope=Scope.OPERATOR,
        summary=SUMMARIES[name],
        query=WorkQuery,
        answers={200: PAGES[name], 422: Problem},
    )
    for name in WorkList
)


def add_routes(app: web.Application) -> None:
    """Serve the lists."""
    mount(app, OPERATIONS)
