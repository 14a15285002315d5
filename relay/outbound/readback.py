"""Reading an order back: the outcome of unconfirmed writes and of deliveries; pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from relay.clock import micros
from relay.domain.shipment import PublishedEvent, UnconfirmedWrite
from relay.outbound.exchanged import shown_of
from relay.outbound.order_check import check_order, package_of
from relay.outbound.settlement import Outcome, OutcomeContext, stuck
from relay.outbound.steps import tracking_in
from relay.store.snapshots import (
    Change,
    Claim,
    published_key,
    tracking_sent,
    with_snapshot,
)
from relay.vtex.orders import PackageView, shows_tracking_number

STILL_DELIVERED: Final = (
    "VTEX still shows the delivery after it was taken back; correct the order in "
    "VTEX's Admin or ask VTEX's support, then retry"
)


def settle_unconfirmed(
    claim: Claim, payload: object, context: OutcomeContext
) -> Outcome:
    """Accept what VTEX shows of an unconfirmed write, and drop the rest.

    What is dropped is planned and sent again.
    """
    package, pending = package_of(claim.snapshot, payload), claim.snapshot.pending
    if package is None or pending is None:
        return _settle_elsewhere(claim, payload, context)
    if pending.kind == "send_tracking_number":
        return _settle_tracking(claim, pending, package)
    return _settle_events(claim, pending, package, context)


def _settle_elsewhere(
    claim: Claim, payload: object, context: OutcomeContext
) -> Outcome:
    """Drop the write if VTEX has the invoice under another number now, else wait."""
    shipment = claim.snapshot.shipment
    dropped = with_snapshot(claim, pending=None, published=claim.snapshot.accepted)
    found = check_order(dropped, payload, context)
    if found.settlement is not None:
        return Outcome(claim, settlement=found.settlement)
    changes: tuple[Change, ...] = (
        ("delete_unaccepted", {"shipment": shipment}),
        ("clear_pending", {"shipment": shipment, "delivery_refuted": 1}),
    )
    delivered = claim.snapshot.delivered_published
    settled = with_snapshot(found.claim, delivered_sent=delivered)
    return replace(found, claim=settled, changes=(*changes, *found.changes))


def _settle_tracking(
    claim: Claim, pending: UnconfirmedWrite, package: PackageView
) -> Outcome:
    shipment = claim.snapshot.shipment
    sent = tracking_in(pending.body)
    settled = with_snapshot(
        claim, pending=None, in_doubt_since=None, order_checked=True
    )
    if not shows_tracking_number(
        package, sent.tracking_number, sent.tracking_url, sent.courier
    ):
        row = {"shipment": shipment, "delivery_refuted": 0}
        return Outcome(settled, (("clear_pending", row),))
    accepted = {"shipment": shipment, "tracking_sent_as": tracking_sent(sent)}
    return Outcome(
        with_snapshot(settled, tracking_sent_as=sent),
        (("accept_tracking", accepted),),
    )


def _settle_events(
    claim: Claim,
    pending: UnconfirmedWrite,
    package: PackageView,
    context: OutcomeContext,
) -> Outcome:
    snapshot, now = claim.snapshot, context.now
    sent = [e for e in snapshot.published if not e.accepted]
    # A delivery and its events are sent in one body: if it arrived, all did.
    delivered = pending.is_delivered and package.finished
    shown = sent if delivered else shown_of(sent, package, context.policy.zone)
    changes = [
        *accept(shown, snapshot.shipment, now),
        ("delete_unaccepted", {"shipment": snapshot.shipment}),
    ]
    if delivered:
        row = {"is_delivered": 1, "read_back": 0, "now": micros(now)}
        changes.append(("accept_publishing", row | {"shipment": snapshot.shipment}))
    else:
        refuted = int(pending.is_delivered)
        row = {"shipment": snapshot.shipment, "delivery_refuted": refuted}
        changes.append(("clear_pending", row))
    settled = with_snapshot(
        claim,
        published=(*snapshot.accepted, *(replace(e, accepted=True) for e in shown)),
        pending=None,
        delivered_published=snapshot.delivered_published or delivered,
        delivered_sent=snapshot.delivered_sent
        and not (pending.is_delivered and not delivered),
        in_doubt_since=None if delivered else snapshot.in_doubt_since,
    )
    return Outcome(settled, tuple(changes))


def accept(
    published: Sequence[PublishedEvent], shipment: int, now: datetime
) -> list[Change]:
    """Return the changes that mark events as accepted."""
    return [
        ("accept_published", published_key(e, shipment) | {"now": micros(now)})
        for e in published
    ]


def verify_taken_back(
    claim: Claim, payload: object, context: OutcomeContext
) -> Outcome:
    """Read whether VTEX took back a delivery that an operator had withdrawn.

    VTEX does not document what `isDelivered: false` does after `true`.
    """
    del context
    package = package_of(claim.snapshot, payload)
    if package is not None and package.finished:
        return Outcome(claim, settlement=stuck(STILL_DELIVERED))
    row = {"shipment": claim.snapshot.shipment}
    return Outcome(
        with_snapshot(claim, taking_back=None), (("delivery_taken_back", row),)
    )
