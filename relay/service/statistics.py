"""Statistics of a contract: what its carrier did, this week and last week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from pydantic import BaseModel, Field

from relay.errors import NotFound
from relay.service.access import Caller, ListScope
from relay.service.accounts import AccountService
from relay.service.context import ServiceContext
from relay.service.queries import MOST, Paging, WorkListQuery
from relay.service.statistics_models import (
    CarrierDay,
    CarrierWeek,
    ContractStatistics,
    DelayLine,
    StateLine,
)
from relay.service.worklists import WorkListService
from relay.store.activity import Activity
from relay.store.codec import readable_at
from relay.store.database import Row
from relay.store.statistics import CarrierDays, CarrierStatistics, day_of, number_of
from relay.store.worklist_queries import WorkList

WEEK: Final = timedelta(days=7)
DAY_SECONDS: Final = 86_400
DELAYS: Final = {
    "15m": "within_15m",
    "1h": "within_1h",
    "6h": "within_6h",
    "24h": "within_24h",
    "later": "later",
}
"""The columns of the delays."""


class StatisticsQuery(BaseModel):
    """How many days the statistics have, until today."""

    model_config = Paging.model_config

    days: int = Field(default=28, ge=1, le=365)


@dataclass(frozen=True, slots=True)
class StatisticsService:
    """Statistics, from days that were counted before."""

    context: ServiceContext

    async def of_contract(
        self, caller: Caller, name: str, query: StatisticsQuery
    ) -> ContractStatistics:
        """Return what the carrier of a contract did.

        Raises `NotFound` for an unknown contract: a limited caller knows only those
        whose accounts they all see.
        """
        settings = self.context.settings
        scope = ListScope(settings, caller.accounts)
        known = [c for c in settings.contracts if scope.fits({"contract": c})]
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            said, hint = f"{name!r} is not configured", f"configured: {names}"
            raise NotFound(said, field="contract", hint=hint)
        zone = settings.contracts[name].zone
        today = self.context.now().astimezone(zone).date()
        since = min(today - timedelta(days=query.days - 1), today - 2 * WEEK)
        found = await CarrierStatistics(self.context.database).of_contract(
            name, since, today
        )
        first = today - timedelta(days=query.days - 1)
        shown = [row for row in found.days if row["day"] >= number_of(first)]
        return ContractStatistics(
            contract=name,
            zone=zone.key,
            counted_at=found.counted_at,
            days=_days(found, first, today),
            this_week=_week(found, today),
            last_week=_week(found, today - WEEK),
            states=_states(found, first),
            delays=tuple(
                DelayLine.model_validate({"within": within, "events": _sum(shown, c)})
                for within, c in DELAYS.items()
            ),
            **await self._present(caller, name),
        )

    async def _present(self, caller: Caller, name: str) -> dict[str, Any]:
        """Return what is known of a contract now, such as its polls."""
        context = self.context
        entries = (await AccountService(context).contracts(caller)).contracts
        entry = next(one for one in entries if one.name == name)
        query = WorkListQuery(contract=name, limit=MOST)
        lists = WorkListService(context)
        codes = await lists.page(caller, WorkList.UNKNOWN_CODES, query)
        seen = await Activity(context.database).of_contracts([name], context.now())
        return {
            "polling": entry.polling,
            "rejections": entry.rejections,
            "unknown_codes": len(codes.entries),
            "last_document_at": readable_at(seen[name].received_at),
        }


def _days(found: CarrierDays, first: date, last: date) -> tuple[CarrierDay, ...]:
    """Return every day from *first* to *last*, also those on which nothing happened."""
    counted: Mapping[int, Row] = {row["day"]: row for row in found.days}
    lines = []
    for number in range(number_of(first), number_of(last) + 1):
        row = counted.get(number)
        of_day = [one for one in found.deliveries if one["day"] == number]
        line = CarrierDay(
            day=day_of(number),
            registered=row["registered"] if row else 0,
            events=row["events"] if row else 0,
            delivered=_sum(of_day, "delivered"),
            late=_sum(of_day, "late"),
        )
        lines.append(line)
    return tuple(lines)


def _week(found: CarrierDays, until: date) -> CarrierWeek:
    last = number_of(until)
    days = [r for r in found.days if last - WEEK.days < r["day"] <= last]
    ended = [r for r in found.deliveries if last - WEEK.days < r["day"] <= last]
    return CarrierWeek(
        until=until,
        registered=_sum(days, "registered"),
        events=_sum(days, "events"),
        delivered=_sum(ended, "delivered"),
        promised=_sum(ended, "promised"),
        late=_sum(ended, "late"),
        travel_days=_travel_days(ended),
    )


def _states(found: CarrierDays, first: date) -> tuple[StateLine, ...]:
    """Return the states, those with the most deliveries first."""
    of_states: dict[str, list[Row]] = {}
    for row in found.deliveries:
        if row["day"] >= number_of(first):
            of_states.setdefault(row["state"], []).append(row)
    lines = [
        StateLine(
            state=state,
            delivered=_sum(some, "delivered"),
            promised=_sum(some, "promised"),
            late=_sum(some, "late"),
            travel_days=_travel_days(some),
        )
        for state, some in of_states.items()
    ]
    return tuple(sorted(lines, key=lambda one: (-one.delivered, one.state)))


def _travel_days(some: Sequence[Row]) -> float | None:
    travelled = _sum(some, "travelled")
    if not travelled:
        return None
    return round(_sum(some, "travel_seconds") / travelled / DAY_SECONDS, 1)


def _sum(some: Sequence[Row], column: str) -> int:
    total: int = sum(row[column] for row in some)
    return total
