"""The order check before the first write: is the invoice there, and what it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.config.sections import PublisherSettings
from relay.domain.next_update import tracking_to_send, unpublished_events
from relay.domain.publishable import publishable
from relay.domain.shipment import (
    KnownEvent,
    Policy,
    PublishedEvent,
    SentTrackingNumber,
    Snapshot,
)
from relay.domain.shopper_texts import text_forms
from relay.outbound.event_objects import to_publish
from relay.outbound.exchanged import find_exchanged, published_again, shown_of
from relay.outbound.list_mode import shown_before
from relay.outbound.order_end import while_cancelling
from relay.outbound.plan import published_row
from relay.outbound.settlement import Outcome, OutcomeContext, Settlement, not_yet
from relay.store.codec import dumps
from relay.store.snapshots import Change, Claim, tracking_sent, with_snapshot
from relay.vtex.orders import (
    Difference,
    DifferentNumber,
    FoundPackage,
    OrderView,
    PackageView,
    find_package,
    parse_order,
    shows_tracking_number,
)

_DIFFERENCES: Final[Mapping[Difference, str]] = {
    "zeros": "leading zeros differ",
    "series": "the series differs",
    "key": "the invoice key is the same",
    "exchanged": "the ERP exchanged the invoice",
}


def check_order(claim: Claim, payload: object, context: OutcomeContext) -> Outcome:
    """Find the invoice in the order; skip the first write if VTEX shows its values.

    With `adopt_invoice_number`, an invoice that VTEX shows under a number in another
    form, or that the ERP exchanged, is addressed by that number from now on.
    """
    now, waits = context.now, context.waits
    order = parse_order(payload)
    if order is None:
        shown = "an answer that is not an order"
        return Outcome(claim, settlement=not_shown(claim, now, waits, shown))
    if waiting := while_cancelling(claim, order, context):
        return Outcome(claim, settlement=waiting)
    claim = with_snapshot(claim, closed_reason=None)
    found = _find(order, claim.snapshot) or find_exchanged(order, claim.snapshot)
    if found is None:
        shown = _invoices(order)
        return Outcome(claim, settlement=not_shown(claim, now, waits, shown))
    if isinstance(found, FoundPackage):
        return _found(claim, found.package, context)
    number = found.package.invoice_number
    if context.terms.adopt_invoice_number:
        return _found(claim, found.package, context)
    shown = (
        f"it as {number!r} ({_DIFFERENCES[found.by]}); register that number, or set "
        "adopt_invoice_number for the account"
    )
    return Outcome(claim, settlement=not_shown(claim, now, waits, shown))


def check_imported(claim: Claim, payload: object, context: OutcomeContext) -> Outcome:
    """Check the order, and accept the events that VTEX already shows.

    While no event is known there is nothing to compare; the order is read again
    before the first write that has one.
    """
    checked = check_order(claim, payload, context)
    package = package_of(claim.snapshot, payload)
    if checked.settlement is not None or package is None:
        return checked
    compared, changes = _compare(checked.claim, package, context)
    return replace(checked, claim=compared, changes=(*checked.changes, *changes))


def package_of(snapshot: Snapshot, payload: object) -> PackageView | None:
    """Return the invoice's package in an order, or None if VTEX does not show it."""
    order = parse_order(payload)
    found = _find(order, snapshot) if order is not None else None
    return found.package if isinstance(found, FoundPackage) else None


def _find(
    order: OrderView, snapshot: Snapshot
) -> FoundPackage | DifferentNumber | None:
    return find_package(
        order,
        snapshot.invoice_number,
        snapshot.invoice_key,
        snapshot.vtex_invoice_number,
    )


def _found(claim: Claim, package: PackageView, context: OutcomeContext) -> Outcome:
    """Note the check; a PATCH with equal values would repeat the shopper's e-mail.

    An invoice that was exchanged lacks tracking: what it does not show is sent to it.
    """
    number, was = package.invoice_number, claim.snapshot
    if number != was.addressed_as:
        claim = with_snapshot(claim, vtex_invoice_number=number)
    claim = with_snapshot(claim, order_checked=True)
    changes: list[Change] = [("record_order_read", _checked_row(claim, context.now))]
    is_new = number != was.addressed_as or not package.tracking_number
    if was.tracking_sent_as is not None and is_new:
        claim, again = published_again(claim, package, context)
        changes += again
        if was.tracking_sent_as.stated and package.tracking_number:
            # What the relay never sent, it does not send over what others wrote.
            return _accept(claim, was.tracking_sent_as, changes)
    claim, remembered = _remembered(claim, package)
    changes += remembered
    snapshot = claim.snapshot
    tracking = tracking_to_send(snapshot, context.policy)
    if tracking is None or not shows_tracking(tracking, package):
        return Outcome(claim, tuple(changes))
    return _accept(claim, tracking, changes)


def _accept(
    claim: Claim, tracking: SentTrackingNumber, changes: Sequence[Change]
) -> Outcome:
    """Count the tracking number as VTEX's already."""
    row = {
        "shipment": claim.snapshot.shipment,
        "tracking_sent_as": tracking_sent(tracking),
    }
    claim = with_snapshot(claim, tracking_sent_as=tracking)
    return Outcome(claim, (*changes, ("accept_tracking", row)))


def _remembered(claim: Claim, package: PackageView) -> tuple[Claim, list[Change]]:
    """Remember events of other systems: whether they stay tells what updates do."""
    before = shown_before(claim.snapshot, package)
    if not before:
        return claim, []
    row = {"shipment": claim.snapshot.shipment, "shown_before": dumps(sorted(before))}
    known = replace(claim.snapshot.read_back, shown_before=before)
    return with_snapshot(claim, read_back=known), [("record_shown_before", row)]


def _checked_row(claim: Claim, now: datetime) -> Mapping[str, Any]:
    return {
        "shipment": claim.snapshot.shipment,
        "now": micros(now),
        "vtex_invoice_number": claim.snapshot.vtex_invoice_number,
    }


def shows_tracking(wanted: SentTrackingNumber, package: PackageView) -> bool:
    """Whether VTEX shows the tracking number, URL and courier that it should have."""
    return shows_tracking_number(
        package, wanted.tracking_number, wanted.tracking_url, wanted.courier
    )


def not_shown(
    claim: Claim, now: datetime, waits: PublisherSettings, shown: str
) -> Settlement:
    """Wait for the invoice at growing intervals; *shown* is what VTEX shows instead.

    Labels are often printed before the ERP invoices the order in VTEX.
    """
    when = "any more" if claim.snapshot.tracking_sent_as else "yet"
    because = f"VTEX does not show the invoice {when}; it shows {shown}"
    return not_yet(claim, now, waits, because)


def _invoices(order: OrderView) -> str:
    numbers = ", ".join(p.invoice_number for p in order.packages)
    return f"invoices {numbers}" if numbers else "no invoice"


def shown_in_any_form(
    events: Sequence[KnownEvent],
    snapshot: Snapshot,
    package: PackageView,
    policy: Policy,
) -> list[PublishedEvent]:
    """Return those of *events* that VTEX shows, in the form in which it shows them.

    Whatever sent them may have had other settings for texts. An event in two forms
    would be two events for shoppers, so the shown one stays.
    """
    found: dict[int, PublishedEvent] = {}
    for form in text_forms(policy):
        left = [e for e in events if id(e) not in found]
        sent = [to_publish(e, snapshot, form) for e in left]
        shown = {id(one) for one in shown_of(sent, package, policy.zone)}
        pairs = zip(left, sent, strict=True)
        found |= {id(e): one for e, one in pairs if id(one) in shown}
    return [found[id(e)] for e in events if id(e) in found]


def _compare(
    claim: Claim, package: PackageView, context: OutcomeContext
) -> tuple[Claim, list[Change]]:
    """Accept the events that VTEX shows by instant and text, and a delivery.

    A delivery counts whatever its text or sender: it is never undone.
    """
    snapshot, now, policy = claim.snapshot, context.now, context.policy
    assessment = publishable(snapshot, now, policy)
    fresh = unpublished_events(snapshot, assessment)
    delivers = assessment.delivered_at is not None or package.finished
    if not fresh and not delivers:
        return claim, []
    shown = shown_in_any_form(fresh, snapshot, package, policy)
    row = {"shipment": snapshot.shipment, "now": micros(now)}
    changes: list[Change] = [
        *(("accept_shown", published_row(e, snapshot.shipment, now)) for e in shown),
        ("record_comparison", row),
    ]
    if package.finished:
        changes.append(("accept_publishing", row | {"is_delivered": 1, "read_back": 0}))
    compared = with_snapshot(
        claim,
        published=(*snapshot.published, *(replace(e, accepted=True) for e in shown)),
        compared=True,
        delivered_published=snapshot.delivered_published or package.finished,
    )
    return compared, changes
