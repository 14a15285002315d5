"""Lists that people work from, page by page along an index."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.clock import micros, moment
from relay.domain.events import ReferenceKind
from relay.domain.matching import LOWER_BOUND, KnownReference, why_unmatched
from relay.domain.status import ShipmentState
from relay.store.codec import as_dict, ids, loads
from relay.store.database import Database, Row, Transaction
from relay.store.references import kinds_of, registrations_of
from relay.store.shipment_lists import ShipmentFilter, ShipmentLists
from relay.store.worklist_queries import (
    BY_ACCOUNT,
    QUERIES,
    Position,
    WorkList,
    position,
)

NO_LABEL = "no label bears any of its references"


async def explain_unmatched(
    tx: Transaction,
    found: Sequence[dict[str, Any]],
    lower_bounds: Mapping[str, timedelta],
    accounts: Collection[str],
) -> None:
    """Spell out the references of unmatched events, and say why nobody has them.

    *accounts* are those whose labels may be spoken of.
    """
    refs = {row["event"]: tuple(loads(row["refs"])) for row in found}
    wanted = {reference for them in refs.values() for reference in them}
    kinds = await kinds_of(tx, wanted)
    registered = await registrations_of(tx, wanted)
    elsewhere = await _elsewhere(tx, wanted, accounts)
    for row in found:
        mine = refs[row["event"]]
        known = [KnownReference(r, *kinds[r], registered.get(r, ())) for r in mine]
        row["references"] = [(str(k.kind), k.value) for k in known]
        bound = lower_bounds.get(row["contract"], LOWER_BOUND)
        row["because"] = (
            why_unmatched(moment(row["occurred_at"]), known, bound)
            or _other_contract(elsewhere, mine, kinds)
            or NO_LABEL
        )


async def _elsewhere(
    tx: Transaction, wanted: Collection[int], accounts: Collection[str]
) -> dict[int, list[str]]:
    """Return the other contracts under which the same values are registered."""
    found: dict[int, list[str]] = defaultdict(list)
    for row in await tx.rows("registered_elsewhere", rows=ids("reference", wanted)):
        if row["account"] in accounts:
            found[row["reference"]].append(row["contract"])
    return found


def _other_contract(
    elsewhere: Mapping[int, Sequence[str]],
    references: Sequence[int],
    kinds: Mapping[int, tuple[ReferenceKind, str]],
) -> str | None:
    for reference in references:
        if reference in elsewhere:
            contracts = ", ".join(dict.fromkeys(elsewhere[reference]))
            return (
                f"{kinds[reference][1]} is registered under contract {contracts}: "
                "hand the parcel over, or correct its contract"
            )
    return None


BATCH: Final = 500
ROUNDS: Final = 8
SILENT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WorkListFilter:
    """What is asked of a list; `fits` decides row by row.

    `zones` are the accounts that are listed, with the zone each has its days in;
    `lower_bounds` are the contracts' own.
    """

    zones: Mapping[str, ZoneInfo]
    silent_for: timedelta = SILENT
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)
    fits: Callable[[Mapping[str, Any]], bool] = field(default=lambda _: True)


@dataclass(frozen=True, slots=True)
class WorkPage:
    """Some rows; `next` goes on where they end, None at the end of the list."""

    rows: tuple[dict[str, Any], ...]
    next: Position | None = None


@dataclass(frozen=True, slots=True)
class WorkLists:
    """What waits for a person.

    A page looks at no more than *rounds* batches of *batch* rows, so it may hold
    fewer rows than asked for, even none, and still have a next one.
    """

    database: Database
    batch: int = BATCH
    rounds: int = ROUNDS

    async def page(
        self,
        name: WorkList,
        asked: WorkListFilter,
        now: datetime,
        *,
        limit: int,
        after: Position | None = None,
    ) -> WorkPage:
        """Return up to *limit* rows of the list *name* behind *after*."""
        if name is WorkList.WAITING:
            return await self._waiting(asked, now, limit, after)
        found: list[dict[str, Any]] = []
        async with self.database.reading() as tx:
            for _ in range(self.rounds):
                rows = await self._rows(tx, name, asked, now, after)
                for row in rows:
                    if len(found) == limit:
                        return WorkPage(await _published(tx, name, found, asked), after)
                    after = position(name, row)
                    fields = as_dict(row)
                    if asked.fits(fields) and _is_wanted(name, row, asked, now):
                        found.append(fields)
                if len(rows) < self.batch:
                    after = None
                    break
            return WorkPage(await _published(tx, name, found, asked), after)

    async def _waiting(
        self, asked: WorkListFilter, now: datetime, limit: int, after: Position | None
    ) -> WorkPage:
        """Return shipments that are told later, the newest first."""
        wanted = ShipmentFilter(sorted(asked.zones), state=ShipmentState.WAITING)
        lists = ShipmentLists(self.database, batch=self.batch, rounds=self.rounds)
        before = after.id if after else None
        page = await lists.shipments(wanted, now, limit=limit, before=before)
        found = [as_dict(s.row) | {"why": s.standing.why} for s in page.shipments]
        following = None if page.next is None else Position(id=page.next)
        return WorkPage(tuple(filter(asked.fits, found)), following)

    async def _rows(
        self,
        tx: Transaction,
        name: WorkList,
        asked: WorkListFilter,
        now: datetime,
        after: Position | None,
    ) -> Sequence[Row]:
        query = QUERIES[name]
        if name not in BY_ACCOUNT:
            return await query(tx, after, self.batch)
        rows: list[Row] = []
        for account, zone in asked.zones.items():
            rows += await query(tx, after, self.batch, account, now.astimezone(zone))
        rows.sort(key=lambda r: _order(name, r))
        return rows[: self.batch]


async def contract_in_use(database: Database, contract: str) -> bool:
    """Whether anything is kept of a contract, which may be gone from the settings."""
    async with database.reading() as tx:
        return await tx.row("contract_in_use", contract=contract) is not None


def _order(name: WorkList, row: Row) -> tuple[str, int]:
    """Return the place of a row among those of several accounts."""
    sign = -1 if name is WorkList.STUCK else 1
    return position(name, row).key, sign * row["shipment"]


def _is_wanted(name: WorkList, row: Row, asked: WorkListFilter, now: datetime) -> bool:
    """Whether a row of an index that holds others, too, belongs to the list."""
    if name is not WorkList.SILENT:
        return True
    heard: int = row["last_event_at"] or row["registered_at"]
    return heard <= micros(now - asked.silent_for)


async def _published(
    tx: Transaction, name: WorkList, found: list[dict[str, Any]], asked: WorkListFilter
) -> tuple[dict[str, Any], ...]:
    """Say of events that nobody has registered why that is."""
    if name is WorkList.UNMATCHED:
        await explain_unmatched(tx, found, asked.lower_bounds, asked.zones)
    return tuple(found)
