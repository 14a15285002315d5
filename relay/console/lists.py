"""Work lists: every row says why it waits, and offers what can be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web

from relay.api.bodies import parse_query
from relay.console.keys import SERVICES
from relay.console.page import render
from relay.console.security import caller
from relay.errors import NotFound
from relay.service.queries import WorkListQuery
from relay.service.worklist_models import ENTRIES, Entry
from relay.store.worklist_queries import WorkList

HIDDEN: Final = frozenset({"id", "event", "document", "request", "damage"})
"""Columns that are not shown: ids, which the row's links contain."""
REASONS: Final = frozenset(
    {
        "why", "stuck_reason", "quarantine_reason", "contradicted_reason",
        "unmatched_reason", "unreadable_reason", "rejected_reason", "refused_reason",
    }
)  # fmt: skip
LAST: Final = ("tracking_number", "account", "contract", "gives_up_at", "vtex_response")
"""Columns that are shown last: why, since when and who acts then need no scrolling."""
routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class RowAction:
    """What can be done with a row: the text's key, and the page that does it."""

    text: str
    address: str


ACTIONS: Final[Mapping[WorkList, tuple[tuple[str, str], ...]]] = {
    WorkList.STUCK: (("retry", "/console/shipments/{id}/retry"),),
    WorkList.WAITING: (("retry", "/console/shipments/{id}/retry"),),
    WorkList.UNKNOWN_TO_VTEX: (("retry", "/console/shipments/{id}/retry"),),
    WorkList.SILENT: (("poll", "/console/shipments/{id}/poll"),),
    WorkList.LATE: (("poll", "/console/shipments/{id}/poll"),),
    WorkList.CONTRADICTED: (("resend", "/console/shipments/{id}/resend"),),
    WorkList.QUARANTINED: (
        ("release", "/console/events/{event}/release"),
        ("drop", "/console/events/{event}/drop"),
    ),
    WorkList.UNKNOWN_CODES: (
        ("map", "/console/carriers/{contract}/codes?code={carrier_code}"),
    ),
    WorkList.UNREADABLE: (
        ("show_document", "/console/documents/{document}"),
        ("replay", "/console/documents/{document}/replay"),
    ),
    WorkList.REJECTED: (
        ("show_request", "/console/rejected/{request}"),
        ("accept", "/console/rejected/{request}/accept"),
    ),
}
"""What can be done with the rows of each list."""


@routes.get("/lists/{name}.csv")
async def as_csv(request: web.Request) -> web.Response:
    """Send a work list as CSV, with a semicolon where spreadsheets expect it."""
    services, name = request.app[SERVICES], _named(request)
    query = parse_query(request, WorkListQuery)
    table, _ = await services.worklists.table(
        caller(request), name, query, delimiter=";"
    )
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return web.Response(text=table, content_type="text/csv", headers=headers)


@routes.get("/lists/{name}")
async def work_list(request: web.Request) -> web.Response:
    """Show a page of a work list."""
    services, name = request.app[SERVICES], _named(request)
    query = parse_query(request, WorkListQuery)
    page = await services.worklists.page(caller(request), name, query)
    return await render(
        request,
        "list.html",
        name=name,
        names=list(WorkList),
        columns=columns(name),
        reasons=REASONS,
        rows=[(entry, row_actions(name, entry)) for entry in page.entries],
        query=query,
        following=following(request, page.next),
        csv=f"/console/lists/{name}.csv?{urlencode(dict(request.query))}",
    )


def columns(name: WorkList) -> list[str]:
    """Return the columns of a list in the order in which the page shows them."""
    shown = [c for c in ENTRIES[name].model_fields if c not in HIDDEN]
    return [c for c in shown if c not in LAST] + [c for c in LAST if c in shown]


def row_actions(name: WorkList, entry: Entry) -> list[RowAction]:
    """Return what can be done with a row of the list *name*."""
    fields = {n: getattr(entry, n) for n in type(entry).model_fields}
    if name is WorkList.UNKNOWN_CODES and not fields["carrier_code"]:
        return []  # a text alone is mapped by a rule in the settings
    values: dict[str, Any] = {n: quote(str(v), safe="") for n, v in fields.items()}
    return [
        RowAction(text, address.format_map(values))
        for text, address in ACTIONS.get(name, ())
    ]


def _named(request: web.Request) -> WorkList:
    name = request.match_info["name"]
    if name not in set(WorkList):
        raise NotFound(f"there is no list {name!r}", hint=", ".join(WorkList))
    return WorkList(name)


def following(request: web.Request, cursor: str | None) -> str | None:
    """Return the address of the next page."""
    if cursor is None:
        return None
    return f"{request.path}?{urlencode({**request.query, 'cursor': cursor})}"
