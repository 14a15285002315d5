"""Corrections of an invoice key and of dates."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from relay.clock import micros
from relay.domain.events import ReferenceKind, compared
from relay.domain.fiscal import NfeKey
from relay.domain.labels import Correction
from relay.problem_codes import CodedWarning, WarningCode
from relay.store.codec import loads, stored
from relay.store.database import Row
from relay.store.references import Key, key
from relay.store.shipment_rows import Placed, ShipmentWriter

AMENDED: Final = {
    "invoice_key": "invoiceKey",
    "dispatched_date": "dispatchedDate",
    "promised_on": "estimatedDeliveryDate",
}
"""The columns whose change alone is not sent to VTEX, with their JSON names."""

PUBLISHED: Final = ("tracking_number", "tracking_url", "courier")
"""The columns whose change makes the relay send the tracking number again."""

KEEPS_DATE: Final = CodedWarning(
    WarningCode.DISPATCHED_DATE_NOT_SENT,
    "VTEX keeps the date sent with the tracking number; a new date alone is not sent",
    "dispatchedDate",
)
_OF_KEY: Final = (ReferenceKind.INVOICE_KEY, ReferenceKind.INVOICE)


def amended_keys(correction: Correction, references: Sequence[Row]) -> list[Key]:
    """Return the keys of references that follow from the corrected invoice key."""
    contracts = {r["contract"] for r in references if r["kind"] in _OF_KEY}
    return [
        key(contract, reference)
        for contract in {correction.contract, *contracts}
        for reference in correction.key_references
    ]


@dataclass(frozen=True, slots=True)
class Amendment:
    """The changes of a shipment's key and dates; `references` are registered rows."""

    correction: Correction
    row: Row
    references: Sequence[Row]

    @property
    def changed(self) -> dict[str, str]:
        """The changed columns with their new values."""
        given = {name: getattr(self.correction, name) for name in AMENDED}
        return {n: v for n, v in given.items() if v not in (None, self.row[n])}

    @property
    def new_key(self) -> bool:
        """Whether the invoice key changes."""
        return "invoice_key" in self.changed

    @property
    def dispatched_at(self) -> int | None:
        """The corrected dispatch time, before which deliveries are implausible."""
        given = stored(self.correction.dispatched_at)
        known: int | None = self.row["dispatched_at"]
        return known if given is None else given

    @property
    def redated(self) -> bool:
        """Whether the dispatch time changes, and so which events match."""
        return bool(self.dispatched_at != self.row["dispatched_at"])

    def is_old_key(self, reference: Row) -> bool:
        """Whether a reference follows from the wrong invoice key."""
        return (reference["kind"], reference["value"]) in self._old()

    def placed(self) -> Mapping[str, Sequence[Placed]]:
        """Return the references of the corrected key, by contract.

        A second carrier registered with the wrong key gets the corrected one, too.
        """
        places = [(self.correction.contract, 0)] if self.new_key else []
        places += [
            (r["contract"], r["volume"])
            for r in self.references
            if self.is_old_key(r) and r["contract"] != self.row["contract"]
        ]
        found: dict[str, dict[Placed, None]] = defaultdict(dict)
        for contract, volume in places:
            for reference in self.correction.key_references:
                found[contract][reference, volume] = None
        return {contract: tuple(placed) for contract, placed in found.items()}

    def warnings(self) -> tuple[CodedWarning, ...]:
        """Warn that a new dispatch date alone is not sent to VTEX."""
        published = self.row["tracking_sent_as"]
        if published is None or "dispatched_date" not in self.changed:
            return ()
        known = loads(published)
        now = {name: self.row[name] for name in PUBLISHED} | dict(
            self.correction.tracking_sent
        )
        return (KEEPS_DATE,) if all(now[n] == known[n] for n in PUBLISHED) else ()

    def _old(self) -> set[tuple[str, str]]:
        """Return kind and value of the references of the wrong key."""
        old = self.row["invoice_key"]
        if not self.new_key or old is None:
            return set()
        found = {(str(ReferenceKind.INVOICE_KEY), compared(old))}
        with suppress(ValueError):
            invoice = NfeKey.parse(old).reference
            found.add((str(ReferenceKind.INVOICE), compared(invoice)))
        return found


async def amend(writing: ShipmentWriter, amending: Amendment) -> None:
    """Write key and dates; poll again, because carriers may be polled by key."""
    tx, shipment = writing.tx, {"shipment": writing.shipment}
    columns = {name: amending.row[name] for name in AMENDED} | amending.changed
    dispatched = {"dispatched_at": amending.dispatched_at}
    await tx.run("amend_shipment", **shipment, **columns, **dispatched)
    if amending.redated:
        await tx.run("redate_references", **shipment, **dispatched)
    if amending.new_key:
        await tx.run("poll_parcels_now", **shipment, now=micros(writing.now))
