"""What VTEX does with a valid call, before any fault is applied."""

from collections.abc import Mapping
from datetime import datetime

from relay.sandbox import answers
from relay.sandbox.answers import VtexAnswer
from relay.sandbox.checks import (
    PartialInvoice,
    RejectedCall,
    TrackingStatus,
    check_headers,
    parse_partial_invoice,
    parse_tracking_status,
)
from relay.sandbox.credentials import Role
from relay.sandbox.effects import Accepted
from relay.sandbox.emails import of_tracking, of_tracking_number
from relay.sandbox.invoices import judge_invoice, parse_invoice
from relay.sandbox.orders import Invoice, Order, fulfilment_id, order_shape
from relay.sandbox.records import Call
from relay.sandbox.statuses import REFUSING
from relay.sandbox.world import World


def decide(
    world: World, call: Call, headers: Mapping[str, str], body: bytes
) -> Accepted:
    """Return the effect of a call; raises `RejectedCall` if VTEX would refuse it."""
    now = world.options.clock()
    _check_route(call)
    needed: Role = "view_order" if call.kind == "get" else "notify_invoice"
    check_role(world, call, headers, needed)
    if " " in (call.invoice_number or ""):
        # VTEX: known issue 409225, a space in the number answers 500
        raise RejectedCall(answers.broken())
    check_headers(headers, with_body=call.kind != "get")
    match call.kind:
        case "post":
            notified = parse_invoice(body)
            return judge_invoice(world, call, _order(world, call), notified, now)
        case "patch":
            return _judge_patch(world, call, parse_partial_invoice(body), now)
        case "put":
            return _judge_put(world, call, parse_tracking_status(body), now)
        case _:
            order = _order(world, call)
            return Accepted(VtexAnswer(200, order_shape(order, now)))


def _check_route(call: Call) -> None:
    if call.order_id is None:
        raise RejectedCall(answers.no_route(), "route", f"no route for {call.path}")
    if call.kind == "other":
        message = f"{call.method} is not supported by {call.path}"
        raise RejectedCall(answers.method_not_allowed(), "method", message)


def check_role(
    world: World, call: Call, headers: Mapping[str, str], needed: Role
) -> None:
    """Refuse a call whose key pair is invalid, or lacks the role *needed*."""
    roles = world.credentials.roles(call.account, headers)
    if roles is None:
        raise RejectedCall(answers.unauthorized())
    if needed not in roles:
        raise RejectedCall(answers.forbidden())


def _order(world: World, call: Call) -> Order:
    order = world.orders.find(call.account, call.order_id or "")
    if order is None:
        raise RejectedCall(answers.order_not_found())
    return order


def _invoice(
    world: World, order: Order, call: Call, now: datetime, *, returns: bool = False
) -> Invoice:
    if order.status(now) in REFUSING:
        raise RejectedCall(answers.order_closed())
    invoice = order.addressed(call.invoice_number or "", now, returns=returns)
    if invoice is None:
        raise RejectedCall(_no_invoice(world, call))
    return invoice


def _no_invoice(world: World, call: Call) -> VtexAnswer:
    if world.no_invoice == "text":
        return answers.invoice_not_found()
    return answers.invoice_gone(call.kind, earlier=world.no_invoice == "earlier")


def _judge_patch(
    world: World, call: Call, partial: PartialInvoice, now: datetime
) -> Accepted:
    order = _order(world, call)
    invoice = _invoice(world, order, call, now)

    def change(at: datetime) -> bool:
        order.change(at)
        emails = of_tracking_number(
            invoice, partial.tracking_number, partial.tracking_url
        )
        world.records.email(call, invoice.number, emails, at)
        return invoice.send_tracking(partial)

    answer = answers.receipt(now, fulfilment_id(order.id))
    return Accepted(answer, change, tuple(_wrong_in_patch(invoice, partial)))


def _judge_put(
    world: World, call: Call, status: TrackingStatus, now: datetime
) -> Accepted:
    order = _order(world, call)
    invoice = _invoice(world, order, call, now, returns=True)
    if not invoice.tracking_number and invoice.type == "Output":
        message = "The invoice has no tracking number."
        answer = answers.invalid({"trackingNumber": [message]})
        raise RejectedCall(answer, "put-before-patch", message)

    def change(at: datetime) -> bool:
        order.change(at)
        emails = of_tracking(invoice, status)
        world.records.email(call, invoice.number, emails, at)
        return invoice.track(status, world.mode_of(order.account), at)

    answer = answers.receipt(now, order.id)
    return Accepted(answer, change, tuple(_wrong_in_put(invoice, status)))


def _wrong_in_patch(invoice: Invoice, partial: PartialInvoice) -> list[tuple[str, str]]:
    """Return a violation per blanked field: an empty text, or null over a value."""
    fields = {
        "trackingNumber": (invoice.tracking_number, partial.tracking_number),
        "trackingUrl": (invoice.tracking_url, partial.tracking_url),
        "courier": (invoice.courier, partial.courier),
    }
    return [
        ("blanked", f"{name}: changed from {old!r} to {new!r}")
        for name, (old, new) in fields.items()
        if new == "" or (old and new is None)
    ]


def _wrong_in_put(invoice: Invoice, status: TrackingStatus) -> list[tuple[str, str]]:
    """Return what VTEX accepts but shows wrongly to shoppers or in e-mails."""
    wrong = []
    if invoice.type == "Input" and (status.events or not status.is_delivered):
        wrong.append(("events-of-return", "a return is only marked as delivered"))
    if invoice.finished and not status.is_delivered:
        wrong.append(("un-delivered", "isDelivered: false after true"))
    if status.is_delivered and status.delivered_date is None:
        wrong.append(
            ("no-delivered-date", "deliveredDate: required when isDelivered is true")
        )
    if status.delivered_date is not None and not status.is_delivered:
        wrong.append(
            (
                "early-delivered-date",
                "deliveredDate: must be null while isDelivered is false",
            )
        )
    times = [event.happened_at for event in status.events]
    if times != sorted(times):
        wrong.append(("unsorted", "events: must be sorted, oldest first"))
    texts = [(e.happened_at, e.description, e.city, e.state) for e in status.events]
    if len(set(texts)) < len(texts):
        wrong.append(("twice", "events: the same event appears twice"))
    return wrong
