"""Labels: what the ERP registers, and what it corrects later; plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from relay.domain.events import Reference, ReferenceKind

MOST_VOLUMES: Final = 999


@dataclass(frozen=True, slots=True)
class LabelParcel:
    """One box of a label; `volume` is None where the label does not say."""

    tracking_number: str | None = None
    volume: int | None = None
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """What the ERP knows when a label is printed.

    `invoice_references` are those of the whole invoice (key, issuer + series +
    number). `announce` is the number VTEX is to be told of, as the contract's
    settings resolve it, None while there is none. `announced` says that VTEX
    got the number with the invoice already, `imported` that the parcel is on the
    road, so that VTEX may know some of its way. `given` names the fields that the
    ERP gave itself, the others are resolved from settings.
    """

    account: str
    contract: str
    order_id: str
    invoice_number: str
    parcels: tuple[LabelParcel, ...] = (LabelParcel(),)
    invoice_key: str | None = None
    volumes: int | None = None
    invoice_references: tuple[Reference, ...] = ()
    send_tracking: str | None = None
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_date: str | None = None
    dispatched_at: datetime | None = None
    promised_on: str | None = None
    tracking_sent: bool = False
    imported: bool = False
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person corrects of a shipment, as it is resolved.

    `number` is the new tracking number of `volume`, None where it stays.
    `announced` are the columns to be announced that change. With `keep` the old
    references stay beside the new ones; else they are as if they had never been.
    `was` are the contract and the number that the correction was made for;
    `given` are those of the columns that the person named. `invoice_key` comes with
    the references that follow from it, `dispatched_date` with its moment.
    """

    was: tuple[str, str | None]
    contract: str
    volume: int = 1
    number: str | None = None
    tracking_sent: Mapping[str, str | None] = field(default_factory=dict)
    keep: bool = False
    given: frozenset[str] = frozenset()
    invoice_key: str | None = None
    key_references: tuple[Reference, ...] = ()
    dispatched_date: str | None = None
    dispatched_at: datetime | None = None
    promised_on: str | None = None


@dataclass(frozen=True, slots=True)
class ResendOrder:
    """What VTEX is told again; `anew` are columns as present settings have them.

    With `force` also of a shipment that VTEX knows as delivered.
    """

    tracking: bool = True
    events: bool = True
    force: bool = False
    anew: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A person says that a parcel was handed over; volume 0 is all of them."""

    occurred_at: datetime
    volume: int
    description: str


@dataclass(frozen=True, slots=True)
class Handover:
    """A second carrier takes a parcel on; what the first one says counts as well.

    `placed` are references under `contract`, each with its volume, 0 for all.
    """

    contract: str
    volume: int
    placed: tuple[tuple[Reference, int], ...]

    @property
    def number(self) -> str | None:
        """The parcel's tracking number at the second carrier, if it has one."""
        numbers = (
            reference.value
            for reference, volume in self.placed
            if volume and reference.kind is ReferenceKind.TRACKING_NUMBER
        )
        return next(numbers, None)


def parcel_references(parcel: LabelParcel) -> list[Reference]:
    """Return under what a carrier may speak of one box."""
    number = parcel.tracking_number
    own = (
        [Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)] if number else []
    )
    return own + [r for r in parcel.references if r not in own]
