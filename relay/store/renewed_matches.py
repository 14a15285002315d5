"""Matching stored events again: a label, a correction or another document came."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from relay.clock import moment
from relay.store.codec import ids, loads, numbers
from relay.store.database import Transaction
from relay.store.references import Unmatched, matches, store_matches


async def rematch(
    tx: Transaction,
    references: Iterable[int],
    lower_bounds: Mapping[str, timedelta],
    contract: str,
) -> set[int]:
    """Match again the events with *references*; return the changed shipments."""
    found = await tx.rows("events_by_references", rows=ids("reference", references))
    return await _matched_again(
        tx, [dict(r) | {"contract": contract} for r in found], lower_bounds
    )


async def rematch_events(
    tx: Transaction, events: Iterable[int], lower_bounds: Mapping[str, timedelta]
) -> set[int]:
    """Match stored events again; return the changed shipments."""
    found = await tx.rows("events_to_match", rows=ids("event", events))
    return await _matched_again(tx, [dict(r) for r in found], lower_bounds)


async def _matched_again(
    tx: Transaction,
    found: Sequence[Mapping[str, Any]],
    lower_bounds: Mapping[str, timedelta],
) -> set[int]:
    events = [
        Unmatched(
            r["event"],
            moment(r["occurred_at"]),
            tuple(loads(r["refs"])),
            r["contract"],
            timedelta(seconds=r["precision"]),
        )
        for r in found
    ]
    if not events:
        return set()
    events = await with_documents(tx, events)
    return await store_matches(tx, events, await matches(tx, events, lower_bounds))


async def with_documents(
    tx: Transaction, events: Sequence[Unmatched]
) -> list[Unmatched]:
    """Return *events* with what each of their stored documents names."""
    named: defaultdict[int, list[tuple[int, ...]]] = defaultdict(list)
    wanted = numbers(e.event for e in events)
    for row in await tx.rows("named_in_documents", rows=wanted):
        named[row["event"]].append(tuple(loads(row["refs"])))
    return [e._replace(named=tuple(sorted(named[e.event]))) for e in events]
