"""Post invoices for the ERP, show their states, and correct what is stuck."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from relay.clock import moment
from relay.registration.invoice_registrar import InvoiceRegistrar
from relay.registration.invoice_requests import InvoiceNotificationRequest
from relay.service.access import Caller, ListScope
from relay.service.context import AuditEntry, ServiceContext
from relay.service.cursors import read_row_cursor, row_cursor
from relay.service.invoice_models import (
    InvoiceAnswer,
    InvoiceDetail,
    InvoiceList,
    InvoiceSummary,
)
from relay.service.lookup import without_date
from relay.service.models import WarningLine
from relay.service.queries import InvoiceQuery
from relay.service.timeline_models import CallLine
from relay.store.codec import at, loads
from relay.store.database import Row
from relay.store.invoice_lists import InvoiceFilter, InvoiceLists, ListedInvoice
from relay.store.invoice_warnings import stored_warnings
from relay.store.invoices import (
    InvoiceOrder,
    InvoiceRegistration,
    Invoices,
    no_such_invoice,
)


@dataclass(frozen=True, slots=True)
class RegisteredInvoice:
    """The answer to an invoice, and whether it was new."""

    answer: InvoiceAnswer
    created: bool


@dataclass(frozen=True, slots=True)
class InvoiceService:
    """Operations on invoices.

    Each raises `NotFound` for an invoice that does not exist for the caller, and
    `Conflict` if its state does not allow the change.
    """

    context: ServiceContext

    @property
    def _store(self) -> Invoices:
        return Invoices(self.context.database, self.context.labels)

    @property
    def _lists(self) -> InvoiceLists:
        return InvoiceLists(self.context.database)

    async def register(
        self, caller: Caller, request: InvoiceNotificationRequest
    ) -> RegisteredInvoice:
        """Store an invoice to be posted, and its parcel if it has one.

        The same request again changes nothing. Raises `InvalidLabel` and `Conflict`.
        """
        context, now = self.context, self.context.now()
        visible = [a for a in context.settings.accounts if caller.sees(a)]
        registrar = InvoiceRegistrar(context.registrar)
        checked = registrar.invoice(request, now, visible)
        label, warnings = checked.label, checked.warnings
        if label is not None:
            label = replace(label, visible=caller.visible)
            if label.dispatched_date is None:
                warnings = (*warnings, without_date(context, label.contract))
        order = InvoiceOrder(checked.notification, warnings, label, caller.name)
        done = await self._store.register(order, now)
        context.wake.publisher()
        listed = await self._found(caller, done.id)
        return RegisteredInvoice(self._registered(caller, done, listed), done.created)

    def _registered(
        self, caller: Caller, done: InvoiceRegistration, listed: ListedInvoice
    ) -> InvoiceAnswer:
        did = "invoice registered" if done.created else "invoice registered again"
        self._audit(caller, did, listed)
        answer = _answer(listed, done.updated)
        if done.shipment is None:
            return answer
        of_parcel = WarningLine.each(done.shipment.warnings)
        more = {
            "shipment": done.shipment.id,
            "warnings": (*answer.warnings, *of_parcel),
        }
        return answer.model_copy(update=more)

    async def page(self, caller: Caller, query: InvoiceQuery) -> InvoiceList:
        """Return a page of invoices, the newest first.

        Raises `InvalidLabel` for an unknown account.
        """
        context = self.context
        scope = ListScope(context.settings, caller.accounts, query.account)
        await scope.check(context.database)
        accounts = scope.accounts()
        wanted = InvoiceFilter(
            accounts=None if accounts is None else sorted(accounts),
            order_id=query.order_id,
            invoice_number=query.invoice_number,
            state=query.state,
        )
        before = read_row_cursor(query.cursor)
        page = await self._lists.page(
            wanted, context.now(), limit=query.limit, before=before
        )
        return InvoiceList(
            invoices=tuple(InvoiceSummary(**_summary(i)) for i in page.invoices),
            next=row_cursor(page.next),
        )

    async def show(self, caller: Caller, id_: str) -> InvoiceDetail:
        """Return an invoice with its calls to VTEX."""
        listed = await self._found(caller, id_)
        row = listed.row
        calls = await self._lists.calls(row["invoice"])
        content = loads(row["body"])
        content.pop("embeddedInvoice", None)
        return InvoiceDetail(
            **_summary(listed),
            content=content,
            receipt=row["receipt"],
            registered_by=row["registered_by"],
            delivery_requested_at=at(row["delivery_requested_at"]),
            delivery_requested_by=row["delivery_requested_by"],
            calls=tuple(map(_call, calls)),
        )

    async def retry(self, caller: Caller, id_: str) -> InvoiceAnswer:
        """Post at once and clear earlier failures, stuck or not."""
        await self._found(caller, id_)
        wait = self.context.settings.publisher.unconfirmed_wait_seconds
        await self._store.retry(id_, wait, self.context.now())
        self.context.wake.publisher()
        return await self._changed(caller, id_, "invoice retry requested")

    async def cancel(self, caller: Caller, id_: str) -> InvoiceAnswer:
        """Withdraw an invoice that was not sent yet."""
        await self._found(caller, id_)
        await self._store.cancel(id_)
        return await self._changed(caller, id_, "invoice cancelled")

    async def mark_delivered(self, caller: Caller, id_: str) -> InvoiceAnswer:
        """Have VTEX show a return as arrived, so that the order is not undelivered."""
        await self._found(caller, id_)
        await self._store.mark_delivered(id_, caller.name, self.context.now())
        self.context.wake.publisher()
        return await self._changed(caller, id_, "return marked as delivered")

    async def _found(self, caller: Caller, id_: str) -> ListedInvoice:
        listed = await self._lists.one(id_, self.context.now())
        if listed is None or not caller.sees(listed.row["account"]):
            raise no_such_invoice()
        return listed

    async def _changed(self, caller: Caller, id_: str, did: str) -> InvoiceAnswer:
        listed = await self._found(caller, id_)
        self._audit(caller, did, listed)
        return _answer(listed, ())

    def _audit(self, caller: Caller, did: str, listed: ListedInvoice) -> None:
        row = listed.row
        about = {
            "account": row["account"],
            "order": row["order_id"],
            "invoice": row["invoice_number"],
            "type": row["type"],
            "value": row["value"],
            "id": row["id"],
        }
        self.context.audit(AuditEntry(did, caller.name, about))


def _answer(listed: ListedInvoice, updated: tuple[str, ...]) -> InvoiceAnswer:
    return InvoiceAnswer(
        id=listed.row["id"],
        state=listed.status.state,
        why=listed.status.why,
        updated=updated,
        warnings=_warnings(listed.row),
    )


def _warnings(row: Row) -> tuple[WarningLine, ...]:
    given, found = row["warnings"], row["order_warnings"]
    return WarningLine.each((*stored_warnings(given), *stored_warnings(found)))


def _summary(listed: ListedInvoice) -> Mapping[str, Any]:
    row = listed.row
    names = ("id", "account", "order_id", "invoice_number", "type")
    return {name: row[name] for name in names} | {
        "invoice_value": row["value"],
        "state": listed.status.state,
        "why": listed.status.why,
        "registered_at": moment(row["registered_at"]),
        "last_tried_at": at(row["tried_at"]),
        "posted_at": at(row["posted_at"]),
        "delivered_at": at(row["delivered_at"]),
        "warnings": _warnings(row),
    }


def _call(row: Row) -> CallLine:
    """Return a call; what a post sent is the invoice's content."""
    names = ("kind", "sent", "status", "message")
    return CallLine(
        **{name: row[name] for name in names},
        id=row["call"],
        body=None,
        stored_at=moment(row["stored_at"]),
        answered_at=at(row["answered_at"]),
        receipt=None,
    )
