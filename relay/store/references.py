"""Reference values, their registrations, and the matching of events with labels.

Label and event both upsert their rows of `reference_values`, in sorted order, before
each searches for the other in its own transaction. So the one that commits second
sees the other, and two transactions never deadlock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from relay.adapters.operator import CONTRACT as OPERATOR
from relay.clock import moment
from relay.domain.event_time import SECOND
from relay.domain.events import Reference, ReferenceKind, compared
from relay.domain.matching import (
    LOWER_BOUND,
    NAMES_INVOICE,
    KnownReference,
    Match,
    match,
)
from relay.domain.registrations import Registration
from relay.store.codec import at, dumps, ids, numbers
from relay.store.database import Row, Transaction
from relay.store.event_limits import within_limits
from relay.store.reference_kinds import KINDS, kinds_of
from relay.text import storable

Key = tuple[str, str, str]
"""Contract, kind and normalized value of a reference."""


class Unmatched(NamedTuple):
    """What matching needs of an event.

    `named` are its references in each document, where these are not `refs`.
    """

    event: int
    occurred_at: datetime
    refs: tuple[int, ...]
    contract: str
    precision: timedelta = SECOND
    named: tuple[tuple[int, ...], ...] = ()

    @property
    def lists(self) -> list[tuple[int, ...]]:
        """Its references as a document gives them, one list for each way."""
        return list(dict.fromkeys((self.refs, *self.named)))


def key(contract: str, reference: Reference) -> Key:
    """Return the stored key of a reference of *contract*."""
    return (contract, str(reference.kind), storable(compared(reference.value)))


@dataclass(frozen=True, slots=True)
class Interned:
    """The ids of reference values; those in `fresh` were created just now."""

    numbers: Mapping[Key, int]
    fresh: frozenset[int]

    def kinds(self) -> dict[int, tuple[ReferenceKind, str]]:
        """Return kind and value by id."""
        return {n: (KINDS[k[1]], k[2]) for k, n in self.numbers.items()}


async def intern(tx: Transaction, keys: Iterable[Key]) -> Mapping[Key, int]:
    """Return the id of every key, creating and locking the rows in sorted order."""
    return (await interned(tx, keys)).numbers


async def interned(tx: Transaction, keys: Iterable[Key]) -> Interned:
    """Return the ids of *keys*, and which of them were created just now.

    New rows are inserted before known ones are locked, each in sorted order, so that
    two transactions never deadlock. Most are known, so they are searched for first.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return Interned({}, frozenset())
    found = _numbered(await tx.rows("find_references", rows=dumps(wanted)))
    new: dict[Key, int] = {}
    if len(found) < len(wanted):
        missing = [k for k in wanted if k not in found]
        new = _numbered(await tx.rows("add_references", rows=dumps(missing)))
    if len(new) < len(wanted):
        old = [k for k in wanted if k not in new]
        locked = await tx.lock("lock_known_references", rows=dumps(old))
        found = found if locked is None else _numbered(locked)
    return Interned(found | new, frozenset(new.values()))


def _numbered(found: Iterable[Row]) -> dict[Key, int]:
    return {(r["contract"], r["kind"], r["value"]): r["reference"] for r in found}


async def matches(
    tx: Transaction,
    events: Sequence[Unmatched],
    lower_bounds: Mapping[str, timedelta],
    known: Interned | None = None,
) -> dict[int, Match]:
    """Match events with registrations; events without a match are left out.

    *lower_bounds* are settings by contract. *known* are the events' references, if
    they were interned in this transaction.
    """
    fresh = known.fresh if known else frozenset[int]()
    registered = await _first_registered(tx, [e.refs for e in events], fresh)
    if not registered:
        return {}
    wanted = {ref for e in events for refs in e.lists for ref in refs}
    kinds = known.kinds() if known else await kinds_of(tx, wanted)
    naming = {ref for ref in wanted if kinds[ref][0] in NAMES_INVOICE}
    compared_with = {
        r.shipment
        for e in events
        if not all(naming.isdisjoint(refs) for refs in e.lists)
        for ref in e.refs
        for r in registered.get(ref, ())
    }
    values = await _values(tx, compared_with)

    def given(refs: Sequence[int]) -> list[KnownReference]:
        return [KnownReference(r, *kinds[r], registered.get(r, ())) for r in refs]

    return {
        e.event: match(
            e.occurred_at,
            given(e.refs),
            values,
            lower_bounds.get(e.contract, LOWER_BOUND),
            *(given(refs) for refs in e.lists[1:]),
            precision=e.precision,
        )
        for e in events
        if not registered.keys().isdisjoint(e.refs)
    }


async def _first_registered(
    tx: Transaction, of_events: Sequence[Sequence[int]], fresh: Collection[int]
) -> dict[int, tuple[Registration, ...]]:
    """Return the registrations of the first registered reference of each event.

    References are ordered best first and looked up one after another: usually the first
    one is registered.
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
    """Return the registrations of references, by reference id."""
    if not wanted:
        return {}
    found: dict[int, list[Registration]] = defaultdict(list)
    for row in await tx.rows("registrations_of", rows=numbers(wanted)):
        found[row["reference"]].append(_registration(row))
    return {reference: tuple(items) for reference, items in found.items()}


def _registration(row: Row) -> Registration:
    return Registration(
        shipment=row["shipment"],
        volume=row["volume"],
        registered_at=moment(row["registered_at"]),
        dispatched_at=at(row["dispatched_at"]),
        closed_at=at(row["closed_at"]),
        volumes=row["volumes"],
    )


async def _values(
    tx: Transaction, shipments: Collection[int]
) -> dict[int, dict[ReferenceKind, frozenset[str]]]:
    """Return the registered values of *shipments*, by kind."""
    if not shipments:
        return {}
    found: defaultdict[int, defaultdict[ReferenceKind, set[str]]]
    found = defaultdict(lambda: defaultdict(set))
    for row in await tx.rows("values_of_shipments", rows=numbers(shipments)):
        found[row["shipment"]][KINDS[row["kind"]]].add(row["value"])
    return {
        shipment: {kind: frozenset(values) for kind, values in by_kind.items()}
        for shipment, by_kind in found.items()
    }


async def store_matches(
    tx: Transaction, events: Sequence[Unmatched], matched: Mapping[int, Match]
) -> set[int]:
    """Store the matches of events; return the shipments whose matches changed."""
    before: dict[int, dict[tuple[int, int], int]] = defaultdict(dict)
    for row in await tx.rows(
        "matches_of_events", rows=ids("event", (e.event for e in events))
    ):
        target = (row["shipment"], row["volume"])
        before[row["event"]][target] = row["ambiguous"]
    held = {(e, *target) for e, targets in before.items() for target in targets}
    matched = await within_limits(tx, matched, of_operators(events), held)
    added, removed, through, touched = [], [], [], set()
    for event in events:
        found, old = matched.get(event.event, Match()), before[event.event]
        through.append({"event": event.event, "via": found.via})
        for link in match_rows(event.event, found, event.contract):
            if old.get((link["shipment"], link["volume"])) != link["ambiguous"]:
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


def of_operators(events: Iterable[Unmatched]) -> set[int]:
    """Return those of *events* that operators reported."""
    return {e.event for e in events if e.contract == OPERATOR}


def match_rows(event: int, found: Match, contract: str) -> list[dict[str, Any]]:
    """Return the rows of `event_parcels` for a match.

    An operator's events are released from the start.
    """
    decision = "released" if contract == OPERATOR else None
    return [
        {
            "event": event,
            "shipment": shipment,
            "volume": volume,
            "ambiguous": int(found.certainty(shipment)),
            "decision": decision,
        }
        for shipment, volume in sorted(found.targets)
    ]
