"""The first page: what waits for a person, what is late, and whose fault it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from aiohttp import web

from relay.console.keys import CHARTS, PROCESS, SERVICES
from relay.console.page import render
from relay.console.security import caller
from relay.service.access import Caller
from relay.service.queries import WorkListQuery
from relay.service.services import Services
from relay.service.status import ProcessState, not_ready
from relay.store.work_counts import MOST_COUNTED, WorkCounts
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
COUNTED: Final = frozenset(field.name for field in fields(WorkCounts))
"""Lists that are counted by their index, up to `MOST_COUNTED`."""
MOST_SHOWN: Final = 100
"""Rows that are read of other lists to count them; more are shown as "100+"."""
routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class ListCount:
    """How many rows a list has, up to `MOST_COUNTED`, or `MOST_SHOWN` by its rows."""

    name: WorkList
    number: int

    @property
    def text(self) -> str:
        """The number as it is shown."""
        if self.number >= MOST_COUNTED:
            return f"{MOST_COUNTED:,}+"
        by_rows = self.name.value not in COUNTED and self.number > MOST_SHOWN
        return f"{MOST_SHOWN}+" if by_rows else str(self.number)


@routes.get("/")
async def today(request: web.Request) -> web.Response:
    """Show what waits, what is late, each party's state, and a day's activity."""
    services, who = request.app[SERVICES], caller(request)
    status = await services.status.status(who, await process_state(request))
    now = services.context.now()
    work = await services.worklists.counts()
    counted = services.worklists.counts_for(who, work)
    return await render(
        request,
        "today.html",
        waiting=await count_lists(services, who, WAITING, counted),
        slow=await count_lists(services, who, SLOW, counted),
        parts=status.lines,
        counted=counted,
        backlog_time=services.worklists.time_to_publish(who, work),
        alerts=(await services.alerts.alerts(who)).open,
        charts=await request.app[CHARTS].charts(now),
    )


async def count_lists(
    services: Services,
    who: Caller,
    names: Iterable[WorkList],
    counted: Mapping[str, int],
) -> list[ListCount]:
    """Count the rows of lists; those in *counted* are counted already."""
    return [
        ListCount(name, await _count(services, who, name, counted)) for name in names
    ]


async def _count(
    services: Services, who: Caller, name: WorkList, counted: Mapping[str, int]
) -> int:
    if name.value in counted:
        return counted[name.value]
    query = WorkListQuery(limit=MOST_SHOWN + 1)
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
