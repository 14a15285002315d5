"""Erasure of one order's personal data; counts and times stay."""

from dataclasses import dataclass
from datetime import datetime

from relay.clock import micros
from relay.store.codec import dumps, ids, loads
from relay.store.database import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """How much of an order was redacted."""

    shipments: int = 0
    documents: int = 0
    events: int = 0
    published: int = 0
    calls: int = 0
    invoices: int = 0


class Erasure:
    """Erases the personal data of one order, at the shopper's request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase(
        self, account: str, order_id: str, by: str, now: datetime
    ) -> ErasureResult:
        """Erase an order's personal data; return how much, zeros if it is unknown.

        Documents lose their bodies, even if they contain events of other orders; events
        and published objects lose texts and places; logged calls lose their bodies; the
        tracking URL is removed. The shipments are closed, and no event matches them any
        more; invoices lose their bodies. Repeating it is harmless.
        """
        async with self._database.writing() as tx:
            found = await tx.rows(
                "shipments_of_order", account=account, order_id=order_id
            )
            events = {e for row in found for e in await _events(tx, row)}
            documents = await _documents(tx, events)
            published = sum([await _published(tx, row["shipment"]) for row in found])
            calls = sum([await _calls(tx, row["shipment"]) for row in found])
            await tx.many("redact_event", [{"event": e} for e in sorted(events)])
            for row in found:
                await _shipment(tx, row, by, now)
            invoices = await _invoices(tx, account, order_id)
            await tx.run("erase_discovered", account=account, order_id=order_id)
        return ErasureResult(
            len(found), documents, len(events), published, calls, invoices
        )


async def _events(tx: Transaction, row: Row) -> list[int]:
    """Return the events that count for no other order."""
    found = await tx.rows(
        "events_of_shipment_alone",
        shipment=row["shipment"],
        account=row["account"],
        order_id=row["order_id"],
    )
    return [r["event"] for r in found]


async def _documents(tx: Transaction, events: set[int]) -> int:
    found = await tx.rows("documents_of_events", rows=ids("event", events))
    redacted = [{"document": r["document"], "empty": b""} for r in found]
    await tx.many("redact_document", redacted)
    return len(redacted)


async def _published(tx: Transaction, shipment: int) -> int:
    """Empty the texts of published objects; their times stay."""
    found = await tx.rows("published_to_redact", shipment=shipment)
    redacted = [
        {
            "shipment": shipment,
            "volume": row["volume"],
            "occurred_at": row["occurred_at"],
            "code": row["code"],
            "object": dumps(_emptied(row["object"])),
        }
        for row in found
    ]
    await tx.many("redact_published", redacted)
    return len(redacted)


def _emptied(text: str) -> dict[str, str]:
    return {name: v if name == "date" else "" for name, v in loads(text).items()}


async def _calls(tx: Transaction, shipment: int) -> int:
    found = await tx.rows("calls_to_redact", shipment=shipment)
    await tx.many("redact_call", [{"call": row["call"]} for row in found])
    return len(found)


async def _invoices(tx: Transaction, account: str, order_id: str) -> int:
    """Empty the bodies of the order's invoices; those not posted yet never are."""
    found = await tx.rows("invoices_of_order", account=account, order_id=order_id)
    numbers = [{"invoice": row["invoice"]} for row in found]
    await tx.many("redact_invoice", numbers)
    await tx.many("redact_invoice_calls", numbers)
    return len(numbers)


async def _shipment(tx: Transaction, row: Row, by: str, now: datetime) -> None:
    """Close a shipment permanently and remove its tracking URL."""
    values = {"shipment": row["shipment"], "now": micros(now)}
    tracking_sent = row["tracking_sent_as"]
    redacted = (
        dumps(loads(tracking_sent) | {"tracking_url": None}) if tracking_sent else None
    )
    await tx.run("void_references_of_shipment", **values)
    await tx.run("redact_shipment", **values, tracking_sent_as=redacted)
    await tx.run("redact_changes", shipment_id=row["id"])
    await tx.run("delete_shadow_comparison_of", key=row["shipment"])
    await tx.run("redact_outgoing", shipment_id=row["id"])
    await tx.run("end_outgoing_of", shipment_id=row["id"], now=micros(now))
    await tx.run("note", **values, text=f"personal data erased; requested by {by}")
