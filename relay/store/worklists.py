"""Operators' work lists, paginated along an index, and their counts."""

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
from relay.store.naming_documents import naming_documents
from relay.store.reference_kinds import kinds_of
from relay.store.references import registrations_of
from relay.store.unknown_to_vtex import UnknownToVtex
from relay.store.worklist_queries import (
    BY_ACCOUNT,
    QUERIES,
    Position,
    WorkList,
    position,
)

NO_LABEL = "no label has any of its references"


async def explain_unmatched(
    tx: Transaction,
    found: Sequence[dict[str, Any]],
    lower_bounds: Mapping[str, timedelta],
    accounts: Collection[str],
) -> None:
    """Add references and the reason for having no match to rows of unmatched events.

    *accounts* are those whose labels may be named in a reason.
    """
    refs = {row["event"]: _references(row) for row in found}
    wanted = {reference for values in refs.values() for reference in values}
    kinds = await kinds_of(tx, wanted)
    registered = await registrations_of(tx, wanted)
    elsewhere = await _elsewhere(tx, wanted, accounts)
    for row in found:
        mine = refs[row["event"]]
        known = [KnownReference(r, *kinds[r], registered.get(r, ())) for r in mine]
        row["references"] = [(str(k.kind), k.value) for k in known]
        bound = lower_bounds.get(row["contract"], LOWER_BOUND)
        row["because"] = (
            _too_early(row, known, bound)
            or _other_contract(elsewhere, mine, kinds)
            or NO_LABEL
        )


def _references(row: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the references of an event; none if the stored list is damaged."""
    try:
        return tuple(loads(row["refs"]))
    except ValueError:
        return ()


def _too_early(
    row: Mapping[str, Any], known: Sequence[KnownReference], bound: timedelta
) -> str | None:
    unit = timedelta(seconds=row["precision"])
    try:
        occurred_at = moment(row["occurred_at"])
    except OverflowError:  # a damaged row; the list says so
        return None
    return why_unmatched(occurred_at, known, bound, precision=unit)


async def _elsewhere(
    tx: Transaction, wanted: Collection[int], accounts: Collection[str]
) -> dict[int, list[str]]:
    """Return other contracts with the same registered values, by reference."""
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
                "record a carrier handover, or correct the contract"
            )
    return None


_BY_STATE: Final = frozenset({WorkList.WAITING, WorkList.UNKNOWN_TO_VTEX})
BATCH: Final = 500
ROUNDS: Final = 8
SILENT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class WorkListFilter:
    """A filter of a work list; `fits` decides row by row.

    `zones` are the listed accounts with their time zones; `lower_bounds` are set by
    contract.
    """

    zones: Mapping[str, ZoneInfo]
    silent_for: timedelta = SILENT
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)
    fits: Callable[[Mapping[str, Any]], bool] = field(default=lambda _: True)


@dataclass(frozen=True, slots=True)
class WorkPage:
    """A page of rows; `next` is the position of the next page, None at the end."""

    rows: tuple[dict[str, Any], ...]
    next: Position | None = None


@dataclass(frozen=True, slots=True)
class WorkLists:
    """Reads what waits for an operator.

    A page examines at most *rounds* batches of *batch* rows, so it may hold fewer rows
    than its limit, even none, and still have a next page.
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
        """Return up to *limit* rows of the list *name* after the position *after*."""
        if name in _BY_STATE:
            return await self._by_state(name, asked, now, limit, after)
        found: list[dict[str, Any]] = []
        async with self.database.reading() as tx:
            for _ in range(self.rounds):
                rows = await self._rows(tx, name, asked, now, after)
                for row in rows:
                    if len(found) == limit:
                        return WorkPage(await _explained(tx, name, found, asked), after)
                    after = position(name, row)
                    fields = as_dict(row)
                    if asked.fits(fields) and _is_wanted(name, row, asked, now):
                        found.append(fields)
                if len(rows) < self.batch:
                    after = None
                    break
            return WorkPage(await _explained(tx, name, found, asked), after)

    async def _by_state(
        self,
        name: WorkList,
        asked: WorkListFilter,
        now: datetime,
        limit: int,
        after: Position | None,
    ) -> WorkPage:
        """Return a page of a list that depends on the shipments' state."""
        lists = UnknownToVtex(self.database, self.batch, self.rounds, asked.fits)
        waiting = name is WorkList.WAITING
        page = await lists.page(
            sorted(asked.zones),
            now,
            limit=limit,
            after=after,
            wanted=lambda row: not waiting or row["state"] is ShipmentState.WAITING,
        )
        return WorkPage(page.rows, page.next)

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
    """Whether data of a contract is stored; it may be missing in the settings."""
    async with database.reading() as tx:
        return await tx.row("contract_in_use", contract=contract) is not None


def _order(name: WorkList, row: Row) -> tuple[str, int]:
    """Return the sort key of a row among those of several accounts."""
    sign = -1 if name in {WorkList.STUCK, WorkList.CONTRADICTED} else 1
    return position(name, row).key, sign * row["shipment"]


def _is_wanted(name: WorkList, row: Row, asked: WorkListFilter, now: datetime) -> bool:
    """Whether a row belongs to the list: the index of open shipments holds others."""
    if name is not WorkList.SILENT:
        return True
    latest: int = row["last_event_at"] or row["registered_at"]
    return latest <= micros(now - asked.silent_for)


async def _explained(
    tx: Transaction, name: WorkList, found: list[dict[str, Any]], asked: WorkListFilter
) -> tuple[dict[str, Any], ...]:
    """Add the reasons to unmatched events, and what is named to quarantined ones."""
    if name is WorkList.QUARANTINED:
        named = await naming_documents(tx, {row["event"] for row in found})
        for row in found:
            row["named_in"] = named.get(row["event"], ())
    if name is WorkList.UNMATCHED:
        await explain_unmatched(tx, found, asked.lower_bounds, asked.zones)
    return tuple(found)
