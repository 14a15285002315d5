"""`/v1/lists`: what people work from, and what they do about all of it at once."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field, create_model

from relay.api.auth import Access
from relay.api.bodies import (
    Paging,
    cursor,
    json_answer,
    parse_body,
    parse_query,
    position,
)
from relay.api.keys import CLOCK, CORRECTIONS, DATABASE, ON_EVENTS, ON_REPLAY
from relay.api.operations import Handling, Operation, mount
from relay.api.shipments import number_in
from relay.config.account import Scope
from relay.errors import InvalidLabel
from relay.logs import logger
from relay.registration.requests import Request
from relay.service.models import Problem, ResponseModel
from relay.service.worklist_models import ENTRIES
from relay.service.worklists import (
    MOST_ROWS,
    TABLE,
    ListScope,
    WorkListPage,
    table_answer,
)
from relay.store.bulk import Bulk, BulkResult, ReplayFilter
from relay.store.worklist_queries import Position, WorkList

LISTS: Final = "/v1/lists"
_POSITION: Final = re.compile(rb"after ([0-9-]{0,20}) ([0-9]{1,18})")
SUMMARIES: Final = {
    WorkList.STUCK: "Shipments that a person must help, with VTEX's words",
    WorkList.QUARANTINED: "Events that are not told until a person releases them",
    WorkList.UNMATCHED: "Events that count for no label, and why",
    WorkList.REJECTED: "The last requests that did not prove to be the carrier's",
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
        return None if self.cursor is None else _read_list_cursor(self.cursor)

    @property
    def most(self) -> int:
        """How many rows a table has at the most."""
        return self.limit if "limit" in self.model_fields_set else MOST_ROWS

    def wants_table(self, accepted: str) -> bool:
        """Whether a table is asked for, here or by what the sender accepts."""
        return self.format == "csv" or (self.format is None and TABLE in accepted)


def _answers(name: WorkList) -> type[ResponseModel]:
    """Make the model of a page of the list *name*."""
    entry = ENTRIES[name]
    return create_model(
        entry.__name__.removesuffix("Entry") + "List",
        __base__=ResponseModel,
        __doc__="A page; `next` is the cursor of the next one, None at the end.",
        entries=(tuple[entry, ...], ...),  # type: ignore[valid-type]
        next=(str | None, None),
    )


PAGES: Final = {name: _answers(name) for name in WorkList}


def _listing(name: WorkList) -> Callable[[web.Request, Access], Any]:
    async def listed(request: web.Request, access: Access) -> web.Response:
        query, database = parse_query(request, WorkQuery), request.app[DATABASE]
        narrowed = ListScope(
            access.settings, access.limited(), query.account, query.contract
        )
        await narrowed.check(database)
        wanted, now = narrowed.asked(query.days), request.app[CLOCK]()
        listing = WorkListPage(name, database, wanted, access.settings, now)
        if query.wants_table(request.headers.get("Accept", "")):
            text, following = await listing.table(
                query.most, query.after, query.delimiter
            )
            return table_answer(request, name, text, list_cursor(following))
        shown, following = await listing.page(query.limit, query.after)
        return json_answer(PAGES[name](entries=shown, next=list_cursor(following)))

    return listed


def list_cursor(position: Position | None) -> str | None:
    """Return the cursor of the page that begins behind *position*."""
    if position is None:
        return None
    text = f"after {position.key} {position.id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_list_cursor(text: str) -> Position:
    try:
        found = _POSITION.fullmatch(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    if found is None:
        raise InvalidLabel(
            "it is not a cursor of this list",
            field="cursor",
            hint="take it as it is from `next` of the page before",
        )
    return Position(found[1].decode(), int(found[2]))


OPERATIONS: Final = tuple(
    Operation(
        method="GET",
        path=f"{LISTS}/{name}",
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


SLICES: Final = 5
"""Slices of one request: it ends soon, and says where the next one goes on."""
EVENT: Final = "/v1/events/{event}"
NO_EVENT: Final = "no shipment has such an event"
Judgement = Literal["released", "dropped"]
_log = logger(__name__)


class RetryRequest(Request):
    """Which stuck shipments; `because` is part of the reason, in any case."""

    account: str | None = None
    contract: str | None = None
    because: str | None = Field(default=None, max_length=200)
    cursor: str | None = Field(default=None, max_length=100)


class ReplayRequest(Request):
    """Which documents; `since` is when they came."""

    contract: str | None = None
    unreadable: bool = True
    since: AwareDatetime | None = Field(default=None, strict=False)
    cursor: str | None = Field(default=None, max_length=100)


class BulkActionAnswer(ResponseModel):
    """How many were changed; with `next` there are more: send it as `cursor`."""

    count: int
    next: str | None


class EventDecisionAnswer(ResponseModel):
    """An event that is told, or not, for good, and the shipments it counts for."""

    id: int
    decision: Judgement
    warnings: tuple[str, ...]
    shipments: tuple[str, ...]


def says(row: Any, because: str | None) -> bool:
    """Whether a stuck shipment's reason holds the words *because*."""
    return because is None or because.casefold() in row["stuck_reason"].casefold()


async def retry(request: web.Request, access: Access) -> web.Response:
    """Try many stuck shipments again."""
    body = await parse_body(request, RetryRequest)
    narrowed = ListScope(access.settings, access.limited(), body.account, body.contract)
    await narrowed.check(request.app[DATABASE])
    wanted = narrowed.asked(more=lambda row: says(row, body.because))
    bulk = _bulk(request, access)
    total, before = 0, position(body.cursor)
    for _ in range(SLICES):
        done = await bulk.retry_stuck(wanted, before)
        total, before = total + done.count, done.next
        if before is None:
            break
    request.app[ON_EVENTS]()
    return _answered(BulkResult(total, before))


async def replay(request: web.Request, access: Access) -> web.Response:
    """Have many documents read again."""
    body = await parse_body(request, ReplayRequest)
    narrowed = ListScope(access.settings, access.limited(), contract=body.contract)
    await narrowed.check(request.app[DATABASE])
    wanted = ReplayFilter(body.unreadable, body.since, narrowed.fits)
    bulk = _bulk(request, access)
    total, before = 0, position(body.cursor)
    for _ in range(SLICES):
        done = await bulk.replay(wanted, before)
        total, before = total + done.count, done.next
        if before is None:
            break
    request.app[ON_REPLAY]()
    _log.info("documents are read again", by=access.name, documents=total)
    return _answered(BulkResult(total, before))


def _bulk(request: web.Request, access: Access) -> Bulk:
    now: datetime = request.app[CLOCK]()
    return Bulk(request.app[DATABASE], access.name, now)


def _answered(done: BulkResult) -> web.Response:
    return json_answer(BulkActionAnswer(count=done.count, next=cursor(done.next)), 202)


def _judging(decision: Judgement) -> Handling:
    async def judge(request: web.Request, access: Access) -> web.Response:
        app = request.app
        event = number_in(request.match_info["event"], NO_EVENT)
        found = await app[CORRECTIONS].judge(
            event, decision, access.name, app[CLOCK](), access.limited()
        )
        app[ON_EVENTS]()
        about = {"tracking_event": event, "shipments": list(found.shipments)}
        _log.info(decision, **about, by=access.name)
        for warning in found.warnings:
            _log.error("alert", **about, because=warning)
        return json_answer(
            EventDecisionAnswer(
                id=event,
                decision=decision,
                shipments=found.shipments,
                warnings=found.warnings,
            )
        )

    return judge


ACTION_OPERATIONS: Final = (
    Operation(
        method="POST",
        path=LISTS + "/stuck/retry",
        handler=retry,
        scope=Scope.OPERATOR,
        summary="Try many stuck shipments again",
        body=RetryRequest,
        example={"account": "store", "because": "invoice"},
        answers={202: BulkActionAnswer, 400: Problem, 415: Problem, 422: Problem},
    ),
    Operation(
        method="POST",
        path="/v1/documents/replay",
        handler=replay,
        scope=Scope.OPERATOR,
        summary="Read many documents again",
        body=ReplayRequest,
        example={"contract": "acme", "since": "2026-08-01T00:00:00-03:00"},
        answers={202: BulkActionAnswer, 400: Problem, 415: Problem, 422: Problem},
    ),
    Operation(
        method="POST",
        path=EVENT + "/release",
        handler=_judging("released"),
        scope=Scope.OPERATOR,
        summary="Believe a doubtful event: it is told",
        answers={200: EventDecisionAnswer, 404: Problem},
    ),
    Operation(
        method="POST",
        path=EVENT + "/drop",
        handler=_judging("dropped"),
        scope=Scope.OPERATOR,
        summary="Do not believe a doubtful event: it is never told",
        answers={200: EventDecisionAnswer, 404: Problem},
    ),
)


def add_action_routes(app: web.Application) -> None:
    """Serve what is done about many things at once."""
    mount(app, ACTION_OPERATIONS)
