"""Tries what a mapped code would change, in a transaction that is undone."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from relay.clock import Clock
from relay.domain.events import Milestone
from relay.domain.outlook import Outlook, outlook
from relay.domain.shipment import KnownEvent, Snapshot
from relay.errors import Conflict
from relay.inbound.adapter_thread import PARSE_LIMIT
from relay.inbound.translate import parse_documents
from relay.service.mapping_trials import (
    EventChange,
    PolicyOf,
    PreviewedEvent,
    ShipmentOutlook,
    TrialOrder,
    TrialResult,
)
from relay.store.code_events import (
    code_events,
    events_in,
    meanings,
    parcels_of,
    snapshots_of,
)
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import ParsedDocument
from relay.store.events import store_events
from relay.store.unread import ReaderTerms

Meanings = Mapping[int, Row]


@dataclass(frozen=True, slots=True)
class _State:
    """Events and the shipments that have them, at one moment of the transaction."""

    meanings: Meanings
    parcels: Mapping[int, set[int]]
    snapshots: Mapping[int, Snapshot]


class _UndoneError(Exception):
    """Undoes the transaction; carries the states before and after."""

    def __init__(self, before: _State, after: _State) -> None:
        super().__init__()
        self.before, self.after = before, after


@dataclass(frozen=True, slots=True)
class MappingTrial:
    """Parses documents with another adapter, and compares; nothing stays changed.

    The store's own code matches and withdraws events in a transaction that is undone,
    and the rules of the publisher say what would be published. So a preview cannot
    differ from what happens.
    """

    database: Database
    terms: ReaderTerms
    clock: Clock

    async def __call__(self, order: TrialOrder) -> TrialResult:
        """Return what *order* would change in the latest documents with its code."""
        found = await code_events(
            self.database, order.contract, order.code, mapped=order.removal
        )
        adapters = {order.contract: order.adapter}
        try:
            async with asyncio.timeout(PARSE_LIMIT.total_seconds()):
                parsed = await asyncio.to_thread(
                    parse_documents, found.latest, adapters
                )
        except TimeoutError:
            said = f"the adapter of {order.contract} takes too long"
            hint = "see relay documents list, and the adapter"
            raise Conflict(said, hint=hint) from None
        before, after = await self._tried(parsed)
        now = self.clock()
        shipments = await asyncio.to_thread(_outlooks, before, after, order.policy, now)
        changed = _changed(before.meanings, after.meanings)
        matched = {event for events in after.parcels.values() for event in events}
        return TrialResult(
            events=len(found.events),
            documents=found.documents,
            lost=found.lost,
            complete=found.complete,
            tried=len(found.latest),
            changes=_counted(before.meanings, after.meanings, changed),
            unmatched=len(changed - matched),
            shipments=shipments,
        )

    async def _tried(self, parsed: Sequence[ParsedDocument]) -> tuple[_State, _State]:
        """Return the states before and after *parsed* is stored; undo it."""
        try:
            async with self.database.writing() as tx:
                await self._store_and_undo(tx, parsed)
        except _UndoneError as undone:
            return undone.before, undone.after
        raise AssertionError("a trial was committed")

    async def _store_and_undo(
        self, tx: Transaction, parsed: Sequence[ParsedDocument]
    ) -> NoReturn:
        """Store the events of *parsed*; raise `_UndoneError` with both states."""
        numbers = [one.document for one in parsed]
        readable = [one for one in parsed if one.unreadable is None]
        terms, now = self.terms, self.clock()
        inside = await events_in(tx, numbers)
        before = await _state(tx, inside)
        await store_events(tx, readable, now, terms.pace, terms.lower_bounds)
        after = await _state(tx, inside | await events_in(tx, numbers))
        raise _UndoneError(before, after)


async def _state(tx: Transaction, events: Iterable[int]) -> _State:
    known = await meanings(tx, events)
    parcels = await parcels_of(tx, known)
    return _State(known, parcels, await snapshots_of(tx, parcels))


def _changed(before: Meanings, after: Meanings) -> set[int]:
    """Return the events whose meaning differs, new ones included."""
    return {
        event
        for event in before.keys() | after.keys()
        if _meaning(before.get(event)) != _meaning(after.get(event))
    }


def _meaning(row: Row | None) -> tuple[str, str] | None:
    return None if row is None else (row["milestone"], row["effect"])


def _counted(
    before: Meanings, after: Meanings, changed: Iterable[int]
) -> tuple[EventChange, ...]:
    counts = Counter(
        (_milestone(before.get(event)), _milestone(after.get(event)))
        for event in changed
    )
    return tuple(
        EventChange(one, other, events)
        for (one, other), events in sorted(counts.items())
    )


def _milestone(row: Row | None) -> Milestone:
    return Milestone.UNKNOWN if row is None else Milestone(row["milestone"])


def _outlooks(
    before: _State, after: _State, policy: PolicyOf, now: datetime
) -> tuple[ShipmentOutlook, ...]:
    """Return the shipments that have a changed event, with what would be published."""
    changed = _changed(before.meanings, after.meanings)
    found = []
    for shipment in sorted(before.snapshots.keys() | after.snapshots.keys()):
        old, new = before.snapshots.get(shipment), after.snapshots.get(shipment)
        events = before.parcels.get(shipment, set()) | after.parcels.get(
            shipment, set()
        )
        if old is None or new is None or not events & changed:
            continue
        rules = policy(new.account, new.contract)
        looks = outlook(old, now, rules), outlook(new, now, rules)
        found.append(_compared(new, *looks, changed))
    return tuple(found)


def _compared(
    shipment: Snapshot, before: Outlook, after: Outlook, changed: set[int]
) -> ShipmentOutlook:
    """Return how the outlooks of a shipment differ."""
    old = {(e.event, e.volume): e for e in before.events}
    new = {(e.event, e.volume): e for e in after.events}
    kept = [e for e in shipment.accepted if e.event in changed]
    delivers = before.delivered_at is None and not shipment.delivered_published
    reasons = {
        reason
        for event, reason in after.quarantined.items()
        if before.quarantined.get(event) != reason
    }
    return ShipmentOutlook(
        id=shipment.id,
        account=shipment.account,
        order_id=shipment.order_id,
        invoice_number=shipment.invoice_number,
        published=_previewed(new[key] for key in new.keys() - old.keys()),
        no_longer_published=_previewed(old[key] for key in old.keys() - new.keys()),
        kept=len(kept),
        delivered_at=after.delivered_at if delivers else None,
        quarantined=tuple(sorted(reasons)),
    )


def _previewed(events: Iterable[KnownEvent]) -> tuple[PreviewedEvent, ...]:
    ordered = sorted(events, key=lambda event: event.order)
    return tuple(
        PreviewedEvent(e.occurred_at, e.milestone, e.description) for e in ordered
    )
