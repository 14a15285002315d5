"""Applying a correction to parcels, references and the tracking number."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from relay.clock import micros
from relay.domain.events import Reference, ReferenceKind, compared
from relay.domain.labels import Correction
from relay.problem_codes import CodedWarning, WarningCode
from relay.store.amendments import AMENDED, Amendment, amend, amended_keys
from relay.store.database import Row
from relay.store.reference_checks import refuse_foreign
from relay.store.references import Key, key
from relay.store.shipment_rows import Placed, ShipmentWriter, given, stored_reference
from relay.store.volume_changes import change_volumes
from relay.text import storable

ALERT: Final = CodedWarning(
    WarningCode.DELIVERY_PUBLISHED,
    "alert: the delivery was already published, so the correction is stored here "
    "but changes nothing at VTEX",
)

TRACKING_SENT: Final = {
    "tracking_number": "trackingNumber",
    "tracking_url": "trackingUrl",
    "courier": "courier",
}
"""The columns sent to VTEX with the tracking number, with their JSON names."""


@dataclass(frozen=True, slots=True)
class CorrectionResult:
    """The result of a correction; `updated` are JSON names of changed fields."""

    updated: tuple[str, ...]
    warnings: tuple[CodedWarning, ...]


def new_keys(correction: Correction, references: Sequence[Row]) -> list[Key]:
    """Return the keys of references that a correction may register."""
    moved = [stored_reference(r) for r in references]
    if correction.number is not None:
        moved.append(_number(correction.number))
    moving = [key(correction.contract, r) for r in moved]
    return moving + amended_keys(correction, references)


def _number(text: str) -> Reference:
    return Reference(kind=ReferenceKind.TRACKING_NUMBER, value=text)


@dataclass(frozen=True, slots=True)
class CorrectionTarget(ShipmentWriter):
    """A shipment's locked rows and the correction to apply.

    `contract` is the corrected contract.
    """

    correction: Correction
    row: Row
    parcels: Sequence[Row]
    references: Sequence[Row]

    @property
    def parcel(self) -> Row:
        """The parcel whose number is corrected."""
        return next(p for p in self.parcels if p["volume"] == self.correction.volume)

    @property
    def delivered(self) -> bool:
        """Whether the delivery was published: VTEX accepts no changes after it."""
        return self.row["delivered_published_at"] is not None

    @property
    def new_number(self) -> bool:
        """Whether the tracking number changes for matching, not only in spelling."""
        number, old = self.correction.number, self.parcel["tracking_number"]
        return number is not None and compared(number) != compared(old or "")

    @property
    def new_contract(self) -> bool:
        """Whether the contract changes."""
        return bool(self.row["contract"] != self.contract)

    @property
    def new_volumes(self) -> bool:
        """Whether the number of parcels changes."""
        return self.correction.volumes not in (None, self.row["volumes"])

    @property
    def amending(self) -> Amendment:
        """The changes of the invoice key and of dates."""
        return Amendment(self.correction, self.row, self.references)

    @property
    def changes_matches(self) -> bool:
        """Whether other events may match after the correction."""
        amending = self.amending
        moved = self.new_number or self.new_contract or self.new_volumes
        return moved or amending.new_key or amending.redated

    def updated(self) -> tuple[str, ...]:
        """Return the JSON names of changed fields."""
        names = {AMENDED[name] for name in self.amending.changed}
        if self.new_volumes:
            names.add("volumes")
        if self.new_contract:
            names.add("contract")
        number = self.correction.number
        if number is not None and number != self.parcel["tracking_number"]:
            names.add("trackingNumber")
        if not self.delivered:
            tracking_sent = self.correction.tracking_sent
            names |= {
                json_name
                for name, json_name in TRACKING_SENT.items()
                if name in tracking_sent and tracking_sent[name] != self.row[name]
            }
        return tuple(sorted(names))

    async def store(self) -> None:
        """Write the corrected parcels and references."""
        if not self.correction.keep:
            await self.tx.many("void_reference", [*map(self._void, self._old())])
        began = micros(self.now) if self.correction.keep else self._began()
        amending = self.amending
        for contract, placed in (
            (self.contract, self.placed()),
            *amending.placed().items(),
        ):
            writing = replace(self, contract=contract)
            await refuse_foreign(writing, placed, self.correction.visible)
            await writing.register(
                placed, registered_at=began, dispatched_at=amending.dispatched_at
            )
        corrected = [self._corrected(p) for p in self.parcels]
        await self.tx.many("correct_parcel", corrected)
        if self.new_contract:
            shipment = {"shipment": self.shipment}
            await self.tx.run("delete_poll", **shipment, contract=self.row["contract"])
            await self.tx.run("correct_contract", **shipment, contract=self.contract)
        boxes = [(p["volume"], p["tracking_number"]) for p in corrected]
        await self.schedule_polls(boxes, self.now)
        await amend(self, amending)
        if self.new_volumes:
            volumes = self.correction.volumes or 1
            await change_volumes(self, corrected, self.references, volumes)

    async def send_tracking(self) -> None:
        """Write the corrected tracking number, URL and courier to be sent to VTEX."""
        tracking_sent = {name: self.row[name] for name in TRACKING_SENT}
        for name, value in self.correction.tracking_sent.items():
            tracking_sent[name] = storable(value) if value else None
        values = {"shipment": self.shipment, **tracking_sent}
        values["given"] = given(self.row["given"], self.correction.given)
        await self.tx.run("correct_tracking", **values)

    async def warnings(self) -> tuple[CodedWarning, ...]:
        """Return warnings for the caller."""
        numbers = [reference for reference, volume in self.placed() if volume]
        account, order_id = self.row["account"], self.row["order_id"]
        others = await self.sharing(numbers, account, order_id)
        published = (ALERT,) if self.delivered else self.amending.warnings()
        return (*published, *others)

    def note_text(self, updated: tuple[str, ...]) -> str:
        """Return the note for the timeline."""
        correction, old = self.correction, self.parcel["tracking_number"]
        text = f"corrected: {', '.join(updated)}"
        if self.new_number:
            kept = "kept" if correction.keep else "dropped"
            text += (
                f"; tracking number of volume {correction.volume}: {old or 'none'} "
                f"-> {correction.number}; events of the old number are {kept}"
            )
        if self.new_volumes:
            text += f"; {correction.volumes} volumes, were {self.row['volumes']}"
        if self.amending.new_key:
            text += f"; the invoice key was {self.row['invoice_key'] or 'missing'}"
        if self.delivered:
            text += "; nothing changes at VTEX: the delivery was already published"
        return text

    def _began(self) -> int:
        """Return when the parcel was registered: the new number counts from then on."""
        began: int = self.parcel["registered_at"]
        return began

    def _is_old_number(self, row: Row) -> bool:
        old = self.parcel["tracking_number"]
        return (
            self.new_number
            and old is not None
            and row["volume"] == self.correction.volume
            and row["kind"] == ReferenceKind.TRACKING_NUMBER
            and row["value"] == compared(old)
        )

    def _old(self) -> list[Row]:
        """Return the references to void: of the old number, key or contract."""
        return [
            r
            for r in self.references
            if self._is_moved(r) or self.amending.is_old_key(r)
        ]

    def _is_moved(self, row: Row) -> bool:
        was = row["contract"] == self.row["contract"]
        return was and (self.new_contract or self._is_old_number(row))

    def placed(self) -> list[Placed]:
        """Return the references to register."""
        placed: list[Placed] = []
        if self.new_contract:
            placed += [
                (stored_reference(r), r["volume"])
                for r in self._old()
                if not (self._is_old_number(r) or self.amending.is_old_key(r))
            ]
        if self.new_number and self.correction.number is not None:
            placed.append((_number(self.correction.number), self.correction.volume))
        return placed

    def _void(self, row: Row) -> dict[str, Any]:
        return {
            "reference": row["reference"],
            "shipment": self.shipment,
            "volume": row["volume"],
            "now": micros(self.now),
        }

    def _corrected(self, parcel: Row) -> dict[str, Any]:
        number = parcel["tracking_number"]
        if parcel["volume"] == self.correction.volume and self.correction.number:
            number = storable(self.correction.number)
        contract = self.contract if self.new_contract else parcel["contract"]
        return {
            "shipment": self.shipment,
            "volume": parcel["volume"],
            "contract": contract,
            "tracking_number": number,
        }
