"""Parcels that are due to be asked for, with all that the decision depends on."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from relay.carrier.contract import ParcelView
from relay.clock import moment
from relay.store.database import Row, Transaction
from relay.store.spelling import at, ids
from relay.tracking import Effect, Milestone, Reference, ReferenceKind

DEMANDED: Final = 0
"""The lane of what a person wants to know now."""
URGENT: Final = 1
NORMAL: Final = 2
QUIET: Final = 3
LANES: Final = (DEMANDED, URGENT, NORMAL, QUIET)

COUNTED: Final = frozenset({Effect.NORMAL, Effect.PROVISIONAL})
"""Effects of events that say where a parcel stands."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was last heard of a parcel: its milestone, when it happened, and came."""

    milestone: Milestone | None = None
    occurred_at: datetime | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueParcel:
    """A parcel that a contract's carrier may be asked for.

    `failures` counts claims that were never answered, the present one left out.
    `resting` says that nothing is about to be told, which might reopen it.
    """

    shipment: int
    contract: str
    volume: int
    registered_at: datetime
    polled_at: datetime | None = None
    heard: Heard = Heard()
    lane: int = NORMAL
    failures: int = 0
    closed: bool = False
    resting: bool = True
    view: ParcelView = field(default_factory=lambda: ParcelView(()))

    @property
    def key(self) -> dict[str, Any]:
        """The parcel's key, as queries want it."""
        return {
            "shipment": self.shipment,
            "contract": self.contract,
            "volume": self.volume,
        }


@dataclass(frozen=True, slots=True)
class Next:
    """When a parcel is asked for next, and in which lane; None means never."""

    at: datetime | None
    lane: int = NORMAL


Planner = Callable[[DueParcel, datetime], Next]
"""Says when a parcel is to be asked for next, as things stand at an instant."""


async def read_parcels(
    tx: Transaction, contract: str, rows: Sequence[Row]
) -> list[DueParcel]:
    """Gather what is known of due parcels."""
    if not rows:
        return []
    these = ids("shipment", (r["shipment"] for r in rows))
    heard = _heard(await tx.rows("heard_of_shipments", rows=these, contract=contract))
    found = await tx.rows("references_to_ask", rows=these, contract=contract)
    references = _references(found)
    return [_parcel(r, heard, references) for r in rows]


def _heard(rows: Iterable[Row]) -> Mapping[tuple[int, int], Heard]:
    """Return the last word on each volume; 0 is the whole invoice."""
    heard: dict[tuple[int, int], Heard] = {}
    for row in rows:
        parcel = (row["shipment"], row["volume"])
        old, received_at = heard.get(parcel, Heard()), moment(row["received_at"])
        latest = max(filter(None, (old.received_at, received_at)))
        milestone = Milestone(row["milestone"])
        if Effect(row["effect"]) in COUNTED and milestone is not Milestone.UNKNOWN:
            heard[parcel] = Heard(milestone, moment(row["occurred_at"]), latest)
        else:
            heard[parcel] = Heard(old.milestone, old.occurred_at, latest)
    return heard


def later(one: Heard, other: Heard) -> Heard:
    """Put two words on a parcel together: the later event, the later receipt."""
    received = [h.received_at for h in (one, other) if h.received_at is not None]
    happened = [h for h in (one, other) if h.occurred_at is not None]
    last = max(happened, key=lambda h: h.occurred_at or moment(0), default=Heard())
    return Heard(last.milestone, last.occurred_at, max(received, default=None))


def _references(
    rows: Iterable[Row],
) -> Mapping[tuple[int, int], tuple[Reference, ...]]:
    found: dict[tuple[int, int], list[Reference]] = defaultdict(list)
    for row in rows:
        reference = Reference(kind=ReferenceKind(row["kind"]), value=row["given"])
        found[row["shipment"], row["volume"]].append(reference)
    return {parcel: tuple(them) for parcel, them in found.items()}


def _parcel(
    row: Row,
    heard: Mapping[tuple[int, int], Heard],
    references: Mapping[tuple[int, int], tuple[Reference, ...]],
) -> DueParcel:
    own, whole = (row["shipment"], row["volume"]), (row["shipment"], 0)
    view = ParcelView(
        references.get(own, ()) + references.get(whole, ()),
        row["tracking_number"] or "",
        row["invoice_key"] or "",
        row["volume"],
    )
    return DueParcel(
        shipment=row["shipment"],
        contract=row["contract"],
        volume=row["volume"],
        registered_at=moment(row["registered_at"]),
        polled_at=at(row["polled_at"]),
        heard=later(heard.get(own, Heard()), heard.get(whole, Heard())),
        lane=row["poll_lane"],
        failures=row["poll_failures"],
        closed=row["closed_at"] is not None,
        resting=bool(row["at_rest"]),
        view=view,
    )
