"""How many shipments, invoices and events wait, bounded so that a page stays fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from relay.clock import micros
from relay.store.database import Database, Transaction

Numbers = Mapping[str, int]
MOST_COUNTED: Final = 10_000
"""Counting stops here: pages show "10,000+"."""


@dataclass(frozen=True, slots=True)
class WorkCounts:
    """Shipments and invoices by account, events by contract. A missing key is zero."""

    due: Numbers
    waiting: Numbers
    stuck: Numbers
    quarantined: Numbers
    contradicted: Numbers
    late: Numbers
    unmatched: Numbers
    stuck_invoices: Numbers


async def counts(
    database: Database,
    zones: Mapping[str, ZoneInfo],
    now: datetime,
    most: int = MOST_COUNTED,
) -> WorkCounts:
    """Count what waits, up to *most* of each kind; *zones* are the accounts' ones."""
    async with database.reading() as tx:

        async def by_account(query: str, **terms: int) -> Numbers:
            found = await tx.rows(query, most=most, **terms)
            return {r["account"]: r["shipments"] for r in found}

        late = {}
        for account, zone in zones.items():
            day = now.astimezone(zone).date().isoformat()
            row = await tx.row("count_late", account=account, today=day, most=most)
            late[account] = row["shipments"] if row else 0
        unmatched = await tx.rows("count_unmatched", most=most)
        return WorkCounts(
            due=await by_account("count_due", now=micros(now)),
            waiting=await by_account("count_waiting", now=micros(now)),
            stuck=await by_account("count_stuck"),
            quarantined=await by_account("count_quarantined"),
            contradicted=await by_account("count_contradicted"),
            late=late,
            unmatched={r["contract"]: r["events"] for r in unmatched},
            stuck_invoices=await _stuck_invoices(tx, most),
        )


async def stuck_counts(database: Database) -> tuple[Numbers, Numbers]:
    """Count stuck shipments and stuck invoices by account."""
    async with database.reading() as tx:
        found = await tx.rows("count_stuck", most=MOST_COUNTED)
        shipments = {r["account"]: r["shipments"] for r in found}
        return shipments, await _stuck_invoices(tx, MOST_COUNTED)


async def _stuck_invoices(tx: Transaction, most: int) -> Numbers:
    found = await tx.rows("count_stuck_invoices", most=most)
    return {r["account"]: r["invoices"] for r in found}


@dataclass(frozen=True, slots=True)
class AccountCounts:
    """Shipments by account. A missing key is zero."""

    due: Numbers
    waiting: Numbers
    stuck: Numbers


async def account_counts(database: Database, now: datetime) -> AccountCounts:
    """Count the shipments of each account that are not at rest."""
    async with database.reading() as tx:

        async def by_account(query: str, **terms: int) -> Numbers:
            found = await tx.rows(query, most=MOST_COUNTED, **terms)
            return {r["account"]: r["shipments"] for r in found}

        return AccountCounts(
            due=await by_account("count_due", now=micros(now)),
            waiting=await by_account("count_waiting", now=micros(now)),
            stuck=await by_account("count_stuck"),
        )
