"""Parsed documents and their events as rows, each event with its identity."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, NamedTuple

from relay.clock import micros, moment
from relay.domain.event_time import SECOND
from relay.domain.events import ReferenceKind, TrackingEvent
from relay.store.codec import dumps, ids, numbers
from relay.store.database import Transaction
from relay.store.references import Interned, Key, Unmatched, interned, key
from relay.text import storable

MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How new events are batched: the quiet time after one, and the longest wait."""

    quiet: timedelta = timedelta(seconds=3)
    longest: timedelta = timedelta(seconds=10)


async def mark_due(
    tx: Transaction,
    shipments: Iterable[int],
    now: datetime,
    pace: Pace,
    *,
    from_carrier: bool = False,
) -> None:
    """Mark shipments due after new events and update `last_event_at`.

    *from_carrier*: the events were received at *now*. Otherwise a label or an operator
    changed which events match, and `last_event_at` is computed from these.
    """
    touched = set(shipments)
    if not touched:
        return
    wanted = numbers(touched)
    await tx.lock("lock_shipments", rows=wanted)
    await tx.run(
        "mark_events_due",
        rows=wanted,
        now=micros(now),
        quiet=pace.quiet // MICROSECOND,
        longest=pace.longest // MICROSECOND,
        from_carrier=int(from_carrier),
    )
    if not from_carrier:
        await tx.run("refresh_last_event", rows=ids("shipment", touched))


Identity = tuple[int, int, str, str]
"""Identifying reference, second, code, and without a code the text's digest."""


@dataclass(frozen=True, slots=True)
class PartReason:
    """An unreadable part of a document: its position, and why it is unreadable."""

    position: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """The result of parsing one document.

    `cut` is the body without personal data, None if it had none; `digest` is then the
    digest of the original. `unreadable` is the reason, if no event could be parsed;
    `partly`, if some could not. `parts` are the first of the `bad_parts`; `traceback`
    is that of the first error.
    """

    document: int
    contract: str
    received_at: datetime
    events: tuple[TrackingEvent, ...] = ()
    identifying: ReferenceKind = ReferenceKind.TRACKING_NUMBER
    unreadable: str | None = None
    partly: str | None = None
    parts: tuple[PartReason, ...] = ()
    bad_parts: int = 0
    traceback: str | None = None
    cut: bytes | None = None
    digest: str | None = None
    replayed: bool = False


class DocumentLink(NamedTuple):
    """A document that has an event: where in it, and with which references.

    `denied`: its texts or fields deny the event's delivery.
    """

    document: int
    position: int
    refs: tuple[int, ...]
    replayed: bool = False
    denied: bool = False


@dataclass(slots=True)
class EventRow:
    """An event to store; `links` are its documents of this slice.

    `occurred_at`, `precision` and `midnight` are those of the most precise record.
    """

    reading: ParsedDocument
    event: TrackingEvent
    identity: Identity
    refs: tuple[int, ...]
    occurred_at: int
    precision: int
    midnight: int
    number: int = 0
    links: list[DocumentLink] = field(default_factory=list)

    @property
    def unit(self) -> int:
        """The unit by which it is identified, in seconds.

        Exactly 00:00 of a format with a time of day counts as a second.
        """
        return 1 if self.midnight else self.precision

    def keep_more_precise(self, stored: Mapping[str, Any]) -> bool:
        """Take the time of a *stored* record of the same scan if it is more precise.

        Returns whether this one is more precise. 00:00 in a format with a time of day
        tells less than a day that is given as such.
        """
        own = self.precision + self.midnight
        other: int = stored["precision"] + stored["midnight"]
        if other < own:
            reference, _, code, words = self.identity
            self.identity = (reference, stored["second"], code, words)
            self.occurred_at = stored["occurred_at"]
            self.precision, self.midnight = stored["precision"], stored["midnight"]
        return own < other

    def link(self) -> DocumentLink:
        """Return the link to its document."""
        reading, event = self.reading, self.event
        return DocumentLink(
            reading.document, event.position, self.refs, reading.replayed, event.denied
        )

    def absorb(self, other: "EventRow") -> None:
        """Take the references and documents of a less precise record of this scan."""
        self.refs = tuple(dict.fromkeys([*self.refs, *other.refs]))
        self.links += other.links

    def columns(self) -> dict[str, Any]:
        """Return the columns that a later document may change."""
        event = self.event
        return {
            "second": self.identity[1],
            "occurred_at": self.occurred_at,
            "precision": self.precision,
            "midnight": self.midnight,
            "refs": dumps(self.refs),
            "position": event.position,
            "milestone": str(event.milestone),
            "reason": str(event.reason) if event.reason else None,
            "effect": str(event.effect),
            "final": int(event.final),
            "undoes": dumps(event.undoes) if event.undoes else "[]",
            "description": storable(event.description),
            "city": storable(event.city),
            "state": storable(event.state),
            "country": storable(event.country),
            "unmapped": int(event.unmapped),
        }

    def time_columns(self) -> dict[str, Any]:
        """Return the columns that say when it occurred, and how precisely."""
        return {
            "second": self.identity[1],
            "occurred_at": self.occurred_at,
            "precision": self.precision,
            "midnight": self.midnight,
        }

    def identity_columns(self) -> dict[str, Any]:
        """Return the identity as the columns of `events`."""
        reference, second, code, words = self.identity
        return {
            "reference": reference,
            "second": second,
            "code": code,
            "text_key": words,
        }

    def unmatched(self) -> Unmatched:
        """Return what matching needs of the event."""
        return Unmatched(
            self.number,
            moment(self.occurred_at),
            self.refs,
            self.reading.contract,
            timedelta(seconds=self.precision),
            tuple({link.refs for link in self.links}),
        )


async def identified(
    tx: Transaction, readings: Sequence[ParsedDocument]
) -> tuple[Mapping[Identity, EventRow], Interned]:
    """Identify the events of documents; duplicates in the slice become one event."""
    keyed = [
        (r, e, [key(r.contract, ref) for ref in e.references])
        for r in readings
        for e in r.events
    ]
    known = await interned(tx, chain.from_iterable(keys for _, _, keys in keyed))
    found: dict[Identity, EventRow] = {}
    for reading, event, keys in keyed:
        new = event_rows(reading, event, keys, known.numbers)
        old = found.get(new.identity)
        if old is not None:
            new.links = old.links
            first, second = old.time_columns(), new.time_columns()
            old.keep_more_precise(second)
            new.keep_more_precise(first)
        if old is None or reading.received_at >= old.reading.received_at:
            found[new.identity] = new
        new.links.append(new.link())
    return found, known


def event_rows(
    reading: ParsedDocument,
    event: TrackingEvent,
    keys: Sequence[Key],
    known: Mapping[Key, int],
) -> EventRow:
    """Return the row of one event; *known* are the ids of its references."""
    occurred_at = micros(event.occurred_at)
    code = storable(event.carrier_code)
    words = "" if code else text_key(event.description)
    named = keys[0]
    for reference, its_key in zip(event.references, keys, strict=True):
        if reference.kind is reading.identifying:
            named = its_key
            break
    identity = (known[named], occurred_at // 1_000_000, code, words)
    refs = tuple(dict.fromkeys([known[k] for k in keys]))
    precision = event.precision // SECOND
    return EventRow(
        reading, event, identity, refs, occurred_at, precision, int(event.midnight)
    )


def text_key(description: str) -> str:
    """Return what identifies an event without a code: a digest of bounded length."""
    words = " ".join(storable(description).casefold().split())
    return hashlib.blake2b(words.encode(), digest_size=16).hexdigest() if words else ""
