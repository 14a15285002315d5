"""Which parcels an event counts for; pure.

A reference is a registration with a time, because carriers use numbers again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.domain.events import ReferenceKind, ReferenceLevel

OLDEST_DISPATCH: Final = timedelta(days=60)
LOWER_BOUND: Final = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Registration:
    """One reference of one shipment; `volume` 0 is the whole invoice."""

    shipment: int
    volume: int
    registered_at: datetime
    dispatched_at: datetime | None = None
    closed_at: datetime | None = None
    volumes: int = 1


@dataclass(frozen=True, slots=True)
class KnownReference:
    """A reference of an event, with everybody who registered it."""

    reference: int
    kind: ReferenceKind
    value: str
    registrations: tuple[Registration, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Through which reference an event counts, and for what."""

    via: int | None = None
    targets: frozenset[tuple[int, int]] = frozenset()
    ambiguous: bool = False


def match(
    occurred_at: datetime,
    references: Sequence[KnownReference],
    numbers: Mapping[int, Mapping[ReferenceKind, frozenset[str]]],
    lower_bound: timedelta = LOWER_BOUND,
) -> Match:
    """Match an event through the first of its references that anyone registered.

    `numbers` are, for shipments that an order id leads to, the values they have
    registered by kind.
    """
    for known in references:
        if not known.registrations:
            continue
        living = [
            r
            for r in known.registrations
            if is_current(r, known, occurred_at, lower_bound=lower_bound)
        ]
        if not living:
            return Match()
        targets = frozenset((r.shipment, r.volume) for r in living)
        doubtful = _doubtful(known, living, references, numbers)
        return Match(known.reference, targets, ambiguous=doubtful)
    return Match()


def why_unmatched(
    occurred_at: datetime,
    references: Sequence[KnownReference],
    lower_bound: timedelta = LOWER_BOUND,
) -> str | None:
    """Say why an event counts for nobody although a label bears its references.

    None if no label does.
    """
    known = next((k for k in references if k.registrations), None)
    if known is None:
        return None
    earliest = min(_earliest(r, lower_bound) for r in known.registrations)
    if known.kind.used_again and occurred_at < earliest:
        return (
            f"it happened more than {lower_bound.days} days (lower_bound_days) before "
            f"the label of {known.value}: numbers are used again"
        )
    return (
        f"the shipment that had {known.value} was closed before, and it is too old for "
        "the number's next label"
    )


def _doubtful(
    known: KnownReference,
    living: Sequence[Registration],
    references: Sequence[KnownReference],
    numbers: Mapping[int, Mapping[ReferenceKind, frozenset[str]]],
) -> bool:
    """Whether an event that names more than it is known by may be about less.

    An order id has to lead to one parcel. A key of the whole invoice counts for
    all its parcels, unless the event also names one that nobody registered.
    """
    if known.kind.level is ReferenceLevel.ORDER:
        return not _sure(known, references, numbers)
    if known.kind.level is ReferenceLevel.PARCEL or all(r.volumes == 1 for r in living):
        return False
    return any(other.kind.level is ReferenceLevel.PARCEL for other in references)


def is_current(
    registration: Registration,
    known: KnownReference,
    occurred_at: datetime,
    *,
    lower_bound: timedelta = LOWER_BOUND,
) -> bool:
    """Whether a scan at *occurred_at* can be about this registration's parcel."""
    if known.kind.used_again and occurred_at < _earliest(registration, lower_bound):
        return False
    for other in known.registrations:
        if other.shipment == registration.shipment:
            continue
        if _ended_before(other, registration) and occurred_at <= _end(other):
            return False
        if _ended_before(registration, other) and occurred_at > _end(registration):
            return False
    return True


def _earliest(registration: Registration, lower_bound: timedelta) -> datetime:
    """Return the time before which a scan was about somebody else's parcel."""
    registered = registration.registered_at
    began = min(registered, registration.dispatched_at or registered)
    return max(began, registered - OLDEST_DISPATCH) - lower_bound


def _ended_before(earlier: Registration, later: Registration) -> bool:
    """Whether the *later* registration begins a new life of the number."""
    return earlier.closed_at is not None and earlier.closed_at <= later.registered_at


def _end(registration: Registration) -> datetime:
    return registration.closed_at or registration.registered_at


def _sure(
    known: KnownReference,
    references: Sequence[KnownReference],
    numbers: Mapping[int, Mapping[ReferenceKind, frozenset[str]]],
) -> bool:
    """Whether an order id says which parcel is meant: there is only one."""
    shipments = {r.shipment: r for r in known.registrations}
    if len(shipments) != 1 or next(iter(shipments.values())).volumes != 1:
        return False
    registered = numbers.get(next(iter(shipments)), {})
    return not any(
        registered.get(other.kind) and other.value not in registered[other.kind]
        for other in references
        if other.kind.level is not ReferenceLevel.ORDER
    )
