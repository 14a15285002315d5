"""The first page: what waits for a person, what is late, and whose fault it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from relay.console.keys import CHARTS, PROCESS, SERVICES
from relay.console.page import render
from relay.console.security import caller
from relay.service.access import Caller
from relay.service.queries import WorkListQuery
from relay.service.services import Services
from relay.service.status import ProcessState, not_ready
from relay.store.worklist_queries import WorkList

WAITING: Final = (
    WorkList.STUCK,
    WorkList.QUARANTINED,
    WorkList.CONTRADICTED,
    WorkList.UNMATCHED,
    WorkList.UNKNOWN_CODES,
    WorkList.UNREADABLE,
    WorkList.REJECTED,
)
"""Lists whose rows wait for a person."""
SLOW: Final = (WorkList.UNKNOWN_TO_VTEX, WorkList.LATE, WorkList.SILENT)
"""Lists of parcels of which shoppers see less than they should."""
MOST_COUNTED: Final = 100
"""Rows that are counted of a list; more are shown as "100+"."""
routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class ListCount:
    """How many rows a list has, up to `MOST_COUNTED`."""

    name: WorkList
    number: int

    @property
    def text(self) -> str:
        """The number as it is shown."""
        return f"{MOST_COUNTED}+" if self.number > MOST_COUNTED else str(self.number)


@routes.get("/")
async def today(request: web.Request) -> web.Response:
    """Show what waits, what is late, each party's state, and a day's activity."""
    services, who = request.app[SERVICES], caller(request)
    status = await services.status.status(who, await process_state(request))
    now = services.context.now()
    return await render(
        request,
        "today.html",
        waiting=await count_lists(services, who, WAITING),
        slow=await count_lists(services, who, SLOW),
        parts=status.lines,
        counted=await services.worklists.counts_for(who),
        backlog_time=await services.worklists.time_to_publish(who),
        alerts=(await services.alerts.alerts(who)).open,
        charts=await request.app[CHARTS].charts(now),
    )


async def count_lists(
    services: Services, who: Caller, names: Iterable[WorkList]
) -> list[ListCount]:
    """Count the rows of lists; those with an index by the whole lists' counts."""
    counted = await services.worklists.counts_for(who)
    return [
        ListCount(name, await _count(services, who, name, counted)) for name in names
    ]


async def _count(
    services: Services, who: Caller, name: WorkList, counted: Mapping[str, int]
) -> int:
    if name.value in counted:
        return counted[name.value]
    query = WorkListQuery(limit=MOST_COUNTED + 1)
    return len((await services.worklists.page(who, name, query)).entries)


async def process_state(request: web.Request) -> ProcessState:
    """Return the state of the process that shows the page."""
    process, now = request.app[PROCESS], request.app[SERVICES].context.now()
    return ProcessState(
        running=True,
        last_good="was ready",
        last_good_at=now - process.not_ready_for(),
        problems=tuple(map(not_ready, await process.reasons())),
    )
