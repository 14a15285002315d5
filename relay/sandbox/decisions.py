"""Decides what VTEX does with a call, before any fault spoils it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from relay.sandbox import answers
from relay.sandbox.answers import VtexAnswer
from relay.sandbox.checks import (
    PartialInvoice,
    RejectedCall,
    TrackingStatus,
    check_headers,
    read_partial_invoice,
    read_tracking_status,
)
from relay.sandbox.credentials import Role
from relay.sandbox.orders import Invoice, Order, fulfilment_id, order_shape
from relay.sandbox.records import Target
from relay.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call that VTEX accepts, what it changes, and what is wrong all the same."""

    answer: VtexAnswer
    change: Callable[[datetime], bool] | None = None
    faux_pas: tuple[tuple[str, str], ...] = ()


def decide(
    world: World, target: Target, headers: Mapping[str, str], body: bytes
) -> Accepted:
    """Return what an acceptable call does; raises `Refused` for any other."""
    now = world.options.clock()
    _check_route(target)
    _check_role(world, target, headers)
    if " " in (target.invoice_number or ""):
        raise RejectedCall(answers.broken())
    check_headers(headers, with_body=target.kind != "get")
    match target.kind:
        case "patch":
            return _judge_patch(world, target, read_partial_invoice(body), now)
        case "put":
            return _judge_put(world, target, read_tracking_status(body), now)
        case _:
            order = _order(world, target)
            return Accepted(VtexAnswer(200, order_shape(order, now)))


def _check_route(target: Target) -> None:
    if not target.routed:
        raise RejectedCall(answers.no_route(), "route", f"no route for {target.path}")
    if target.kind == "other":
        message = f"{target.method} is not for {target.path}"
        raise RejectedCall(answers.method_not_allowed(), "method", message)


def _check_role(world: World, target: Target, headers: Mapping[str, str]) -> None:
    roles = world.credentials.roles(target.account, headers)
    if roles is None:
        raise RejectedCall(answers.unauthorized())
    needed: Role = "view_order" if target.kind == "get" else "notify_invoice"
    if needed not in roles:
        raise RejectedCall(answers.forbidden())


def _order(world: World, target: Target) -> Order:
    order = world.orders.find(target.account, target.order_id or "")
    if order is None:
        raise RejectedCall(answers.order_not_found())
    return order


def _invoice(order: Order, target: Target, now: datetime) -> Invoice:
    invoice = order.addressed(target.invoice_number or "", now)
    if invoice is None:
        raise RejectedCall(answers.invoice_not_found())
    return invoice


def _judge_patch(
    world: World, target: Target, partial: PartialInvoice, now: datetime
) -> Accepted:
    order = _order(world, target)
    invoice = _invoice(order, target, now)

    def change(at: datetime) -> bool:
        order.changed_at = at
        return invoice.send_tracking(partial)

    answer = answers.receipt(now, fulfilment_id(order.id))
    return Accepted(answer, change, tuple(_wrong_in_patch(invoice, partial)))


def _judge_put(
    world: World, target: Target, published: TrackingStatus, now: datetime
) -> Accepted:
    order = _order(world, target)
    invoice = _invoice(order, target, now)
    if not invoice.tracking_number:
        message = "The invoice has no tracking number."
        answer = answers.invalid({"trackingNumber": [message]})
        raise RejectedCall(answer, "put-before-patch", message)

    def change(at: datetime) -> bool:
        order.changed_at = at
        return invoice.track(published, world.mode, at)

    answer = answers.receipt(now, order.id)
    return Accepted(answer, change, tuple(_wrong_in_put(invoice, published)))


def _wrong_in_patch(invoice: Invoice, partial: PartialInvoice) -> list[tuple[str, str]]:
    """Name what blanks fields: an empty text, or null where there was a value."""
    fields = {
        "trackingNumber": (invoice.tracking_number, partial.tracking_number),
        "trackingUrl": (invoice.tracking_url, partial.tracking_url),
        "courier": (invoice.courier, partial.courier),
    }
    return [
        ("blanked", f"{name} was {old!r} and is {new!r} now")
        for name, (old, new) in fields.items()
        if new == "" or (old and new is None)
    ]


def _wrong_in_put(invoice: Invoice, published: TrackingStatus) -> list[tuple[str, str]]:
    """Name what VTEX takes and shoppers or mails get wrong."""
    wrong = []
    if invoice.finished and not published.is_delivered:
        wrong.append(("un-delivered", "isDelivered false after true"))
    if published.is_delivered and published.delivered_date is None:
        wrong.append(("no-delivered-date", "isDelivered true without deliveredDate"))
    if published.delivered_date is not None and not published.is_delivered:
        wrong.append(("early-delivered-date", "deliveredDate, isDelivered false"))
    times = [event.happened_at for event in published.events]
    if times != sorted(times):
        wrong.append(("unsorted", "events are not oldest first"))
    texts = [(e.happened_at, e.description, e.city, e.state) for e in published.events]
    if len(set(texts)) < len(texts):
        wrong.append(("twice", "the same event stands twice in one call"))
    return wrong
