"""How much waits, for the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from relay.clock import micros
from relay.store.database import Database

Numbers = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WorkCounts:
    """Shipments by account, events by contract; what is not there is nought."""

    due: Numbers
    waiting: Numbers
    stuck: Numbers
    quarantined: Numbers
    late: Numbers
    unmatched: Numbers


async def counts(
    database: Database, zones: Mapping[str, ZoneInfo], now: datetime
) -> WorkCounts:
    """Count what waits; *zones* are those that the accounts have their days in."""
    async with database.reading() as tx:

        async def by_account(query: str, **terms: int) -> Numbers:
            found = await tx.rows(query, **terms)
            return {r["account"]: r["shipments"] for r in found}

        late = {}
        for account, zone in zones.items():
            today = now.astimezone(zone).date().isoformat()
            row = await tx.row("count_late", account=account, today=today)
            late[account] = row["shipments"] if row else 0
        unmatched = await tx.rows("count_unmatched")
        return WorkCounts(
            due=await by_account("count_due", now=micros(now)),
            waiting=await by_account("count_waiting", now=micros(now)),
            stuck=await by_account("count_stuck"),
            quarantined=await by_account("count_quarantined"),
            late=late,
            unmatched={r["contract"]: r["events"] for r in unmatched},
        )
