"""What the reader found: remembered, matched and made due in one transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from relay.clock import micros
from relay.store.database import Row, Transaction
from relay.store.references import (
    Key,
    Unmatched,
    bring_news,
    intern,
    key,
    match_rows,
    matches,
    store_matches,
)
from relay.store.spelling import clean, dumps, ids, rows
from relay.tracking import ReferenceKind, TrackingEvent

Identity = tuple[int, int, str, str]
"""Identifying reference, second, code, and the words where there is no code."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader made of one document.

    `cut` is the body without personal fields, None if nothing was cut;
    `digest` is that of the original then. `unreadable` is the reason, if so.
    """

    document: int
    contract: str
    received_at: datetime
    events: tuple[TrackingEvent, ...] = ()
    identifying: ReferenceKind = ReferenceKind.TRACKING_NUMBER
    unreadable: str | None = None
    cut: bytes | None = None
    digest: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How long news waits for more of it, and for how long at the most."""

    quiet: timedelta = timedelta(seconds=3)
    longest: timedelta = timedelta(seconds=10)


@dataclass(slots=True)
class _Found:
    """One event of a slice, with its identity, on its way into the tables."""

    reading: Reading
    event: TrackingEvent
    identity: Identity
    refs: tuple[int, ...]
    number: int = 0
    links: list[tuple[int, int]] = field(default_factory=list)


async def remember(
    tx: Transaction,
    readings: Sequence[Reading],
    now: datetime,
    pace: Pace,
    lower_bounds: Mapping[str, timedelta],
) -> dict[int, int]:
    """Store what a slice of documents says; return how many events each brought."""
    found = await _identified(tx, readings)
    known = await _known(tx, found)
    new, changed = _sorted_out(found, known)
    touched = await _add(tx, new, lower_bounds)
    await tx.many("rewrite_event", [_columns(f) | _rewritten(f) for f in changed])
    await _link(tx, found)
    touched |= await _withdraw(tx, readings, found, now)
    touched |= await _match_again(tx, changed, lower_bounds)
    await bring_news(tx, touched, now, quiet=pace.quiet, longest=pace.longest)
    brought: dict[int, int] = defaultdict(int)
    for f in new:
        brought[f.reading.document] += 1
    return brought


async def _identified(tx: Transaction, readings: Sequence[Reading]) -> list[_Found]:
    """Give every event its identity; one that comes twice in a slice is one."""
    pairs = [(r, e) for r in readings for e in r.events]
    keys = {
        (r.contract, ref): key(r.contract, ref)
        for r, e in pairs
        for ref in e.references
    }
    interned = await intern(tx, keys.values())
    found: dict[Identity, _Found] = {}
    for reading, event in pairs:
        refs = tuple(
            dict.fromkeys(interned[keys[reading.contract, r]] for r in event.references)
        )
        identity = _identity(reading, event, keys, interned)
        old = found.get(identity)
        if old is None or reading.received_at >= old.reading.received_at:
            links = old.links if old else []
            found[identity] = _Found(reading, event, identity, refs, links=links)
        found[identity].links.append((reading.document, event.position))
    return list(found.values())


def _identity(
    reading: Reading,
    event: TrackingEvent,
    keys: Mapping[Any, Key],
    interned: Mapping[Key, int],
) -> Identity:
    named = [r for r in event.references if r.kind is reading.identifying]
    reference = interned[keys[reading.contract, (named or event.references)[0]]]
    code = clean(event.carrier_code)
    words = "" if code else " ".join(clean(event.description).casefold().split())
    return (reference, micros(event.occurred_at) // 1_000_000, code, words)


async def _known(tx: Transaction, found: Sequence[_Found]) -> dict[Identity, Row]:
    if not found:
        return {}
    wanted = rows(_identity_columns(f.identity) for f in found)
    return {
        (r["reference"], r["second"], r["code"], r["text_key"]): r
        for r in await tx.rows("known_events", rows=wanted)
    }


def _identity_columns(identity: Identity) -> dict[str, Any]:
    return dict(zip(("reference", "second", "code", "text_key"), identity, strict=True))


def _sorted_out(
    found: Sequence[_Found], known: Mapping[Identity, Row]
) -> tuple[list[_Found], list[_Found]]:
    """Part new events from those that a later document words otherwise."""
    new, changed = [], []
    for f in found:
        row = known.get(f.identity)
        if row is None:
            new.append(f)
            continue
        f.number = row["event"]
        later = micros(f.reading.received_at) >= row["written_from"]
        if row["withdrawn_at"] is not None or (later and _differs(f, row)):
            changed.append(f)
    return new, changed


def _differs(f: _Found, row: Row) -> bool:
    columns = _columns(f)
    return any(columns[name] != row[name] for name in columns)


def _columns(f: _Found) -> dict[str, Any]:
    """Return what of an event a later document may complete or word otherwise."""
    event = f.event
    return {
        "refs": dumps(list(f.refs)),
        "occurred_at": micros(event.occurred_at),
        "position": event.position,
        "milestone": event.milestone.value,
        "reason": event.reason.value if event.reason else None,
        "effect": event.effect.value,
        "final": int(event.final),
        "undoes": dumps(list(event.undoes)),
        "description": clean(event.description),
        "city": clean(event.city),
        "state": clean(event.state),
        "country": clean(event.country),
    }


def _rewritten(f: _Found) -> dict[str, Any]:
    return {"event": f.number, "written_from": micros(f.reading.received_at)}


async def _add(
    tx: Transaction, new: Sequence[_Found], lower_bounds: Mapping[str, timedelta]
) -> set[int]:
    """Insert new events, matched; return the shipments they count for."""
    if not new:
        return set()
    for place, f in enumerate(new):
        f.number = place
    matched = await matches(tx, [_unmatched(f) for f in new], lower_bounds)
    by_identity = {f.identity: f for f in new}
    wanted = rows(_new_row(f, matched[f.number].via) for f in new)
    links = []
    for r in await tx.rows("add_events", rows=wanted):
        f = by_identity[(r["reference"], r["second"], r["code"], r["text_key"])]
        found = matched[f.number]
        f.number = r["event"]
        links += match_rows(f.number, found)
    await tx.many("match_event", links)
    return {link["shipment"] for link in links}


def _new_row(f: _Found, via: int | None) -> dict[str, Any]:
    received_at = micros(f.reading.received_at)
    return {
        **_columns(f),
        **_identity_columns(f.identity),
        "received_at": received_at,
        "via": via,
    }


def _unmatched(f: _Found) -> Unmatched:
    return Unmatched(f.number, f.event.occurred_at, f.refs, f.reading.contract)


async def _link(tx: Transaction, found: Sequence[_Found]) -> None:
    """Link events to the references they bear and the documents they come from."""
    await tx.many(
        "link_event_to_reference",
        [{"reference": r, "event": f.number} for f in found for r in f.refs],
    )
    await tx.many(
        "link_event_to_document",
        [
            {"document": document, "event": f.number, "position": position}
            for f in found
            for document, position in f.links
        ],
    )


async def _match_again(
    tx: Transaction, changed: Sequence[_Found], lower_bounds: Mapping[str, timedelta]
) -> set[int]:
    """Match events whose time or references may have changed."""
    if not changed:
        return set()
    events = [_unmatched(f) for f in changed]
    touched = await store_matches(tx, events, await matches(tx, events, lower_bounds))
    return touched | await _shipments_of(tx, [f.number for f in changed])


async def _shipments_of(tx: Transaction, events: Sequence[int]) -> set[int]:
    if not events:
        return set()
    found = await tx.rows("matches_of_events", rows=ids("event", events))
    return {r["shipment"] for r in found}


async def _withdraw(
    tx: Transaction,
    readings: Sequence[Reading],
    found: Sequence[_Found],
    now: datetime,
) -> set[int]:
    """Withdraw what replayed documents no longer say; it may stand for another."""
    replayed = {r.document for r in readings if r.replayed}
    if not replayed:
        return set()
    given = {(document, f.number) for f in found for document, _ in f.links}
    placed = {
        (document, f.identity[0], position): f.number
        for f in found
        for document, position in f.links
    }
    gone = []
    for row in await tx.rows("events_of_documents", rows=ids("document", replayed)):
        if (row["document"], row["event"]) in given:
            continue
        link = {"document": row["document"], "event": row["event"]}
        await tx.run("unlink_event_from_document", **link)
        if row["givers"] == 1:
            gone.append(row["event"])
            heir = placed.get((row["document"], row["reference"], row["position"]))
            if heir is not None:
                await tx.run("inherit_told", event=row["event"], heir=heir)
            await tx.run("withdraw_event", event=row["event"], now=micros(now))
    return await _shipments_of(tx, gone)
