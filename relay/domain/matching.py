"""Matching events to parcels; pure.

Carriers reuse tracking numbers, so a reference belongs to a shipment only for a time.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final, NamedTuple

from relay.domain.event_time import SECOND
from relay.domain.events import ReferenceKind, ReferenceLevel
from relay.domain.fiscal import issued_from
from relay.domain.registrations import Registration, Turns

OLDEST_DISPATCH: Final = timedelta(days=60)
"""A dispatch date further back than this does not extend a registration."""
LOWER_BOUND: Final = timedelta(days=15)
"""Default of `lower_bound_days`: how long before its label an event may count."""


MOST_EVENTS: Final = 500
"""Events of one parcel; real ones have a few dozen."""


class Certainty(IntEnum):
    """How certain a match is, as it is stored."""

    CERTAIN = 0
    AMBIGUOUS = 1
    CONTRADICTORY = 2
    BEFORE_KEY = 3


_SEQUENCE: Final = re.compile(r"-\d\d\Z", re.ASCII)
NAMES_INVOICE: Final = frozenset(
    {ReferenceKind.ORDER_ID, ReferenceKind.INVOICE_KEY, ReferenceKind.INVOICE}
)
"""Kinds that belong to one order or invoice only, unlike a reused tracking number."""


class KnownReference(NamedTuple):
    """A reference of an event, with all shipments that registered it."""

    reference: int
    kind: ReferenceKind
    value: str
    registrations: tuple[Registration, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The reference that matched, and its targets: pairs of shipment and volume.

    `contradicted` are those of its shipments for which the event names another order,
    invoice or key than was registered. `before_key`: it is older than the NF-e or CT-e
    by whose key it matched.
    """

    via: int | None = None
    targets: frozenset[tuple[int, int]] = frozenset()
    ambiguous: bool = False
    contradicted: frozenset[int] = frozenset()
    before_key: bool = False

    def certainty(self, shipment: int) -> Certainty:
        """Return how certain it is that the event is about *shipment*."""
        if shipment in self.contradicted:
            return Certainty.CONTRADICTORY
        if self.before_key:
            return Certainty.BEFORE_KEY
        return Certainty.AMBIGUOUS if self.ambiguous else Certainty.CERTAIN


def match(
    occurred_at: datetime,
    references: Sequence[KnownReference],
    numbers: Mapping[int, Mapping[ReferenceKind, frozenset[str]]],
    lower_bound: timedelta = LOWER_BOUND,
    *named: Sequence[KnownReference],
    precision: timedelta = SECOND,
) -> Match:
    """Match an event by the first of its references that is registered.

    *named* are the references that other documents give of the same event. The match is
    as uncertain as the worst of them: a repeat that omits the order proves nothing.

    `numbers` holds the registered values by kind, for shipments of events that name an
    order or an invoice. *occurred_at* begins a unit of *precision*.
    """
    for known in references:
        if not known.registrations:
            continue
        living = _current(known, occurred_at, lower_bound, precision)
        if not living:
            return Match()
        targets = frozenset((r.shipment, r.volume) for r in living)
        lists = (references, *named)
        ambiguous = any(_ambiguous(known, living, each, numbers) for each in lists)
        contradicted = frozenset(
            r.shipment
            for r in living
            for each in lists
            if _contradicts(each, numbers.get(r.shipment, {}))
        )
        before_key = _is_before_key(known, occurred_at + precision)
        return Match(known.reference, targets, ambiguous, contradicted, before_key)
    return Match()


def _is_before_key(known: KnownReference, ended_at: datetime) -> bool:
    """Whether an event is older than the fiscal document whose key it names.

    Other references are used again, and have a lower bound from their registration.
    """
    if known.kind.used_again:
        return False
    issued = issued_from(known.value)
    return issued is not None and ended_at <= issued


def why_unmatched(
    occurred_at: datetime,
    references: Sequence[KnownReference],
    lower_bound: timedelta = LOWER_BOUND,
    *,
    precision: timedelta = SECOND,
) -> str | None:
    """Explain why an event matches no shipment although its references are known.

    Returns None if no label has any of them.
    """
    known = next((k for k in references if k.registrations), None)
    if known is None:
        return None
    earliest = min(_earliest(r, lower_bound) for r in known.registrations)
    if known.kind.used_again and occurred_at + precision - SECOND < earliest:
        return (
            f"more than {lower_bound.days} days (lower_bound_days) before the label of "
            f"{known.value}; carriers reuse numbers"
        )
    if _current(known, occurred_at, lower_bound, precision):
        return (
            f"the parcel with {known.value} has {MOST_EVENTS} events already, or its "
            "shipment too many in all; ask the carrier why it repeats them"
        )
    return (
        f"the shipment with {known.value} was closed before this event, and the event "
        "is too old for the number's next label"
    )


def _contradicts(
    references: Sequence[KnownReference],
    registered: Mapping[ReferenceKind, frozenset[str]],
) -> bool:
    """Whether *references* name another order, invoice or key than is registered.

    A waybill names several invoices: one of a kind that is registered is enough.
    """
    named: dict[ReferenceKind, set[str]] = {}
    for reference in references:
        if reference.kind in NAMES_INVOICE:
            named.setdefault(reference.kind, set()).add(reference.value)
    return any(
        not _overlap(kind, values, known)
        for kind, values in named.items()
        if (known := registered.get(kind))
    )


def _overlap(
    kind: ReferenceKind,
    some: frozenset[str] | set[str],
    others: frozenset[str] | set[str],
) -> bool:
    """Whether values name the same; some carriers cut the -01 of VTEX's orders."""
    if not some.isdisjoint(others):
        return True
    if kind is not ReferenceKind.ORDER_ID:
        return False
    return not (_cut(some).isdisjoint(others) and _cut(others).isdisjoint(some))


def _cut(orders: frozenset[str] | set[str]) -> set[str]:
    return {_SEQUENCE.sub("", order) for order in orders}


def _ambiguous(
    known: KnownReference,
    living: Sequence[Registration],
    references: Sequence[KnownReference],
    numbers: Mapping[int, Mapping[ReferenceKind, frozenset[str]]],
) -> bool:
    """Whether it is uncertain which parcel the event is about.

    An order id must lead to exactly one parcel. An invoice's reference counts for
    all its parcels, unless the event also names a parcel that is not registered.
    """
    if known.kind.level is ReferenceLevel.ORDER:
        return not _unique(known, references, numbers)
    if known.kind.level is ReferenceLevel.PARCEL or all(r.volumes == 1 for r in living):
        return False
    return any(other.kind.level is ReferenceLevel.PARCEL for other in references)


def is_current(
    registration: Registration,
    known: KnownReference,
    occurred_at: datetime,
    *,
    lower_bound: timedelta = LOWER_BOUND,
    precision: timedelta = SECOND,
) -> bool:
    """Whether an event at *occurred_at* can belong to this registration.

    One that is known to the day can if a part of its day can. If two registrations
    share that day, the event belongs to the earlier one.
    """
    last = occurred_at + precision - SECOND
    if known.kind.used_again and last < _earliest(registration, lower_bound):
        return False
    return Turns(known.registrations).include(registration, occurred_at)


def _current(
    known: KnownReference,
    occurred_at: datetime,
    lower_bound: timedelta,
    precision: timedelta,
) -> list[Registration]:
    """Return all registrations to which an event can belong."""
    last = occurred_at + precision - SECOND
    turns = Turns(known.registrations)
    return [
        r
        for r in known.registrations
        if not (known.kind.used_again and last < _earliest(r, lower_bound))
        and turns.include(r, occurred_at)
    ]


def _earliest(registration: Registration, lower_bound: timedelta) -> datetime:
    """Return the time before which the number belonged to another parcel."""
    registered = registration.registered_at
    began = min(registered, registration.dispatched_at or registered)
    return max(began, registered - OLDEST_DISPATCH) - lower_bound


def _unique(
    known: KnownReference,
    references: Sequence[KnownReference],
    numbers: Mapping[int, Mapping[ReferenceKind, frozenset[str]]],
) -> bool:
    """Whether the order id leads to one parcel, and no other reference differs."""
    shipments = {r.shipment: r for r in known.registrations}
    if len(shipments) != 1 or next(iter(shipments.values())).volumes != 1:
        return False
    registered = numbers.get(next(iter(shipments)), {})
    return not any(
        registered.get(other.kind) and other.value not in registered[other.kind]
        for other in references
        if other.kind.level is not ReferenceLevel.ORDER
    )
