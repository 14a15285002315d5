"""`/v1/lists`: what people work from, and what they do about all of it at once."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import Field, create_model

from relay.errors import InvalidLabel
from relay.settings import Scope
from relay.store.workqueries import Position, WorkList
from relay.web.bodies import Answer, answer, asked
from relay.web.entries import ENTRIES
from relay.web.keys import CLOCK, DATABASE
from relay.web.listing import MOST_ROWS, TABLE, Listing, table_answer
from relay.web.models import Problem
from relay.web.narrowing import Narrowed
from relay.web.operations import Operation, mount
from relay.web.paging import Paging
from relay.web.tokens import Access

ROOT: Final = "/v1/lists"
_POSITION: Final = re.compile(rb"after ([0-9-]{0,20}) ([0-9]{1,18})")

SUMMARIES: Final = {
    WorkList.STUCK: "Shipments that a person must help, with VTEX's words",
    WorkList.QUARANTINED: "Events that are not told until a person releases them",
    WorkList.UNMATCHED: "Events that count for no label, and why",
    WorkList.UNTRUSTED: "The last requests that did not prove to be the carrier's",
    WorkList.UNREADABLE: "Documents that no adapter could read",
    WorkList.UNKNOWN_CODES: "Carriers' codes without a meaning, the latest first",
    WorkList.LATE: "Shipments past their promised day, the most overdue first",
    WorkList.SILENT: "Shipments of which the carrier says nothing, the oldest first",
    WorkList.WAITING: "Shipments that VTEX is told of later, and why",
}


class WorkQuery(Paging):
    """Which rows are asked for; `days` is how long a silent shipment is silent.

    With `format=csv`, or `Accept: text/csv`, the answer is a table of all rows, or
    of `limit` ones, for a spreadsheet.
    """

    account: str | None = None
    contract: str | None = None
    days: Annotated[int, Field(ge=1, le=3650)] = 7
    format: Literal["json", "csv"] | None = None
    delimiter: Literal[",", ";", "\t"] = ","

    @property
    def after(self) -> Position | None:
        """Where the page begins; raises `InvalidLabel`."""
        return None if self.cursor is None else _read(self.cursor)

    @property
    def most(self) -> int:
        """How many rows a table has at the most."""
        return self.limit if "limit" in self.model_fields_set else MOST_ROWS

    def wants_table(self, accepted: str) -> bool:
        """Whether a table is asked for, here or by what the sender accepts."""
        return self.format == "csv" or (self.format is None and TABLE in accepted)


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
        query, database = asked(request, WorkQuery), request.app[DATABASE]
        narrowed = Narrowed(
            access.settings, access.limited(), query.account, query.contract
        )
        await narrowed.check(database)
        wanted, now = narrowed.asked(query.days), request.app[CLOCK]()
        listing = Listing(name, database, wanted, access.settings, now)
        if query.wants_table(request.headers.get("Accept", "")):
            text, following = await listing.table(
                query.most, query.after, query.delimiter
            )
            return table_answer(request, name, text, cursor(following))
        shown, following = await listing.page(query.limit, query.after)
        return answer(PAGES[name](entries=shown, next=cursor(following)))

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
        also=(TABLE,),
    )
    for name in WorkList
)


def add_routes(app: web.Application) -> None:
    """Serve the lists."""
    mount(app, OPERATIONS)
