"""Reference values and who registered them: where label and scan meet.

Both sides first upsert the rows of `reference_values` in sorted order and look
for the other side after that, in the same writing transaction. So one of them
always sees the other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from relay.adapters.operator import CONTRACT as OPERATOR
from relay.clock import moment
from relay.domain.events import Reference, ReferenceKind, ReferenceLevel, compared
from relay.domain.matching import (
    LOWER_BOUND,
    KnownReference,
    Match,
    Registration,
    match,
)
from relay.store.codec import at, dumps, ids, loads, storable
from relay.store.database import Row, Transaction

Key = tuple[str, str, str]
"""Contract, kind and compared value of a reference."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An event as far as matching needs it."""

    event: int
    occurred_at: datetime
    refs: tuple[int, ...]
    contract: str


def key(contract: str, reference: Reference) -> Key:
    """Return how a reference of *contract* is stored."""
    return (contract, str(reference.kind), storable(compared(reference.value)))


@dataclass(frozen=True, slots=True)
class Interned:
    """The ids of reference values; nothing can stand under those that are fresh."""

    numbers: Mapping[Key, int]
    fresh: frozenset[int]

    def kinds(self) -> dict[int, tuple[ReferenceKind, str]]:
        """Return kind and value of every id."""
        return {n: (ReferenceKind(k[1]), k[2]) for k, n in self.numbers.items()}


async def intern(tx: Transaction, keys: Iterable[Key]) -> Mapping[Key, int]:
    """Return the id of every key, made where it is new, locked in sorted order."""
    return (await interned(tx, keys)).numbers


async def interned(tx: Transaction, keys: Iterable[Key]) -> Interned:
    """Return the ids of *keys*, and which of them were made just now.

    What is new is inserted before what is known is locked, each in sorted
    order, so that two transactions never wait for one another.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return Interned({}, frozenset())
    numbers = _numbered(await tx.rows("add_references", rows=dumps(wanted)))
    fresh = frozenset(numbers.values())
    if len(numbers) < len(wanted):
        known = [k for k in wanted if k not in numbers]
        numbers |= _numbered(await tx.rows("find_references", rows=dumps(known)))
    return Interned(numbers, fresh)


def _numbered(found: Iterable[Row]) -> dict[Key, int]:
    return {(r["contract"], r["kind"], r["value"]): r["reference"] for r in found}


async def matches(
    tx: Transaction,
    events: Sequence[Unmatched],
    lower_bounds: Mapping[str, timedelta],
    known: Interned | None = None,
) -> dict[int, Match]:
    """Match events with what is registered now; those that match nothing are left out.

    `lower_bounds` are the contracts' own settings, by contract. *known* are the
    references of the events, if they were interned in this transaction.
    """
    fresh = known.fresh if known else frozenset[int]()
    registered = await _first_registered(tx, [e.refs for e in events], fresh)
    if not registered:
        return {}
    wanted = {ref for e in events for ref in e.refs}
    kinds = known.kinds() if known else await kinds_of(tx, wanted)
    numbers = await _numbers(tx, registered, kinds)
    return {
        e.event: match(
            e.occurred_at,
            [KnownReference(r, *kinds[r], registered.get(r, ())) for r in e.refs],
            numbers,
            lower_bounds.get(e.contract, LOWER_BOUND),
        )
        for e in events
        if not registered.keys().isdisjoint(e.refs)
    }


async def _first_registered(
    tx: Transaction, of_events: Sequence[Sequence[int]], fresh: Collection[int]
) -> dict[int, tuple[Registration, ...]]:
    """Return who registered the references through which events count.

    That is the first of each event's that anybody registered; most often nothing
    has to be asked of the others.
    """
    registered: dict[int, tuple[Registration, ...]] = {}
    asked, left = set(fresh), [list(reversed(refs)) for refs in of_events]
    while left := [refs for refs in left if refs]:
        wanted = {refs[-1] for refs in left} - asked
        registered |= await registrations_of(tx, wanted)
        asked |= wanted
        left = [refs for refs in left if refs.pop() not in registered]
    return registered


async def registrations_of(
    tx: Transaction, wanted: Collection[int]
) -> dict[int, tuple[Registration, ...]]:
    """Return who registered references, by their id."""
    if not wanted:
        return {}
    found: dict[int, list[Registration]] = defaultdict(list)
    for row in await tx.rows("registrations_of", rows=ids("reference", wanted)):
        found[row["reference"]].append(_registration(row))
    return {reference: tuple(them) for reference, them in found.items()}


def _registration(row: Row) -> Registration:
    return Registration(
        shipment=row["shipment"],
        volume=row["volume"],
        registered_at=moment(row["registered_at"]),
        dispatched_at=at(row["dispatched_at"]),
        closed_at=at(row["closed_at"]),
        volumes=row["volumes"],
    )


async def kinds_of(
    tx: Transaction, wanted: Iterable[int]
) -> dict[int, tuple[ReferenceKind, str]]:
    """Return kind and compared value of references, by their id."""
    found = await tx.rows("kinds_of_references", rows=ids("reference", wanted))
    return {r["reference"]: (ReferenceKind(r["kind"]), r["value"]) for r in found}


async def _numbers(
    tx: Transaction,
    registered: Mapping[int, Sequence[Registration]],
    kinds: Mapping[int, tuple[ReferenceKind, str]],
) -> dict[int, dict[ReferenceKind, frozenset[str]]]:
    """Return what shipments known by their order id have registered besides."""
    by_order = {
        r.shipment
        for reference, them in registered.items()
        if kinds[reference][0].level is ReferenceLevel.ORDER
        for r in them
    }
    if not by_order:
        return {}
    found: dict[int, dict[ReferenceKind, frozenset[str]]] = defaultdict(dict)
    for row in await tx.rows("references_of_shipments", rows=ids("shipment", by_order)):
        if row["voided_at"] is None:
            values, kind = found[row["shipment"]], ReferenceKind(row["kind"])
            values[kind] = values.get(kind, frozenset()) | {row["value"]}
    return found


async def store_matches(
    tx: Transaction, events: Sequence[Unmatched], now_matched: Mapping[int, Match]
) -> set[int]:
    """Store how events are matched now; return the shipments that this changes."""
    before: dict[int, dict[tuple[int, int], bool]] = defaultdict(dict)
    for row in await tx.rows(
        "matches_of_events", rows=ids("event", (e.event for e in events))
    ):
        target = (row["shipment"], row["volume"])
        before[row["event"]][target] = bool(row["ambiguous"])
    added, removed, through, touched = [], [], [], set()
    for event in events:
        found, old = now_matched.get(event.event, Match()), before[event.event]
        through.append({"event": event.event, "via": found.via})
        for link in match_rows(event.event, found, event.contract):
            if old.get((link["shipment"], link["volume"])) is not found.ambiguous:
                added.append(link)
                touched.add(link["shipment"])
        for shipment, volume in old.keys() - found.targets:
            removed.append(
                {"event": event.event, "shipment": shipment, "volume": volume}
            )
            touched.add(shipment)
    await tx.many("store_match_reference", through)
    await tx.many("unmatch_event", removed)
    await tx.many("match_event", added)
    return touched


def match_rows(event: int, found: Match, contract: str) -> list[dict[str, Any]]:
    """Return the rows of `event_parcels` that say for what an event counts.

    What an operator says is released from the first.
    """
    decision = "released" if contract == OPERATOR else None
    return [
        {
            "event": event,
            "shipment": shipment,
            "volume": volume,
            "ambiguous": int(found.ambiguous),
            "decision": decision,
        }
        for shipment, volume in sorted(found.targets)
    ]


async def rematch(
    tx: Transaction,
    references: Iterable[int],
    lower_bounds: Mapping[str, timedelta],
    contract: str,
) -> set[int]:
    """Match anew the events that bear *references*; return the shipments changed."""
    found = await tx.rows("events_by_references", rows=ids("reference", references))
    events = [
        Unmatched(
            r["event"], moment(r["occurred_at"]), tuple(loads(r["refs"])), contract
        )
        for r in found
    ]
    if not events:
        return set()
    return await store_matches(tx, events, await matches(tx, events, lower_bounds))
