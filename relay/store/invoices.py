"""Invoices to post: registration, an operator's changes, and lists."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.domain.invoices import (
    ERASED_INVOICE,
    TRACKING_FIELDS,
    InvoiceNotification,
    InvoiceType,
    without_tracking,
)
from relay.domain.labels import Label
from relay.errors import Conflict, NotFound
from relay.problem_codes import CodedWarning, ProblemCode
from relay.store.codec import dumps, loads, new_id
from relay.store.database import Database, Row, Transaction
from relay.store.invoice_warnings import warnings_text
from relay.store.shipments import RegistrationResult, Shipments
from relay.text import storable_json

HEAD_START: Final = timedelta(seconds=30)
"""How long the parcel of a new invoice lets the invoice be posted first."""
_AT_ONCE: Final = "a call to VTEX is running for it; send the request again in a minute"


@dataclass(frozen=True, slots=True)
class InvoiceRegistration:
    """What registering an invoice did; `updated` are JSON names of changed fields.

    `shipment` is the result for its parcel, if the request had one.
    """

    id: str
    created: bool
    updated: tuple[str, ...] = ()
    shipment: RegistrationResult | None = None


@dataclass(frozen=True, slots=True)
class InvoiceOrder:
    """An invoice to register, the warnings of its request, and its parcel's label."""

    notification: InvoiceNotification
    warnings: tuple[CodedWarning, ...]
    label: Label | None
    by: str


@dataclass(frozen=True, slots=True)
class Invoices:
    """Stores invoices; `shipments` registers their parcels in the same transaction."""

    database: Database
    shipments: Shipments

    async def register(self, order: InvoiceOrder, now: datetime) -> InvoiceRegistration:
        """Register an invoice and its parcel, both or neither.

        The same request again changes nothing. Another content replaces one that was
        never sent. Raises `Conflict` if it was, and what a label raises.
        """

        async def registered(tx: Transaction) -> InvoiceRegistration:
            # Shipments are locked before invoices everywhere, or two writers deadlock.
            labels = [(order.label, now)] if order.label is not None else []
            parcels = await self.shipments.register_in(tx, labels)
            parcel = parcels[0] if parcels else None
            await tx.run("add_account", account=order.notification.account)
            done = await _register(tx, order, parcel, now)
            if done.created and parcel is not None:
                until = micros(now + HEAD_START)
                await tx.run("postpone_new_shipment", id=parcel.id, until=until)
            return done

        return await self.database.write_in_one_go(registered)

    async def retry(self, id_: str, wait: timedelta, now: datetime) -> None:
        """Work on an invoice now and clear earlier failures; nothing if it is posted.

        An unconfirmed call is read back only after the *wait*.
        """
        async with self.database.writing() as tx:
            row = _stored(await tx.row("lock_invoice_by_id", id=id_))
            _refuse_closed(row)
            is_open = row["stuck_reason"] is not None or row["due_at"] is not None
            if is_open and row["lease"] is None:
                values = {"invoice": row["invoice"], "now": micros(now)}
                await tx.run(
                    "retry_invoice", **values, wait=wait // timedelta(microseconds=1)
                )

    async def cancel(self, id_: str) -> None:
        """Withdraw an invoice that was never sent; raise `Conflict` if it was."""
        async with self.database.writing() as tx:
            row = _stored(await tx.row("lock_invoice_by_id", id=id_))
            _refuse_erased(row)
            if row["closed_reason"] is not None:
                return
            _refuse_leased(row)
            if _was_sent(row):
                raise Conflict(
                    "the invoice was sent to VTEX",
                    hint="correct it in VTEX; a return is an invoice of type Input",
                )
            await tx.run("cancel_invoice", invoice=row["invoice"])

    async def mark_delivered(self, id_: str, by: str, now: datetime) -> None:
        """Have the package of a posted return marked as delivered.

        Raises `Conflict` for an invoice to the shopper, and for one not posted yet.
        """
        async with self.database.writing() as tx:
            row = _stored(await tx.row("lock_invoice_by_id", id=id_))
            _refuse_closed(row)
            _refuse_leased(row)
            if row["type"] != InvoiceType.INPUT:
                raise Conflict(
                    "not a return",
                    field="type",
                    hint="deliveries to shoppers come from the carrier; see shipments",
                )
            if row["posted_at"] is None:
                raise Conflict("the return is not posted yet", hint="wait until it is")
            if row["delivered_at"] is None:
                values = {"invoice": row["invoice"], "now": micros(now), "by": by}
                await tx.run("request_delivery_of_return", **values)


async def _register(
    tx: Transaction,
    order: InvoiceOrder,
    parcel: RegistrationResult | None,
    now: datetime,
) -> InvoiceRegistration:
    sent = order.notification
    body = storable_json(sent.body())
    key = _key(sent)
    content = {
        "type": sent.type.value,
        "value": str(sent.value),
        "body": dumps(body),
        "warnings": warnings_text(order.warnings),
        "by": order.by,
        "now": micros(now),
    }
    id_ = new_id(now)
    if await tx.row("add_invoice", **key, **content, id=id_) is not None:
        return InvoiceRegistration(id_, created=True, shipment=parcel)
    row = await tx.row("lock_invoice", **key)
    assert row is not None  # noqa: S101 -- inserting it found it
    _refuse_erased(row)
    known = loads(row["body"])
    again = row["closed_reason"] is not None
    updated = tuple(n for n in {**known, **body} if known.get(n) != body.get(n))
    if again or (updated and not _was_sent(row)):
        _refuse_leased(row)
        await tx.run("replace_invoice", **content, invoice=row["invoice"])
    elif without_tracking(known) != without_tracking(body):
        raise _other(updated)
    return InvoiceRegistration(row["id"], again, updated, parcel)


def _key(sent: InvoiceNotification) -> Mapping[str, Any]:
    return {
        "account": sent.account,
        "order_id": sent.order_id,
        "invoice_number": sent.invoice_number,
    }


def _other(updated: Iterable[str]) -> Conflict:
    """Return the error for an invoice that VTEX may have with another content."""
    names = [name for name in updated if name not in TRACKING_FIELDS]
    return Conflict(
        f"the invoice was sent to VTEX with another {', '.join(names)}",
        field=names[0],
        hint="VTEX would overwrite it: send another invoiceNumber, or correct the "
        "invoice in VTEX",
    )


def _was_sent(row: Row) -> bool:
    """Whether VTEX has the invoice, or may have it."""
    return row["posted_at"] is not None or row["pending"] is not None


def no_such_invoice() -> NotFound:
    """Return the error for an unknown id."""
    return NotFound(
        "no invoice has this id", hint="list invoices to see those that are registered"
    )


def _stored(row: Row | None) -> Row:
    if row is None:
        raise no_such_invoice()
    return row


def _refuse_leased(row: Row) -> None:
    if row["lease"] is not None:
        raise Conflict("the invoice is being posted now", hint=_AT_ONCE)


def _refuse_erased(row: Row) -> None:
    if row["closed_reason"] == ERASED_INVOICE:
        raise Conflict(
            "the order's personal data was erased",
            hint="it cannot be registered any more",
            code=ProblemCode.ERASED,
        )


def _refuse_closed(row: Row) -> None:
    _refuse_erased(row)
    if row["closed_reason"] is not None:
        raise Conflict(
            "the invoice was cancelled",
            hint="POST it again to register it again",
            code=ProblemCode.CANCELLED,
        )
