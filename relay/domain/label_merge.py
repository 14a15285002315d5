"""How one more label joins what is registered; pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from relay.domain.events import Reference, ReferenceKind, compared
from relay.domain.labels import MOST_VOLUMES, Label, LabelParcel
from relay.errors import Conflict, InvalidLabel


@dataclass(frozen=True, slots=True)
class KnownShipment:
    """What is registered of the shipment that a label may join.

    `numbers` are the tracking numbers by volume, None where there is none yet.
    """

    contract: str
    volumes: int = 0
    numbers: Mapping[int, str | None] = field(default_factory=dict)
    fields: Mapping[str, str | None] = field(default_factory=dict)
    dispatched_at: datetime | None = None
    delivered_published: bool = False


@dataclass(frozen=True, slots=True)
class MergedLabel:
    """What a label changes: new volumes and numbers, fields taken over, warnings.

    `updated` holds JSON names, and is empty for a shipment that begins.
    """

    volumes: int
    parcels: tuple[LabelParcel, ...]
    invoice_references: tuple[Reference, ...]
    taken_over: Mapping[str, str]
    updated: tuple[str, ...]
    warnings: tuple[str, ...]
    new_volume: bool


TAKEN_OVER: Final = {
    "invoice_key": "invoiceKey",
    "tracking_url": "trackingUrl",
    "courier": "courier",
    "dispatched_date": "dispatchedDate",
    "promised_on": "estimatedDeliveryDate",
    "tracking_number": "trackingNumber",
}
"""Fields of a shipment that a later label may fill, with their JSON names."""
_ANEW: Final = "if that is wrong, cancel the shipment, and register it anew"


def merge_label(known: KnownShipment | None, label: Label) -> MergedLabel:
    """Decide what *label* adds to what is *known*.

    Raises `Conflict` if the contract, or the number of the same volume,
    differs; `InvalidLabel` if the label contradicts itself.
    """
    known = known or KnownShipment(label.contract)
    if known.contract != label.contract:
        raise Conflict(
            f"this invoice is registered under contract {known.contract!r}",
            field="contract",
            hint="PATCH the shipment to correct its contract",
        )
    parcels, fresh = _place(known, label)
    volumes, warnings = _volumes(known, label, parcels)
    taken, kept = _fields(known, label)
    updated = fresh | {TAKEN_OVER[name] for name in taken}
    if volumes > known.volumes:
        updated.add("volumes")
    return MergedLabel(
        volumes=volumes,
        parcels=parcels,
        invoice_references=_invoice_references(known, label),
        taken_over=taken,
        updated=tuple(sorted(updated)) if known.volumes else (),
        warnings=(*warnings, *kept),
        new_volume=0 < known.volumes < volumes,
    )


def _place(
    known: KnownShipment, label: Label
) -> tuple[tuple[LabelParcel, ...], set[str]]:
    """Give every box of the label its volume; say whether numbers are news."""
    total = max(known.volumes, label.volumes or 0, len(label.parcels))
    numbers = dict(known.numbers)
    placed: dict[int, LabelParcel] = {}
    fresh: set[str] = set()
    for parcel in sorted(label.parcels, key=lambda p: p.volume is None):
        volume = parcel.volume or _free_volume(parcel, numbers, placed, total)
        if volume in placed:
            raise InvalidLabel(
                f"two parcels have volume {volume}",
                field="parcels",
                hint="number the parcels 1, 2, 3 … in `volume`",
            )
        old, new = numbers.get(volume), parcel.tracking_number
        if old and new and compared(old) != compared(new):
            raise _other_number(volume)
        if new and not old:
            fresh.add("trackingNumber")
        numbers[volume] = old or new
        placed[volume] = replace(parcel, volume=volume, tracking_number=old or new)
    return tuple(placed[volume] for volume in sorted(placed)), fresh


def _other_number(volume: int) -> Conflict:
    return Conflict(
        f"volume {volume} of this invoice has another tracking number",
        field="trackingNumber",
        hint="PATCH the shipment to correct the number, or give `volume` "
        "to add a parcel",
    )


def _free_volume(
    parcel: LabelParcel,
    numbers: Mapping[int, str | None],
    placed: Collection[int],
    total: int,
) -> int:
    """Return the volume of a box that does not say: its number's, else a free one."""
    left = [v for v in range(1, total + 1) if v not in placed]
    if not parcel.tracking_number:
        return left[0]
    number = compared(parcel.tracking_number)
    known = [v for v in left if compared(numbers.get(v) or "") == number]
    return (known or [v for v in left if not numbers.get(v)] or left)[0]


def _volumes(
    known: KnownShipment, label: Label, parcels: tuple[LabelParcel, ...]
) -> tuple[int, list[str]]:
    """Return how many parcels there are: the number only grows."""
    volumes = max(known.volumes, label.volumes or 1, parcels[-1].volume or 1)
    warnings: list[str] = []
    if volumes > MOST_VOLUMES:
        raise InvalidLabel(
            f"more than {MOST_VOLUMES} volumes",
            field="volumes",
            hint="register the parcels under several invoices",
        )
    if known.volumes and volumes > known.volumes:
        warnings.append(f"volumes: {known.volumes} became {volumes}; {_ANEW}")
        if known.delivered_published:
            warnings.append("volumes: VTEX was already told that all was delivered")
    if label.volumes and label.volumes < volumes:
        warnings.append(
            f"volumes: {label.volumes} is less than the {volumes} known; {_ANEW}"
        )
    return volumes, warnings


def _fields(known: KnownShipment, label: Label) -> tuple[dict[str, str], list[str]]:
    """Take over optional fields that came later; say which others are kept."""
    taken: dict[str, str] = {}
    kept: list[str] = []
    for name, json_name in TAKEN_OVER.items():
        value = (
            label.send_tracking if name == "tracking_number" else getattr(label, name)
        )
        old = known.fields.get(name)
        if value and (not old or (name == "dispatched_date" and _left(known, label))):
            taken[name] = value
        elif value and old != value and name in label.given:
            kept.append(f"{json_name}: another value is registered, and it stays")
    return taken, kept + _later(known, label)


def _left(known: KnownShipment, label: Label) -> bool:
    """Whether a label says that the parcel left earlier than anybody said."""
    at, known_at = label.dispatched_at, known.dispatched_at
    return at is not None and known_at is not None and at < known_at


def _later(known: KnownShipment, label: Label) -> list[str]:
    """Say that a later dispatch date is not taken over: several boxes have several."""
    at, known_at = label.dispatched_at, known.dispatched_at
    if at is None or known_at is None or at <= known_at:
        return []
    return ["dispatchedDate: an earlier one is registered, and it stays"]


def _invoice_references(known: KnownShipment, label: Label) -> tuple[Reference, ...]:
    """Return the references of the whole invoice, without a key that is not kept."""
    if label.invoice_key in {
        None,
        known.fields.get("invoice_key") or label.invoice_key,
    }:
        return label.invoice_references
    kept_out = {ReferenceKind.INVOICE_KEY, ReferenceKind.INVOICE}
    return tuple(r for r in label.invoice_references if r.kind not in kept_out)
