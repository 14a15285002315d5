"""One correction on its way into parcels and references."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from relay.clock import micros
from relay.domain.events import Reference, ReferenceKind, compared
from relay.domain.labels import Correction
from relay.store.amendments import AMENDED, Amendment, amend, amended_keys
from relay.store.codec import storable
from relay.store.database import Row
from relay.store.references import Key, key
from relay.store.shipment_rows import Placed, ShipmentWriter, given, stored_reference

ALERT: Final = (
    "alert: VTEX was told that the shipment is delivered, so the correction is "
    "kept here and changes nothing at VTEX"
)

TRACKING_SENT: Final = {
    "tracking_number": "trackingNumber",
    "tracking_url": "trackingUrl",
    "courier": "courier",
}
"""The columns that VTEX is told of, with their JSON names."""


def new_keys(correction: Correction, references: Sequence[Row]) -> list[Key]:
    """Return the keys that a correction may register."""
    moved = [stored_reference(r) for r in references]
    if correction.number is not None:
        moved.append(_number(correction.number))
    moving = [key(correction.contract, r) for r in moved]
    return moving + amended_keys(correction, references)


def _number(text: str) -> Reference:
    return Reference(kind=ReferenceKind.TRACKING_NUMBER, value=text)


@dataclass(frozen=True, slots=True)
class CorrectionTarget(ShipmentWriter):
    """A shipment's rows, locked, and what is to become of them.

    `contract` is the one from now on.
    """

    correction: Correction
    row: Row
    parcels: Sequence[Row]
    references: Sequence[Row]

    @property
    def parcel(self) -> Row:
        """The box whose number is corrected."""
        return next(p for p in self.parcels if p["volume"] == self.correction.volume)

    @property
    def delivered(self) -> bool:
        """Whether nothing can be changed at VTEX any more."""
        return self.row["delivered_published_at"] is not None

    @property
    def new_number(self) -> bool:
        """Whether a carrier's events are to be looked for under another number."""
        number, old = self.correction.number, self.parcel["tracking_number"]
        return number is not None and compared(number) != compared(old or "")

    @property
    def new_contract(self) -> bool:
        """Whether another carrier's events are to be looked for."""
        return bool(self.row["contract"] != self.contract)

    @property
    def amending(self) -> Amendment:
        """What becomes of the invoice's key and of dates."""
        return Amendment(self.correction, self.row, self.references)

    @property
    def looks_anew(self) -> bool:
        """Whether other events may count from now on."""
        amending = self.amending
        moved = self.new_number or self.new_contract
        return moved or amending.new_key or amending.redated

    def updated(self) -> tuple[str, ...]:
        """Return the JSON names of what the correction changes."""
        names = {AMENDED[name] for name in self.amending.changed}
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
        """Write parcels and references as they are from now on."""
        if not self.correction.keep:
            await self.tx.many("void_reference", [*map(self._void, self._old())])
        began = micros(self.now) if self.correction.keep else self._began()
        amending = self.amending
        for contract, placed in (
            (self.contract, self.placed()),
            *amending.placed().items(),
        ):
            await replace(self, contract=contract).register(
                placed, registered_at=began, dispatched_at=amending.dispatched_at
            )
        corrected = [self._corrected(p) for p in self.parcels]
        await self.tx.many("correct_parcel", corrected)
        if self.new_contract:
            shipment = {"shipment": self.shipment}
            await self.tx.run("delete_poll", **shipment, contract=self.row["contract"])
            await self.tx.run("correct_contract", **shipment, contract=self.contract)
        boxes = [(p["volume"], p["tracking_number"]) for p in corrected]
        await self.ask_for(boxes, self.now)
        await amend(self, amending)

    async def send_tracking(self) -> None:
        """Write what VTEX is to be told from now on."""
        tracking_sent = {name: self.row[name] for name in TRACKING_SENT}
        for name, value in self.correction.tracking_sent.items():
            tracking_sent[name] = storable(value) if value else None
        values = {"shipment": self.shipment, **tracking_sent}
        values["given"] = given(self.row["given"], self.correction.given)
        await self.tx.run("correct_tracking", **values)

    async def warnings(self) -> tuple[str, ...]:
        """Return what is worth a look."""
        numbers = [reference for reference, volume in self.placed() if volume]
        account, order_id = self.row["account"], self.row["order_id"]
        others = await self.others(numbers, account, order_id)
        published = (ALERT,) if self.delivered else self.amending.warnings()
        return (*published, *others)

    def story(self, updated: tuple[str, ...]) -> str:
        """Say in one line what was corrected."""
        correction, old = self.correction, self.parcel["tracking_number"]
        published = f"corrected: {', '.join(updated)}"
        if self.new_number:
            kept = "kept" if correction.keep else "dropped"
            published += (
                f"; volume {correction.volume} was {old or 'without a number'}, is "
                f"{correction.number}; the old number's history is {kept}"
            )
        if self.amending.new_key:
            published += f"; the invoice key was {self.row['invoice_key'] or 'missing'}"
        if self.delivered:
            published += (
                "; VTEX was told of the delivery before, so nothing changes there"
            )
        return published

    def _began(self) -> int:
        """Return since when the right number was the parcel's: since its label."""
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
        """Return the references of the old number, the old key, the old contract."""
        return [
            r
            for r in self.references
            if self._is_moved(r) or self.amending.is_old_key(r)
        ]

    def _is_moved(self, row: Row) -> bool:
        was = row["contract"] == self.row["contract"]
        return was and (self.new_contract or self._is_old_number(row))

    def placed(self) -> list[Placed]:
        """Return what is registered from now on."""
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
