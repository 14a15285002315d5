"""Merging a repeated label into the registered shipment; pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from relay.domain.events import Reference, ReferenceKind, compared
from relay.domain.labels import MOST_VOLUMES, Label, LabelParcel
from relay.errors import Conflict, InvalidLabel
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode


@dataclass(frozen=True, slots=True)
class KnownShipment:
    """The registered values of the shipment that a label is merged into.

    `numbers` holds the tracking numbers by volume, None for one without a number.
    """

    contract: str
    volumes: int = 0
    numbers: Mapping[int, str | None] = field(default_factory=dict)
    fields: Mapping[str, str | None] = field(default_factory=dict)
    dispatched_at: datetime | None = None
    delivered_published: bool = False


@dataclass(frozen=True, slots=True)
class MergedLabel:
    """The result of a merge: volumes, parcels, fields taken over, and warnings.

    `updated` holds JSON names; it is empty for a new shipment.
    """

    volumes: int
    parcels: tuple[LabelParcel, ...]
    invoice_references: tuple[Reference, ...]
    taken_over: Mapping[str, str]
    updated: tuple[str, ...]
    warnings: tuple[CodedWarning, ...]
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
_IF_WRONG: Final = "if this is wrong, correct `volumes` (PATCH)"


def merge_label(known: KnownShipment | None, label: Label) -> MergedLabel:
    """Merge *label* into the *known* shipment.

    Raises `Conflict` if the contract or the number of the same volume differs, and
    `InvalidLabel` if the label contradicts itself.
    """
    known = known or KnownShipment(label.contract)
    if known.contract != label.contract:
        raise Conflict(
            f"the invoice is registered under contract {known.contract!r}",
            field="contract",
            hint="to correct the contract, PATCH the shipment",
            code=ProblemCode.CONTRACT_CONFLICT,
        )
    parcels, fresh = _place(known, label)
    volumes, warnings = _volumes(known, label, parcels)
    taken, ignored = _fields(known, label)
    updated = fresh | {TAKEN_OVER[name] for name in taken}
    if volumes > known.volumes:
        updated.add("volumes")
    return MergedLabel(
        volumes=volumes,
        parcels=parcels,
        invoice_references=_invoice_references(known, label),
        taken_over=taken,
        updated=tuple(sorted(updated)) if known.volumes else (),
        warnings=(*warnings, *ignored),
        new_volume=0 < known.volumes < volumes,
    )


def _place(
    known: KnownShipment, label: Label
) -> tuple[tuple[LabelParcel, ...], set[str]]:
    """Assign a volume to every parcel; also return the JSON names that are new."""
    total = max(known.volumes, label.volumes or 0, len(label.parcels))
    numbers = dict(known.numbers)
    placed: dict[int, LabelParcel] = {}
    fresh: set[str] = set()
    # Numbered parcels first, so that the others take the volumes that are left.
    for parcel in sorted(label.parcels, key=lambda p: p.volume is None):
        volume = parcel.volume or _free_volume(parcel, numbers, placed, total)
        if volume in placed:
            raise InvalidLabel(
                f"two parcels have the volume {volume}",
                field="parcels",
                hint="give each parcel its own `volume`: 1, 2, 3 …",
                code=ProblemCode.CONTRADICTION,
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
        hint="to correct the number, PATCH the shipment; to add a parcel, give "
        "its `volume`",
        code=ProblemCode.TRACKING_NUMBER_CONFLICT,
    )


def _free_volume(
    parcel: LabelParcel,
    numbers: Mapping[int, str | None],
    placed: Collection[int],
    total: int,
) -> int:
    """Return the volume of an unnumbered parcel: its number's, else a free one."""
    left = [v for v in range(1, total + 1) if v not in placed]
    if not parcel.tracking_number:
        return left[0]
    number = compared(parcel.tracking_number)
    known = [v for v in left if compared(numbers.get(v) or "") == number]
    return (known or [v for v in left if not numbers.get(v)] or left)[0]


def _volumes(
    known: KnownShipment, label: Label, parcels: tuple[LabelParcel, ...]
) -> tuple[int, list[CodedWarning]]:
    """Return the number of parcels, which never shrinks, and warnings."""
    volumes = max(known.volumes, label.volumes or 1, parcels[-1].volume or 1)
    warnings: list[CodedWarning] = []
    if volumes > MOST_VOLUMES:
        raise InvalidLabel(
            f"more than {MOST_VOLUMES} parcels",
            field="volumes",
            hint="split them over several invoices",
            code=ProblemCode.OUT_OF_RANGE,
        )
    if known.volumes and volumes > known.volumes:
        raised = f"raised from {known.volumes} to {volumes}; {_IF_WRONG}"
        warnings.append(CodedWarning(WarningCode.VOLUMES_RAISED, raised, "volumes"))
        if known.delivered_published:
            shown = "VTEX already shows the shipment as delivered"
            code = WarningCode.DELIVERY_PUBLISHED
            warnings.append(CodedWarning(code, shown, "volumes"))
    if label.volumes and label.volumes < volumes:
        fewer = f"{label.volumes} is ignored, {volumes} are registered; {_IF_WRONG}"
        warnings.append(CodedWarning(WarningCode.VOLUMES_IGNORED, fewer, "volumes"))
    return volumes, warnings


def _fields(
    known: KnownShipment, label: Label
) -> tuple[dict[str, str], list[CodedWarning]]:
    """Return the fields to take over, and a warning for each one that is not."""
    taken: dict[str, str] = {}
    ignored: list[CodedWarning] = []
    text = "ignored, because another value is registered"
    for name, json_name in TAKEN_OVER.items():
        value = (
            label.send_tracking if name == "tracking_number" else getattr(label, name)
        )
        old = known.fields.get(name)
        if value and (not old or (name == "dispatched_date" and _left(known, label))):
            taken[name] = value
        elif value and old != value and name in label.given:
            ignored.append(CodedWarning(WarningCode.VALUE_IGNORED, text, json_name))
    return taken, ignored + _later(known, label)


def _left(known: KnownShipment, label: Label) -> bool:
    """Whether the label's dispatch date is earlier than the registered one."""
    at, known_at = label.dispatched_at, known.dispatched_at
    return at is not None and known_at is not None and at < known_at


def _later(known: KnownShipment, label: Label) -> list[CodedWarning]:
    """Warn that a later dispatch date is ignored: the first parcel's date counts."""
    at, known_at = label.dispatched_at, known.dispatched_at
    if at is None or known_at is None or at <= known_at:
        return []
    text = "ignored, because an earlier one is registered"
    return [CodedWarning(WarningCode.DISPATCHED_DATE_LATER, text, "dispatchedDate")]


def _invoice_references(known: KnownShipment, label: Label) -> tuple[Reference, ...]:
    """Return the references of the invoice, without those of an ignored key."""
    if label.invoice_key in {
        None,
        known.fields.get("invoice_key") or label.invoice_key,
    }:
        return label.invoice_references
    ignored = {ReferenceKind.INVOICE_KEY, ReferenceKind.INVOICE}
    return tuple(r for r in label.invoice_references if r.kind not in ignored)
