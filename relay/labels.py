"""Labels: what the ERP registers, and how one more label joins a shipment; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from relay.errors import Conflict, InvalidLabel
from relay.tracking import Reference, ReferenceKind, compared

MOST_VOLUMES = 999


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
    got the number with the invoice already.
    """

    account: str
    contract: str
    order_id: str
    invoice_number: str
    parcels: tuple[LabelParcel, ...]
    invoice_key: str | None = None
    volumes: int | None = None
    invoice_references: tuple[Reference, ...] = ()
    announce: str | None = None
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_date: str | None = None
    dispatched_at: datetime | None = None
    promised_on: str | None = None
    announced: bool = False


@dataclass(frozen=True, slots=True)
class KnownParcel:
    """One box as it is registered."""

    volume: int
    contract: str
    tracking_number: str | None


@dataclass(frozen=True, slots=True)
class KnownShipment:
    """What is registered of the shipment that a label may join."""

    contract: str
    volumes: int
    parcels: Mapping[int, KnownParcel]
    fields: Mapping[str, str | None] = field(default_factory=dict)
    delivered_told: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """What a label changes: new volumes and numbers, fields taken over, warnings."""

    volumes: int
    parcels: tuple[LabelParcel, ...]
    taken_over: Mapping[str, str]
    updated: tuple[str, ...]
    warnings: tuple[str, ...]
    new_volume: bool


TAKEN_OVER = {
    "invoice_key": "invoiceKey",
    "tracking_url": "trackingUrl",
    "courier": "courier",
    "dispatched_date": "dispatchedDate",
    "promised_on": "estimatedDeliveryDate",
    "tracking_number": "trackingNumber",
}
"""Fields of a shipment that a later label may fill, with their JSON names."""


def join(known: KnownShipment | None, label: Label) -> Joined:
    """Decide what *label* adds to what is *known*.

    Raises `Conflict` if the contract, or the number of the same volume,
    differs; `InvalidLabel` if the label contradicts itself.
    """
    if known is None:
        known = KnownShipment(label.contract, volumes=0, parcels={})
    elif known.contract != label.contract:
        raise Conflict(
            f"this invoice is registered under contract {known.contract!r}",
            field="contract",
            way_out="PATCH the shipment to correct its contract",
        )
    parcels, fresh = _place(known, label)
    volumes, warnings = _volumes(known, label, parcels)
    taken, kept = _fields(known, label)
    added = any(p.volume not in known.parcels for p in parcels) and bool(known.volumes)
    return Joined(
        volumes=volumes,
        parcels=parcels,
        taken_over=taken,
        updated=tuple(fresh) + tuple(TAKEN_OVER[name] for name in taken),
        warnings=(*warnings, *kept),
        new_volume=added,
    )


def _place(
    known: KnownShipment, label: Label
) -> tuple[tuple[LabelParcel, ...], list[str]]:
    """Give every box of the label its volume; say which numbers are news."""
    numbers = {v: p.tracking_number for v, p in known.parcels.items()}
    total = max(known.volumes, label.volumes or 0, len(label.parcels))
    placed: list[LabelParcel] = []
    fresh: list[str] = []
    for parcel in label.parcels:
        volume = parcel.volume or _free_volume(numbers, parcel, total)
        old, new = numbers.get(volume), parcel.tracking_number
        if old and new and compared(old) != compared(new):
            raise Conflict(
                f"volume {volume} of this invoice has another tracking number",
                field="trackingNumber",
                way_out="PATCH the shipment to correct the number, or give "
                "`volume` to add a parcel",
            )
        if new and not old and volume in known.parcels:
            fresh.append("trackingNumber")
        numbers[volume] = old or new
        placed.append(replace(parcel, volume=volume, tracking_number=old or new))
    if len({p.volume for p in placed}) < len(placed):
        raise InvalidLabel(
            "two parcels have the same volume",
            field="parcels",
            way_out="number the parcels 1, 2, 3 … in `volume`",
        )
    return tuple(placed), fresh


def _free_volume(
    numbers: Mapping[int, str | None], parcel: LabelParcel, total: int
) -> int:
    """Return the volume of a box that does not say: its number's, else a free one."""
    if parcel.tracking_number:
        for volume, number in numbers.items():
            if number and compared(number) == compared(parcel.tracking_number):
                return volume
    free = [v for v in range(1, total + 1) if numbers.get(v) is None]
    return free[0] if free and parcel.tracking_number else 1


def _volumes(
    known: KnownShipment, label: Label, parcels: tuple[LabelParcel, ...]
) -> tuple[int, list[str]]:
    """Return how many parcels there are: the number only grows."""
    needed = max(p.volume or 1 for p in parcels)
    volumes = max(known.volumes, label.volumes or 1, needed)
    warnings: list[str] = []
    if volumes > MOST_VOLUMES:
        raise InvalidLabel(
            f"more than {MOST_VOLUMES} volumes",
            field="volumes",
            way_out="register the parcels under several invoices",
        )
    if known.volumes and volumes > known.volumes:
        warnings.append(f"volumes: {known.volumes} became {volumes}")
        if known.delivered_told:
            warnings.append("volumes: VTEX was already told that all was delivered")
    if label.volumes and label.volumes < volumes:
        warnings.append(f"volumes: {label.volumes} is less than the {volumes} known")
    return volumes, warnings


def _fields(known: KnownShipment, label: Label) -> tuple[dict[str, str], list[str]]:
    """Take over optional fields that came later; say which others are kept."""
    taken: dict[str, str] = {}
    kept: list[str] = []
    for name, json_name in TAKEN_OVER.items():
        value = label.announce if name == "tracking_number" else getattr(label, name)
        old = known.fields.get(name)
        if value and not old:
            taken[name] = value
        elif (
            value
            and old != value
            and name not in {"dispatched_date", "tracking_number"}
        ):
            kept.append(f"{json_name}: another value is registered; PATCH corrects it")
    return taken, kept


def parcel_references(parcel: LabelParcel) -> list[Reference]:
    """Return under what a carrier may speak of one box."""
    number = parcel.tracking_number
    own = (
        [Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)] if number else []
    )
    return own + [r for r in parcel.references if r not in own]
