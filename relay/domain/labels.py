"""Labels, corrections and operator requests as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from relay.domain.events import Reference, ReferenceKind

MOST_VOLUMES: Final = 999
MOST_REFERENCES: Final = 2000
"""References of one shipment: two for each of the most parcels."""


@dataclass(frozen=True, slots=True)
class LabelParcel:
    """One parcel of a label; `volume` is None if the label does not number it."""

    tracking_number: str | None = None
    volume: int | None = None
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """A label as the ERP registers it, with defaults from the contract's settings.

    `invoice_references` identify the whole invoice (key, issuer/series/number).
    `send_tracking` is the tracking number to send to VTEX, None until there is one.
    `tracking_sent` says that the ERP sent it with the invoice already. `imported`
    says that the parcel is in transit, so VTEX may show some events. `given` names
    the fields that the ERP gave; the others come from settings. `visible` are the
    accounts that its sender may access, None for all.
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
    visible: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of a shipment, with its values resolved.

    `was` holds the contract and tracking number that it was made for. `number` is
    the new tracking number of `volume`, None for no change. `tracking_sent` holds
    the changed columns that are sent to VTEX; `given` names those that the operator
    gave. With `keep` the old references stay valid beside the new ones; otherwise
    they are voided. `key_references` follow from `invoice_key`, and `dispatched_at`
    from `dispatched_date`. `volumes` is the new number of parcels. `visible` are the
    accounts that its sender may access, None for all.
    """

    was: tuple[str, str | None]
    contract: str
    volume: int = 1
    number: str | None = None
    volumes: int | None = None
    tracking_sent: Mapping[str, str | None] = field(default_factory=dict)
    keep: bool = False
    given: frozenset[str] = frozenset()
    invoice_key: str | None = None
    key_references: tuple[Reference, ...] = ()
    dispatched_date: str | None = None
    dispatched_at: datetime | None = None
    promised_on: str | None = None
    visible: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ResendOrder:
    """What to resend to VTEX; `renewed` holds columns resolved from current settings.

    `force` includes shipments whose delivery VTEX has accepted.
    """

    tracking: bool = True
    events: bool = True
    force: bool = False
    renewed: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An operator's report that a parcel was delivered; volume 0 means all."""

    occurred_at: datetime
    volume: int
    description: str


@dataclass(frozen=True, slots=True)
class Handover:
    """A carrier handover: a second carrier takes the parcel; both carriers count.

    `placed` are references under the second `contract`, each with its volume, 0 for
    all. `visible` are the accounts that its sender may access, None for all.
    """

    contract: str
    volume: int
    placed: tuple[tuple[Reference, int], ...]
    visible: frozenset[str] | None = None

    @property
    def number(self) -> str | None:
        """The parcel's tracking number at the second carrier, or None."""
        numbers = (
            reference.value
            for reference, volume in self.placed
            if volume and reference.kind is ReferenceKind.TRACKING_NUMBER
        )
        return next(numbers, None)


def parcel_references(parcel: LabelParcel) -> list[Reference]:
    """Return the references under which a carrier may report one parcel."""
    number = parcel.tracking_number
    own = (
        [Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)] if number else []
    )
    return own + [r for r in parcel.references if r not in own]
