"""How a label is spelled in rows, and what the rows say of a shipment."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.errors import Conflict, NotFound
from relay.joining import Joined, KnownShipment
from relay.labels import Label, parcel_references
from relay.store.database import Row, Transaction
from relay.store.parcels import Placed
from relay.store.references import Key, key
from relay.store.spelling import as_dict, at, clean, dumps, loads, stored
from relay.telling.facts import CANCELLED, FORGOTTEN
from relay.tracking import Reference, ReferenceKind


def refuse_forgotten(row: Row) -> None:
    """Raise `Conflict` if somebody asked that the order be forgotten."""
    if row["closed_because"] == FORGOTTEN:
        raise Conflict(
            "the order was forgotten, as somebody asked",
            field="orderId",
            way_out="nothing of it can be registered or told any more",
        )


def refuse_over(row: Row) -> None:
    """Raise `Conflict` if the shipment was cancelled, or forgotten."""
    refuse_forgotten(row)
    if row["closed_because"] == CANCELLED:
        raise Conflict(
            "the shipment was cancelled",
            way_out="POST the label again to register it anew",
        )


def there(row: Row | None) -> Row:
    """Return the row of a shipment; raise `NotFound` if there is none."""
    if row is None:
        raise no_such_shipment()
    return row


def no_such_shipment() -> NotFound:
    """Return the error of whoever asks for a shipment that does not exist for them."""
    return NotFound(
        "there is no such shipment",
        way_out="find its id by its order: GET /v1/shipments?orderId=…, or "
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


def placed(joined: Joined, label: Label) -> list[Placed]:
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
        delivered_told=row["delivered_told_at"] is not None,
    )


FROM_SETTINGS: Final = ("courier", "tracking_url")
"""What VTEX is told as the contract's settings say, unless somebody gave it."""

_KEPT: Final = (
    "shipment", "invoice_key", "promised_on", "tracking_number", "tracking_url",
    "courier", "dispatched_date", "announced_as", "dispatched_at",
    "closed_at", "closed_because", "stuck_at", "stuck_because", "registered_at",
    "imported", "compared_at", "retold_at", "given",
)  # fmt: skip


def columns(
    row: Row, label: Label, joined: Joined, now: datetime, *, anew: bool
) -> dict[str, Any]:
    """Return the shipment's columns as they are after the label."""
    columns = {name: row[name] for name in _KEPT}
    if anew:
        columns = dict.fromkeys(_KEPT)
        columns |= {"shipment": row["shipment"], "announced_as": row["announced_as"]}
        columns |= {"registered_at": micros(now), "imported": int(label.imported)}
    columns |= {name: clean(value) for name, value in joined.taken_over.items()}
    columns |= {"contract": label.contract, "volumes": joined.volumes}
    taken = label.given & joined.taken_over.keys()
    columns["given"] = given(columns["given"], taken)
    dispatched = [columns["dispatched_at"], stored(label.dispatched_at)]
    columns["dispatched_at"] = min((t for t in dispatched if t), default=None)
    if label.announced and columns["announced_as"] is None:
        columns["announced_as"] = announcement_text(columns)
    return columns


def given(before: str | None, taken: Collection[str]) -> str:
    """Spell which of the fields that VTEX is told were given, not from settings."""
    known = set(loads(before)) if before else set()
    return dumps(sorted(known.union(taken).intersection(FROM_SETTINGS)))


def announcement_text(columns: Mapping[str, Any]) -> str | None:
    """Spell what VTEX has of an invoice as `announced_as` keeps it."""
    if not columns["tracking_number"]:
        return None
    names = ("tracking_number", "tracking_url", "courier", "dispatched_date")
    return dumps({name: columns[name] for name in names})
