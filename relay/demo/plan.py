"""What there is in the demo: shipments, their labels and scans, act by act; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

DELIVERED: Final = "delivered"
ON_ITS_WAY: Final = ("picked_up", "in_transit", "at_hub", "out_for_delivery")
"""The milestones that a parcel passes before it is delivered, in order."""


WEBHOOK: Final = "webhook"
POLL: Final = "poll"
BOTH: Final = "webhook and poll"
_CONTRACTS: Final = {WEBHOOK: "", POLL: "_asked", BOTH: "_both"}


class Phase(Enum):
    """What goes on while labels are printed and scans come, in order."""

    OPENING = "labels are printed, scans come early, twice, forged and out of order"
    LOST_ANSWER = "VTEX delivers an order and its answer is lost"
    OUTAGE = "VTEX is out for a while"
    KILL = "the relay is killed while it tells VTEX, and started again"
    CLOSING = "everything else arrives"


@dataclass(frozen=True, slots=True)
class Speaker:
    """A carrier of the sandbox, with its codes for the relay's milestones.

    `secret` is what it proves itself with, in a form that it can play. One that is
    asked comes by the other door, or by both, and has `settings` to be asked with.
    """

    adapter: str
    speaks: Mapping[str, str]
    secret: str = field(default="", repr=False)
    channel: str = WEBHOOK
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def contract(self) -> str:
        """The name of its contract: a carrier may have several."""
        return self.adapter + _CONTRACTS[self.channel]

    @property
    def channels(self) -> frozenset[str]:
        """By which doors the relay hears of its parcels."""
        return frozenset({WEBHOOK, POLL} if self.channel == BOTH else {self.channel})

    @property
    def journey(self) -> tuple[str, ...]:
        """What it can say of a parcel before it is delivered."""
        return tuple(m for m in ON_ITS_WAY if m in self.speaks)


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its volume, its tracking number and the carrier's own id."""

    volume: int
    number: str
    shipment_id: str


@dataclass(frozen=True, slots=True)
class LabelPrint:
    """The ERP prints the label of a box, and tells the relay so many times."""

    box: Box
    times: int = 1


@dataclass(frozen=True, slots=True)
class Scan:
    """The carrier tells of a box; `older` is about an older box of that number.

    Of what is `unsaid` it sends no webhook: it must be asked.
    """

    box: Box
    milestone: str
    occurred_at: datetime
    times: int = 1
    forged: bool = False
    older: bool = False
    unsaid: bool = False

    @property
    def counts(self) -> bool:
        """Whether VTEX should ever hear of it."""
        return not (self.forged or self.older)


Step = LabelPrint | Scan


@dataclass(frozen=True, slots=True)
class DemoShipment:
    """One invoice of one order, and what happens to it in which act."""

    order_id: str
    invoice_number: str
    story: str
    speaker: Speaker
    dispatched_at: datetime
    boxes: tuple[Box, ...]
    steps: Mapping[Phase, tuple[Step, ...]]
    visible_after: float = 0
    invoice_key: str = ""

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The scans that VTEX should hear of."""
        every = (s for steps in self.steps.values() for s in steps)
        return tuple(s for s in every if isinstance(s, Scan) and s.counts)

    @property
    def delivered_at(self) -> datetime | None:
        """When its last box was handed over, if all were."""
        handed_over = {
            s.box.volume: s.occurred_at for s in self.scans if s.milestone == DELIVERED
        }
        if len(handed_over) < len(self.boxes):
            return None
        return max(handed_over.values())

    def starts_in(self, act: Phase) -> bool:
        """Whether VTEX hears of a scan on the way in *act* or before."""
        acts = list(Phase)[: list(Phase).index(act) + 1]
        steps = [s for a in acts for s in self.steps.get(a, ())]
        return any(
            isinstance(s, Scan) and s.counts and s.milestone != DELIVERED for s in steps
        )


def speakers(carriers: Iterable[Mapping[str, Any]]) -> list[Speaker]:
    """Return those of the sandbox's *carriers* that call and say enough."""
    found = [Speaker(c["adapter"], c["speaks"]) for c in carriers if c["webhook"]]
    return _eloquent(found)


def asked(carriers: Iterable[Mapping[str, Any]]) -> list[Speaker]:
    """Return those of the sandbox's *carriers* that are asked and say enough."""
    found = [
        Speaker(c["adapter"], c["speaks"], channel=POLL, settings=c["contract"])
        for c in carriers
        if c["contract"]
    ]
    return _eloquent(found)


def both(carriers: Iterable[Mapping[str, Any]]) -> list[Speaker]:
    """Return those of the sandbox's *carriers* that call, and are asked as well."""
    found = [
        Speaker(c["adapter"], c["speaks"], c["contract"]["secret"], BOTH, c["contract"])
        for c in carriers
        if c["webhook"] and c["contract"].get("secret")
    ]
    return _eloquent(found)


def _eloquent(found: Iterable[Speaker]) -> list[Speaker]:
    return [s for s in found if DELIVERED in s.speaks and s.journey]
