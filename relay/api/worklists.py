"""`/v1/lists` and `/v1/events`: what needs an operator, and decisions about it."""

from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from relay.api.bodies import json_answer, parse_body, parse_query, path_number
from relay.api.keys import SERVICES
from relay.api.operations import Handling, OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.models import BulkActionAnswer, Problem
from relay.service.queries import MOST, CountQuery, RetryRequest, WorkListQuery
from relay.service.unknown_to_vtex import UnknownCounts
from relay.service.worklist_models import PAGES
from relay.service.worklists import MOST_ROWS, EventDecisionAnswer
from relay.store.worklist_queries import WorkList

LISTS: Final = "/v1/lists"
EVENT: Final = "/v1/events/{event}"
TABLE: Final = "text/csv"
SUMMARIES: Final = {
    WorkList.STUCK: "List shipments that need an operator, with VTEX's response",
    WorkList.CONTRADICTED: "List deliveries that VTEX shows and events contradict",
    WorkList.QUARANTINED: "List events that are not published until released",
    WorkList.UNMATCHED: "List events that match no label, and why",
    WorkList.REJECTED: "List the latest requests that failed verification",
    WorkList.REFUSED: "List refused requests at webhook addresses, the latest first",
    WorkList.UNREADABLE: "List documents that their adapter could not parse",
    WorkList.UNKNOWN_CODES: "List carrier codes without a mapping, the latest first",
    WorkList.LATE: "List shipments past their promised day, the most overdue first",
    WorkList.SILENT: "List shipments without recent events, the oldest first",
    WorkList.WAITING: "List shipments that are published later, and why",
    WorkList.UNKNOWN_TO_VTEX: "List what VTEX does not know yet, and who acts next",
}
operations = OperationTable()


class TableQuery(WorkListQuery):
    """Filters of a work list, as JSON or as a table.

    With `format=csv`, or `Accept: text/csv`, the answer is a table of all rows, or
    of `limit` ones, for a spreadsheet.
    """

    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    format: Literal["json", "csv"] | None = None
    delimiter: Literal[",", ";", "\t"] = ","

    @property
    def most(self) -> int:
        """How many rows a table has at most."""
        return self.limit if "limit" in self.model_fields_set else MOST_ROWS

    def wants_table(self, accepted: str) -> bool:
        """Whether a table is requested, by `format` or by the header `Accept`."""
        return self.format == "csv" or (self.format is None and TABLE in accepted)


def _listing(name: WorkList) -> Handling:
    async def list_entries(request: web.Request, caller: Caller) -> web.Response:
        query = parse_query(request, TableQuery)
        worklists = request.app[SERVICES].worklists
        if not query.wants_table(request.headers.get("Accept", "")):
            return json_answer(await worklists.page(caller, name, query))
        text, following = await worklists.table(
            caller, name, query, most=query.most, delimiter=query.delimiter
        )
        return table_answer(request, name, text, following)

    return list_entries


for _name in WorkList:
    operations.get(
        f"{LISTS}/{_name}",
        scope=Scope.OPERATOR,
        summary=SUMMARIES[_name],
        query=TableQuery,
        answers={200: PAGES[_name], 422: Problem},
        also=(TABLE,),
    )(_listing(_name))


@operations.get(
    f"{LISTS}/{WorkList.UNKNOWN_TO_VTEX}/counts",
    scope=Scope.OPERATOR,
    query=CountQuery,
    answers={200: UnknownCounts, 422: Problem},
)
async def count_unknown(request: web.Request, caller: Caller) -> web.Response:
    """Count what VTEX does not know yet, by reason and who acts next."""
    given = parse_query(request, CountQuery)
    query = WorkListQuery(account=given.account, contract=given.contract)
    worklists = request.app[SERVICES].worklists
    return json_answer(await worklists.unknown_counts(caller, query))


def table_answer(
    request: web.Request, name: WorkList, text: str, following: str | None
) -> web.Response:
    """Answer with a CSV file; the header `Link` leads to the rows that follow."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    if following is not None:
        address = request.rel_url.update_query(cursor=following)
        headers["Link"] = f'<{address}>; rel="next"'
    return web.Response(text=text, content_type=TABLE, headers=headers)


@operations.post(
    LISTS + "/stuck/retry",
    scope=Scope.OPERATOR,
    body=RetryRequest,
    example={"account": "store", "reason": "invoice"},
    answers={202: BulkActionAnswer, 400: Problem, 415: Problem, 422: Problem},
)
async def retry_stuck(request: web.Request, caller: Caller) -> web.Response:
    """Retry many stuck shipments."""
    body = await parse_body(request, RetryRequest)
    services = request.app[SERVICES]
    return json_answer(await services.worklists.retry_stuck(caller, body), 202)


@operations.post(
    EVENT + "/release",
    scope=Scope.OPERATOR,
    answers={200: EventDecisionAnswer, 404: Problem},
)
async def release(request: web.Request, caller: Caller) -> web.Response:
    """Release a quarantined event: it is published."""
    number, worklists = path_number(request, "event"), request.app[SERVICES].worklists
    return json_answer(await worklists.decide_event(caller, number, "released"))


@operations.post(
    EVENT + "/drop",
    scope=Scope.OPERATOR,
    answers={200: EventDecisionAnswer, 404: Problem},
)
async def drop(request: web.Request, caller: Caller) -> web.Response:
    """Drop a quarantined event: it is never published."""
    number, worklists = path_number(request, "event"), request.app[SERVICES].worklists
    return json_answer(await worklists.decide_event(caller, number, "dropped"))
