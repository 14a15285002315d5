"""What an order that was read says before the first announcement; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from relay.clock import micros
from relay.domain.next_update import as_object, unpublished_events
from relay.domain.publishable import publishable
from relay.domain.shipment import Policy, PublishedEvent, Snapshot, UnconfirmedWrite
from relay.outbound.plan import as_json_value, published_row, tracking_in
from relay.outbound.settlement import Settlement, Waits, postponed, slower, stuck
from relay.store.snapshots import (
    Change,
    Claim,
    published_key,
    tracking_sent,
    with_snapshots,
)
from relay.vtex.bodies import TrackingObject
from relay.vtex.orders import (
    DifferentNumber,
    OrderView,
    PackageView,
    find_package,
    parse_order,
    shown_objects,
    shows_tracking_number,
)

ORDER_CANCELLED = "order_cancelled"


@dataclass(frozen=True, slots=True)
class OrderCheck:
    """What was seen; `differs` is the number that VTEX writes otherwise."""

    claim: Claim
    changes: tuple[Change, ...] = ()
    settlement: Settlement | None = None
    differs: str | None = None


def package_of(snapshot: Snapshot, payload: object) -> PackageView | None:
    """Return the invoice's package in an order that was read, if it is there."""
    order = parse_order(payload)
    if order is None:
        return None
    found = find_package(
        order,
        snapshot.invoice_number,
        snapshot.invoice_key,
        snapshot.vtex_invoice_number,
    )
    return (
        None if found is None or isinstance(found, DifferentNumber) else found.package
    )


def check_order(
    claim: Claim, payload: object, now: datetime, _zone: ZoneInfo, waits: Waits
) -> OrderCheck:
    """Find the invoice; what VTEX shows as ours needs no announcement."""
    snapshot = claim.snapshot
    order = parse_order(payload)
    if order is None:
        return OrderCheck(
            claim, settlement=not_shown(claim, now, waits, "an odd order")
        )
    if order.canceled:
        return OrderCheck(claim, settlement=Settlement(closes_because=ORDER_CANCELLED))
    found = find_package(
        order,
        snapshot.invoice_number,
        snapshot.invoice_key,
        snapshot.vtex_invoice_number,
    )
    if found is None:
        return OrderCheck(
            claim, settlement=not_shown(claim, now, waits, _numbers(order))
        )
    if isinstance(found, DifferentNumber):
        number = found.package.invoice_number
        because = f"the invoice as {number!r}: other {found.by}; register that number"
        settlement = not_shown(claim, now, waits, because)
        return OrderCheck(claim, settlement=settlement, differs=number)
    return _found(claim, found.package, now)


def _found(claim: Claim, package: PackageView, now: datetime) -> OrderCheck:
    snapshot = claim.snapshot
    row = {
        "shipment": snapshot.shipment,
        "now": micros(now),
        "vtex_invoice_number": None,
    }
    changes: tuple[Change, ...] = (("record_order_read", row),)
    if not shows_ours(snapshot, package):
        return OrderCheck(with_snapshots(claim, looked=True), changes)
    assert snapshot.tracking is not None  # noqa: S101 -- shows_ours looked
    accepted = {
        "shipment": snapshot.shipment,
        "tracking_sent_as": tracking_sent(snapshot.tracking),
    }
    anew = with_snapshots(claim, looked=True, tracking_sent_as=snapshot.tracking)
    return OrderCheck(anew, (*changes, ("accept_tracking", accepted)))


def shows_ours(snapshot: Snapshot, package: PackageView) -> bool:
    """Whether VTEX has the number, URL and courier that we hold."""
    ours = snapshot.tracking
    return ours is not None and shows_tracking_number(
        package, ours.tracking_number, ours.tracking_url, ours.courier
    )


def not_shown(claim: Claim, now: datetime, waits: Waits, shown: str) -> Settlement:
    """Wait for the invoice, slower and slower; say what VTEX shows instead."""
    because = f"VTEX does not show the invoice yet; it shows {shown}"
    if claim.failing_since and now - claim.failing_since > waits.not_yet_for:
        return stuck(because)
    wait = slower(claim.failing_since, now, least=waits.not_yet, most=waits.not_yet_cap)
    return postponed(now + wait, because)


def _numbers(order: OrderView) -> str:
    numbers = ", ".join(p.invoice_number for p in order.packages)
    return f"invoices {numbers}" if numbers else "no invoice"


def settle_unconfirmed(
    claim: Claim, payload: object, now: datetime, zone: ZoneInfo, waits: Waits
) -> OrderCheck:
    """Accept of the stored write what VTEX shows; forget the rest."""
    package = package_of(claim.snapshot, payload)
    if package is None or claim.snapshot.pending is None:
        return OrderCheck(
            claim, settlement=not_shown(claim, now, waits, "something else")
        )
    if claim.snapshot.pending.kind == "send_tracking":
        return _tracking_sent(claim, claim.snapshot.pending, package)
    return _published(claim, claim.snapshot.pending, package, now, zone)


def verify(
    claim: Claim, payload: object, now: datetime, _zone: ZoneInfo, waits: Waits
) -> OrderCheck:
    """Read a delivery back that followed a doubt.

    A difference counts when it is seen twice; then the delivery is told again.
    """
    package = package_of(claim.snapshot, payload)
    shipment = claim.snapshot.shipment
    if package is not None and package.finished:
        row = {"shipment": shipment, "now": micros(now)}
        return OrderCheck(
            with_snapshots(claim, in_doubt_since=None), (("confirm_delivery", row),)
        )
    if claim.failing_since is None:
        until = now + waits.read_back_again
        because = "VTEX does not show the delivery that it accepted"
        return OrderCheck(claim, settlement=postponed(until, because))
    anew = with_snapshots(
        claim,
        in_doubt_since=None,
        delivered_published=False,
        true_sent=False,
        closed_reason=None,
    )
    return OrderCheck(
        replace(anew, failing_since=None),
        (("retract_delivery", {"shipment": shipment}),),
    )


def _tracking_sent(
    claim: Claim, pending: UnconfirmedWrite, package: PackageView
) -> OrderCheck:
    shipment = claim.snapshot.shipment
    published = tracking_in(pending.body)
    anew = with_snapshots(claim, pending=None, in_doubt_since=None, looked=True)
    if not shows_tracking_number(
        package, published.tracking_number, published.tracking_url, published.courier
    ):
        row = {"shipment": shipment, "delivery_refuted": 0}
        return OrderCheck(anew, (("clear_pending", row),))
    accepted = {"shipment": shipment, "tracking_sent_as": tracking_sent(published)}
    return OrderCheck(
        with_snapshots(anew, tracking_sent_as=published),
        (("accept_tracking", accepted),),
    )


def _published(
    claim: Claim,
    pending: UnconfirmedWrite,
    package: PackageView,
    now: datetime,
    zone: ZoneInfo,
) -> OrderCheck:
    snapshot = claim.snapshot
    sent = [t for t in snapshot.published if not t.accepted]
    delivered = pending.is_delivered and package.finished
    shown = sent if delivered else shown_of(sent, package, zone)
    accepted = (*snapshot.accepted, *(replace(t, accepted=True) for t in shown))
    changes: list[Change] = [
        ("accept_published", published_key(t, snapshot.shipment) | {"now": micros(now)})
        for t in shown
    ]
    changes.append(("delete_unaccepted", {"shipment": snapshot.shipment}))
    if delivered:
        row = {
            "shipment": snapshot.shipment,
            "is_delivered": 1,
            "read_back": 0,
            "now": micros(now),
        }
        changes.append(("accept_publishing", row))
    else:
        refuted = int(pending.is_delivered)
        row = {"shipment": snapshot.shipment, "delivery_refuted": refuted}
        changes.append(("clear_pending", row))
    anew = with_snapshots(
        claim,
        published=accepted,
        pending=None,
        delivered_published=snapshot.delivered_published or delivered,
        true_sent=snapshot.true_sent and not (pending.is_delivered and not delivered),
        in_doubt_since=None if delivered else snapshot.in_doubt_since,
    )
    return OrderCheck(anew, tuple(changes))


def shown_of(
    sent: Sequence[PublishedEvent], package: PackageView, zone: ZoneInfo
) -> list[PublishedEvent]:
    """Return those objects of a write that VTEX shows."""
    objects = [cast("TrackingObject", t.object) for t in sent]
    shown = shown_objects(package, objects, zone)
    return [t for t in sent if t.object in shown]


def adopted(
    claim: Claim, payload: object, now: datetime, policy: Policy, waits: Waits
) -> OrderCheck:
    """Look as before the first announcement, and accept the events that are shown.

    As long as no event is known there is nothing to compare: then the next look
    does it, before the first write that has one.
    """
    seen = check_order(claim, payload, now, policy.zone, waits)
    package = package_of(claim.snapshot, payload)
    if seen.settlement is not None or package is None:
        return seen
    anew, changes = _compared(seen.claim, package, now, policy)
    return replace(seen, claim=anew, changes=(*seen.changes, *changes))


def _compared(
    claim: Claim, package: PackageView, now: datetime, policy: Policy
) -> tuple[Claim, list[Change]]:
    """Accept what is shown by instant and text, and a delivery in any words.

    A delivery that VTEX shows is never taken back, whoever told it.
    """
    snapshot = claim.snapshot
    assessment = publishable(snapshot, now, policy)
    fresh = [as_object(e, policy) for e in unpublished_events(snapshot, assessment)]
    published = [as_json_value(new, snapshot, policy) for new in fresh]
    if not published and not package.finished:
        return claim, []
    shown = shown_of(published, package, policy.zone)
    row = {"shipment": snapshot.shipment, "now": micros(now)}
    changes: list[Change] = [
        *(("accept_shown", published_row(t, snapshot.shipment, now)) for t in shown),
        ("record_comparison", row),
    ]
    if package.finished:
        changes.append(("accept_publishing", row | {"is_delivered": 1, "read_back": 0}))
    anew = with_snapshots(
        claim,
        published=(*snapshot.published, *(replace(t, accepted=True) for t in shown)),
        compared=True,
        delivered_published=snapshot.delivered_published or package.finished,
    )
    return anew, changes
