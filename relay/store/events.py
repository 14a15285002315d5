"""Storing parsed events: matched with shipments, which become due."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.domain.poll_schedule import URGENT_MILESTONES
from relay.store.codec import dumps, ids, loads
from relay.store.database import Row, Transaction
from relay.store.event_limits import within_limits
from relay.store.event_rows import (
    EventRow,
    Identity,
    Pace,
    ParsedDocument,
    identified,
    mark_due,
)
from relay.store.known_events import known_events, without_repeats
from relay.store.references import (
    Interned,
    match_rows,
    matches,
    of_operators,
    store_matches,
)
from relay.store.renewed_matches import rematch_events, with_documents

SOON: Final = timedelta(minutes=5)
"""When a parcel is polled again after an urgent event, at the latest."""


async def poll_sooner(tx: Transaction, new: Iterable[EventRow], now: datetime) -> None:
    """Bring forward the polls of parcels with urgent events among *new*."""
    urgent = [f.number for f in new if f.event.milestone in URGENT_MILESTONES]
    if urgent:
        soon = micros(now + SOON)
        await tx.run("bring_polls_forward", rows=ids("event", urgent), soon=soon)


async def store_events(
    tx: Transaction,
    readings: Sequence[ParsedDocument],
    now: datetime,
    pace: Pace,
    lower_bounds: Mapping[str, timedelta],
) -> dict[int, int]:
    """Store the events of a slice of documents; return the new ones per document."""
    named, known = await identified(tx, readings)
    found = without_repeats(named)
    stored = await known_events(tx, found, known.fresh)
    new, changed = _split_new(found, stored)
    touched = await _add(tx, new, known, lower_bounds)
    await tx.many("rewrite_event", [_rewritten(f) for f in changed])
    touched |= await _link(tx, found)
    touched |= await _withdraw(tx, readings, found, now, lower_bounds)
    touched |= await _match_again(tx, changed, lower_bounds)
    others = _named_otherwise(found, stored, changed)
    touched |= await rematch_events(tx, others, lower_bounds)
    heard = await _heard_of(tx, found, touched)
    await mark_due(tx, heard, now, pace, from_carrier=True)
    await mark_due(tx, touched - heard, now, pace)
    await poll_sooner(tx, new, now)
    return Counter(f.reading.document for f in new)


async def _heard_of(
    tx: Transaction, found: Sequence[EventRow], touched: set[int]
) -> set[int]:
    """Return the shipments of which the carrier sent something now.

    A document that is parsed again was received long ago.
    """
    sent = [f.number for f in found if not all(link.replayed for link in f.links)]
    if len(sent) == len(found):
        return touched
    return touched & await _shipments_of(tx, sent)


def _split_new(
    found: Sequence[EventRow], known: Mapping[Identity, Row]
) -> tuple[list[EventRow], list[EventRow]]:
    """Return new events, and stored ones whose columns a later document changes."""
    new, changed = [], []
    for f in found:
        row = known.get(f.identity)
        if row is None:
            new.append(f)
            continue
        f.number = row["event"]
        more_precise = f.keep_more_precise(row)
        # An older document that arrives late must not undo newer columns.
        later = micros(f.reading.received_at) >= row["document_received_at"]
        changes = row["withdrawn_at"] is not None or (later and _differs(f, row))
        if changes or more_precise:
            changed.append(f)
    return new, changed


def _named_otherwise(
    found: Sequence[EventRow],
    known: Mapping[Identity, Row],
    changed: Sequence[EventRow],
) -> set[int]:
    """Return stored events, unchanged but for what one of their documents names.

    A replayed document may have stopped naming something.
    """
    stored = {row["event"]: row["refs"] for row in known.values()}
    return {
        f.number
        for f in found
        if f.number in stored
        and any(li.replayed or dumps(li.refs) != stored[f.number] for li in f.links)
    } - {f.number for f in changed}


def _differs(f: EventRow, row: Row) -> bool:
    columns = f.columns()
    return any(columns[name] != row[name] for name in columns)


def _rewritten(f: EventRow) -> dict[str, Any]:
    document_received_at = micros(f.reading.received_at)
    return f.columns() | {
        "event": f.number,
        "document_received_at": document_received_at,
    }


async def _add(
    tx: Transaction,
    new: Sequence[EventRow],
    known: Interned,
    lower_bounds: Mapping[str, timedelta],
) -> set[int]:
    """Insert new events, matched; return the shipments they count for."""
    if not new:
        return set()
    for f, number in zip(new, await tx.new_events(len(new)), strict=True):
        f.number = number
    unmatched = [f.unmatched() for f in new]
    found = await matches(tx, unmatched, lower_bounds, known)
    matched = await within_limits(tx, found, of_operators(unmatched))
    through = {event: match.via for event, match in matched.items()}
    await tx.many("add_event", [_new_row(f, through.get(f.number)) for f in new])
    links = [
        row
        for f in new
        if f.number in matched
        for row in match_rows(f.number, matched[f.number], f.reading.contract)
    ]
    await tx.many("match_event", links)
    return {link["shipment"] for link in links}


def _new_row(f: EventRow, via: int | None) -> dict[str, Any]:
    received_at = micros(f.reading.received_at)
    row = f.columns()
    row.update(f.identity_columns())
    row.update(event=f.number, received_at=received_at, via=via)
    return row


async def _link(tx: Transaction, found: Sequence[EventRow]) -> set[int]:
    """Link events to their references and documents.

    Returns the shipments of events that a document denies now, or no longer does.
    """
    watched = [
        f.number for f in found if any(li.denied or li.replayed for li in f.links)
    ]
    before = await _denied(tx, watched)
    await tx.many(
        "link_event_to_reference",
        [{"reference": r, "event": f.number} for f in found for r in f.refs],
    )
    # A document may have an event twice, once with the text that denies it.
    denied = {(li.document, f.number) for f in found for li in f.links if li.denied}
    await tx.many(
        "link_event_to_document",
        [
            {
                "document": link.document,
                "event": f.number,
                "position": link.position,
                "refs": dumps(link.refs),
                "denied": int((link.document, f.number) in denied),
            }
            for f in found
            for link in f.links
        ],
    )
    return await _shipments_of(tx, sorted(before ^ await _denied(tx, watched)))


async def _denied(tx: Transaction, events: Sequence[int]) -> set[int]:
    """Return those of *events* that one of their documents denies."""
    if not events:
        return set()
    found = await tx.rows("denied_events", rows=ids("event", events))
    return {row["event"] for row in found}


async def _match_again(
    tx: Transaction, changed: Sequence[EventRow], lower_bounds: Mapping[str, timedelta]
) -> set[int]:
    """Match events whose time or references may have changed."""
    if not changed:
        return set()
    events = await with_documents(tx, [f.unmatched() for f in changed])
    touched = await store_matches(tx, events, await matches(tx, events, lower_bounds))
    return touched | await _shipments_of(tx, [f.number for f in changed])


async def _shipments_of(tx: Transaction, events: Sequence[int]) -> set[int]:
    if not events:
        return set()
    found = await tx.rows("matches_of_events", rows=ids("event", events))
    return {r["shipment"] for r in found}


async def _withdraw(
    tx: Transaction,
    readings: Sequence[ParsedDocument],
    found: Sequence[EventRow],
    now: datetime,
    lower_bounds: Mapping[str, timedelta],
) -> set[int]:
    """Withdraw events that replayed documents no longer contain.

    What was published for one counts for the event that now has its reference and its
    position in the document.
    """
    replayed = await _comparable(tx, readings)
    if not replayed:
        return set()
    given = {(link.document, f.number) for f in found for link in f.links}
    placed = {
        (link.document, f.identity[0], link.position): f.number
        for f in found
        for link in f.links
    }
    gone, left = [], []
    for row in await tx.rows("events_of_documents", rows=ids("document", replayed)):
        if (row["document"], row["event"]) in given:
            continue
        link = {"document": row["document"], "event": row["event"]}
        await tx.run("unlink_event_from_document", **link)
        if row["documents"] > 1:
            left.append(row["event"])
        else:
            gone.append(row["event"])
            replacement = placed.get(
                (row["document"], row["reference"], row["position"])
            )
            if replacement is not None:
                await tx.run(
                    "move_published_to_event",
                    event=row["event"],
                    replacement=replacement,
                )
            await tx.run("withdraw_event", event=row["event"], now=micros(now))
    touched = await rematch_events(tx, left, lower_bounds)
    return touched | await _shipments_of(tx, [*gone, *left])


async def _comparable(tx: Transaction, readings: Sequence[ParsedDocument]) -> set[int]:
    """Return the replayed documents whose missing events are really gone.

    An event may be missing because its part is unreadable now. So those with an
    unreadable part that was readable before are left out.
    """
    replayed = {r.document: r for r in readings if r.replayed}
    partly = ids("document", (n for n, r in replayed.items() if r.partly is not None))
    before: dict[int, set[str]] = {}
    if partly != "[]":
        for row in await tx.rows("unreadable_parts_of", rows=partly):
            parts = loads(row["unreadable_parts"])
            before[row["document"]] = {part["position"] for part in parts}
    return {
        number
        for number, r in replayed.items()
        if r.bad_parts == len(r.parts)
        and {part.position for part in r.parts} <= before.get(number, set())
    }
