"""Rows of shipments, parcels and references, shared by the writing modules."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.domain.events import Reference, ReferenceKind
from relay.domain.label_merge import KnownShipment, MergedLabel
from relay.domain.labels import Label, LabelParcel, parcel_references
from relay.domain.shipment import CANCELLED, ERASED
from relay.errors import Conflict, NotFound
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.store.codec import as_dict, at, dumps, ids, loads, stored
from relay.store.database import Row, Transaction
from relay.store.references import Key, key
from relay.store.renewed_matches import rematch
from relay.store.snapshots import tracking_of, tracking_sent
from relay.text import storable

FIRST_POLL: Final = timedelta(minutes=30)
"""How long after its registration a parcel is polled first."""
Placed = tuple[Reference, int]
"""A reference and its volume; 0 is the whole invoice."""


@dataclass(frozen=True, slots=True)
class ShipmentWriter:
    """Writes the rows of one shipment under one contract.

    `interned` are the ids of all references that may change, locked in advance.
    """

    tx: Transaction
    shipment: int
    contract: str
    interned: Mapping[Key, int]
    now: datetime

    async def put(
        self, parcels: Iterable[LabelParcel], dispatched_at: int | None
    ) -> None:
        """Store parcels, to be polled after `FIRST_POLL`."""
        put = [self._parcel(p, dispatched_at) for p in parcels]
        await self.tx.many("put_parcel", put)
        boxes = [(p["volume"], p["tracking_number"]) for p in put]
        await self.schedule_polls(boxes, self.now + FIRST_POLL)

    async def schedule_polls(
        self, boxes: Iterable[tuple[int, str | None]], at: datetime
    ) -> None:
        """Poll the contract's carrier for (volume, tracking number) pairs from *at* on.

        Volumes that are polled already keep their turn unless the number changed.
        """
        rows = [
            {
                "shipment": self.shipment,
                "contract": self.contract,
                "volume": volume,
                "tracking_number": number,
                "now": micros(self.now),
                "poll_at": micros(at),
            }
            for volume, number in boxes
        ]
        await self.tx.many("put_poll", rows)

    async def register(
        self,
        placed: Iterable[Placed],
        *,
        registered_at: int,
        dispatched_at: int | None,
    ) -> None:
        """Register references, each with its volume, from *registered_at* on."""
        rows = [
            {
                "reference": self.interned[key(self.contract, reference)],
                "shipment": self.shipment,
                "volume": volume,
                "given": storable(reference.value),
                "registered_at": registered_at,
                "dispatched_at": dispatched_at,
            }
            for reference, volume in placed
        ]
        await self.tx.many("register_reference", rows)

    async def sharing(
        self, references: Iterable[Reference], account: str, order_id: str
    ) -> list[CodedWarning]:
        """Return warnings about other open orders with the same tracking numbers."""
        numbers = {
            self.interned[k]
            for r in references
            if r.kind is ReferenceKind.TRACKING_NUMBER
            and (k := key(self.contract, r)) in self.interned
        }
        found = await self.tx.rows(
            "others_under_reference",
            rows=ids("reference", numbers),
            account=account,
            order_id=order_id,
        )
        return [
            CodedWarning(
                WarningCode.TRACKING_NUMBER_SHARED,
                f"also used by open order {r['order_id']}, "
                f"invoice {r['invoice_number']}; its events count for all of them",
                "trackingNumber",
            )
            for r in found
        ]

    async def note(self, text: str) -> None:
        """Add a note to the shipment's timeline."""
        await self.tx.run(
            "note", shipment=self.shipment, now=micros(self.now), text=storable(text)
        )

    def _parcel(self, parcel: LabelParcel, dispatched_at: int | None) -> dict[str, Any]:
        number = parcel.tracking_number
        return {
            "shipment": self.shipment,
            "volume": parcel.volume,
            "contract": self.contract,
            "tracking_number": storable(number) if number else None,
            "now": micros(self.now),
            "dispatched_at": dispatched_at,
        }


async def registered(tx: Transaction, shipment: int) -> Sequence[Row]:
    """Return the references of a shipment, without voided ones."""
    found = await tx.rows("references_of_shipments", rows=ids("shipment", [shipment]))
    return [r for r in found if r["voided_at"] is None]


def stored_key(row: Row) -> Key:
    """Return the key of a row of `registered`."""
    return (row["contract"], row["kind"], row["value"])


def stored_reference(row: Row) -> Reference:
    """Return the reference of a row of `registered`, as it was received."""
    return Reference(kind=ReferenceKind(row["kind"]), value=row["given"])


async def rematch_all(
    tx: Transaction,
    interned: Mapping[Key, int],
    lower_bounds: Mapping[str, timedelta],
) -> set[int]:
    """Match the events with these references again; return the changed shipments."""
    by_contract: dict[str, list[int]] = defaultdict(list)
    for (contract, _, _), reference in interned.items():
        by_contract[contract].append(reference)
    touched: set[int] = set()
    for contract, references in sorted(by_contract.items()):
        touched |= await rematch(tx, references, lower_bounds, contract)
    return touched


def refuse_erased(row: Row) -> None:
    """Raise `Conflict` if the order's data was erased."""
    if row["closed_reason"] == ERASED:
        raise Conflict(
            "the order's personal data was erased on request",
            field="orderId",
            hint="it can no longer be registered, changed or published",
            code=ProblemCode.ERASED,
        )


def refuse_over(row: Row) -> None:
    """Raise `Conflict` if the shipment was cancelled or erased."""
    refuse_erased(row)
    if row["closed_reason"] == CANCELLED:
        raise Conflict(
            "the shipment was cancelled",
            hint="POST the label again to register it",
            code=ProblemCode.CANCELLED,
        )


def stored_shipment(row: Row | None) -> Row:
    """Return *row*; raise `NotFound` if the shipment does not exist."""
    if row is None:
        raise no_such_shipment()
    return row


def no_such_shipment() -> NotFound:
    """Return the error for an unknown id, or one of an account without access."""
    return NotFound(
        "shipment not found",
        hint="find its id by its order: GET /v1/shipments?orderId=…, or "
        "`relay shipments list --order …`",
    )


def requested_by(by: str | None) -> str:
    """Return the end of a note that names who requested a change, if known."""
    return f"; requested by {by}" if by else ""


def invoice(label: Label) -> dict[str, str]:
    """Return the unique columns of the label's shipment."""
    return {
        "account": label.account,
        "order_id": label.order_id,
        "invoice_number": label.invoice_number,
    }


def _order(label: Label) -> Reference:
    return Reference(kind=ReferenceKind.ORDER_ID, value=label.order_id)


def keys(label: Label) -> list[Key]:
    """Return the keys of every reference of *label*."""
    references = [_order(label), *label.invoice_references]
    for parcel in label.parcels:
        references += parcel_references(parcel)
    return [key(label.contract, r) for r in references]


def placed(merged: MergedLabel, label: Label) -> list[Placed]:
    """Return the references of a merged label, each with its volume."""
    whole = [_order(label), *merged.invoice_references]
    placed = [(r, 0) for r in whole]
    for parcel in merged.parcels:
        placed += [(r, parcel.volume or 0) for r in parcel_references(parcel)]
    return placed


async def known(tx: Transaction, row: Row) -> KnownShipment:
    """Return the registered state that a label is merged into."""
    parcels = await tx.rows("parcels_of_shipment", shipment=row["shipment"])
    return KnownShipment(
        contract=row["contract"],
        volumes=row["volumes"],
        numbers={p["volume"]: p["tracking_number"] for p in parcels},
        fields=as_dict(row),
        dispatched_at=at(row["dispatched_at"]),
        delivered_published=row["delivered_published_at"] is not None,
    )


FROM_SETTINGS: Final = ("courier", "tracking_url")
"""Columns that come from the contract's settings unless the ERP sends them."""
_UNCHANGED: Final = (
    "shipment", "invoice_key", "promised_on", "tracking_number", "tracking_url",
    "courier", "dispatched_date", "tracking_sent_as", "dispatched_at",
    "closed_at", "closed_reason", "stuck_at", "stuck_reason", "registered_at",
    "imported", "compared_at", "resent_at", "given",
)  # fmt: skip


def columns(
    row: Row, label: Label, merged: MergedLabel, now: datetime, *, is_new: bool
) -> dict[str, Any]:
    """Return the shipment's columns after the label."""
    columns = {name: row[name] for name in _UNCHANGED}
    if is_new:
        columns = dict.fromkeys(_UNCHANGED)
        columns |= {
            "shipment": row["shipment"],
            "tracking_sent_as": row["tracking_sent_as"],
        }
        columns |= {"registered_at": micros(now), "imported": int(label.imported)}
    columns |= {name: storable(value) for name, value in merged.taken_over.items()}
    columns |= {"contract": label.contract, "volumes": merged.volumes}
    taken = label.given & merged.taken_over.keys()
    columns["given"] = given(columns["given"], taken)
    dispatched = [columns["dispatched_at"], stored(label.dispatched_at)]
    columns["dispatched_at"] = min((t for t in dispatched if t), default=None)
    tracking = tracking_of(columns)
    unsent = is_new or columns["tracking_sent_as"] is None
    if label.tracking_sent and unsent and tracking:
        columns["tracking_sent_as"] = tracking_sent(replace(tracking, stated=True))
    return columns


def given(before: str | None, taken: Collection[str]) -> str:
    """Return the JSON list of fields in `FROM_SETTINGS` that the ERP sent."""
    known = set(loads(before)) if before else set()
    return dumps(sorted(known.union(taken).intersection(FROM_SETTINGS)))
