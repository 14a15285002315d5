"""How a label is spelled in rows, and what the rows say of a shipment."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.domain.events import Reference, ReferenceKind
from relay.domain.label_merge import KnownShipment, MergedLabel
from relay.domain.labels import Label, LabelParcel, parcel_references
from relay.domain.shipment import CANCELLED, ERASED
from relay.errors import Conflict, NotFound
from relay.store.codec import as_dict, at, dumps, ids, loads, storable, stored
from relay.store.database import Row, Transaction
from relay.store.references import Key, key, rematch

FIRST_POLL: Final = timedelta(minutes=30)
"""How long after its label a carrier is first asked for a parcel."""
Placed = tuple[Reference, int]
"""A reference and its volume; 0 is the whole invoice."""


@dataclass(frozen=True, slots=True)
class ShipmentWriter:
    """One shipment that is being written to, under one contract.

    `interned` are the ids of every reference that may be touched, locked.
    """

    tx: Transaction
    shipment: int
    contract: str
    interned: Mapping[Key, int]
    now: datetime

    async def put(
        self, parcels: Iterable[LabelParcel], dispatched_at: int | None
    ) -> None:
        """Store boxes as they are now, to be asked for after a first delay."""
        put = [self._parcel(p, dispatched_at) for p in parcels]
        await self.tx.many("put_parcel", put)
        boxes = [(p["volume"], p["tracking_number"]) for p in put]
        await self.ask_for(boxes, self.now + FIRST_POLL)

    async def ask_for(
        self, boxes: Iterable[tuple[int, str | None]], at: datetime
    ) -> None:
        """Have the contract's carrier asked for volumes under these numbers.

        Those that it is asked for already keep their turn, unless the number is new.
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
        """Store under what carriers may speak of the shipment, from when on."""
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

    async def others(
        self, references: Iterable[Reference], account: str, order_id: str
    ) -> list[str]:
        """Warn of open shipments of other orders under the same numbers."""
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
            f"trackingNumber: also open under order {r['order_id']}, "
            f"invoice {r['invoice_number']}: its scans count for all of them"
            for r in found
        ]

    async def note(self, text: str) -> None:
        """Write down what happened, for the timeline."""
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
    """Return the references of a shipment that were not voided."""
    found = await tx.rows("references_of_shipments", rows=ids("shipment", [shipment]))
    return [r for r in found if r["voided_at"] is None]


def stored_key(row: Row) -> Key:
    """Return the key of a row of `registered`."""
    return (row["contract"], row["kind"], row["value"])


def stored_reference(row: Row) -> Reference:
    """Return the reference of a row of `registered`, as it was given."""
    return Reference(kind=ReferenceKind(row["kind"]), value=row["given"])


async def rematch_all(
    tx: Transaction,
    interned: Mapping[Key, int],
    lower_bounds: Mapping[str, timedelta],
) -> set[int]:
    """Match anew what bears these references, contract by contract."""
    by_contract: dict[str, list[int]] = defaultdict(list)
    for (contract, _, _), reference in interned.items():
        by_contract[contract].append(reference)
    touched: set[int] = set()
    for contract, references in sorted(by_contract.items()):
        touched |= await rematch(tx, references, lower_bounds, contract)
    return touched


def refuse_erased(row: Row) -> None:
    """Raise `Conflict` if somebody asked that the order be forgotten."""
    if row["closed_reason"] == ERASED:
        raise Conflict(
            "the order was forgotten, as somebody asked",
            field="orderId",
            hint="nothing of it can be registered or told any more",
        )


def refuse_over(row: Row) -> None:
    """Raise `Conflict` if the shipment was cancelled, or forgotten."""
    refuse_erased(row)
    if row["closed_reason"] == CANCELLED:
        raise Conflict(
            "the shipment was cancelled",
            hint="POST the label again to register it anew",
        )


def stored_shipment(row: Row | None) -> Row:
    """Return the row of a shipment; raise `NotFound` if there is none."""
    if row is None:
        raise no_such_shipment()
    return row


def no_such_shipment() -> NotFound:
    """Return the error of whoever asks for a shipment that does not exist for them."""
    return NotFound(
        "there is no such shipment",
        hint="find its id by its order: GET /v1/shipments?orderId=…, or "
        "`relay shipments list --order …`",
    )


def invoice(label: Label) -> dict[str, str]:
    """Return the key of the label's shipment."""
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


def placed(joined: MergedLabel, label: Label) -> list[Placed]:
    """Return the references of a label that joined, each with its volume."""
    whole = [_order(label), *joined.invoice_references]
    placed = [(r, 0) for r in whole]
    for parcel in joined.parcels:
        placed += [(r, parcel.volume or 0) for r in parcel_references(parcel)]
    return placed


async def known(tx: Transaction, row: Row) -> KnownShipment:
    """Return what a label finds registered."""
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
"""What VTEX is told as the contract's settings say, unless somebody gave it."""
_KEPT: Final = (
    "shipment", "invoice_key", "promised_on", "tracking_number", "tracking_url",
    "courier", "dispatched_date", "tracking_sent_as", "dispatched_at",
    "closed_at", "closed_reason", "stuck_at", "stuck_reason", "registered_at",
    "imported", "compared_at", "resent_at", "given",
)  # fmt: skip


def columns(
    row: Row, label: Label, joined: MergedLabel, now: datetime, *, anew: bool
) -> dict[str, Any]:
    """Return the shipment's columns as they are after the label."""
    columns = {name: row[name] for name in _KEPT}
    if anew:
        columns = dict.fromkeys(_KEPT)
        columns |= {
            "shipment": row["shipment"],
            "tracking_sent_as": row["tracking_sent_as"],
        }
        columns |= {"registered_at": micros(now), "imported": int(label.imported)}
    columns |= {name: storable(value) for name, value in joined.taken_over.items()}
    columns |= {"contract": label.contract, "volumes": joined.volumes}
    taken = label.given & joined.taken_over.keys()
    columns["given"] = given(columns["given"], taken)
    dispatched = [columns["dispatched_at"], stored(label.dispatched_at)]
    columns["dispatched_at"] = min((t for t in dispatched if t), default=None)
    if label.tracking_sent and columns["tracking_sent_as"] is None:
        columns["tracking_sent_as"] = tracking_text(columns)
    return columns


def given(before: str | None, taken: Collection[str]) -> str:
    """Spell which of the fields that VTEX is told were given, not from settings."""
    known = set(loads(before)) if before else set()
    return dumps(sorted(known.union(taken).intersection(FROM_SETTINGS)))


def tracking_text(columns: Mapping[str, Any]) -> str | None:
    """Spell what VTEX has of an invoice as `tracking_sent_as` keeps it."""
    if not columns["tracking_number"]:
        return None
    names = ("tracking_number", "tracking_url", "courier", "dispatched_date")
    return dumps({name: columns[name] for name in names})
