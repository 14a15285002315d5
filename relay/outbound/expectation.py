"""What VTEX should show of an invoice, compared with an order; pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from relay.domain.next_update import NextUpdate, next_update, tracking_to_send
from relay.domain.publishable import publishable
from relay.domain.shipment import ORDER_ENDED, Policy, PublishedEvent, Snapshot
from relay.outbound.differences import ShownDifference, differences, missing_events
from relay.outbound.event_objects import to_publish
from relay.outbound.list_mode import shown_before
from relay.outbound.order_check import package_of, shown_in_any_form
from relay.vtex.bodies import delivered_date, instants
from relay.vtex.orders import PackageView, parse_order

_UPDATES: Final = 2
"""The e-mail trigger event goes alone; the next update has everything else."""


NO_EVENT: Final = "no event at this time"


def compare(
    snapshot: Snapshot, payload: object, now: datetime, policy: Policy
) -> tuple[ShownDifference, ...]:
    """Return how an order differs from what the relay has, or would have, there.

    *payload* is the answer of *get order*. There is one difference for each event.
    """
    order = parse_order(payload)
    if order is None:
        return (_invoice(snapshot, "an answer that is not an order"),)
    if order.ended:
        known = snapshot.closed_reason in ORDER_ENDED
        ended = ShownDifference("invoice", "status", "open", order.status)
        return () if known else (ended,)
    package = package_of(snapshot, payload)
    if package is None:
        numbers = ", ".join(p.invoice_number for p in order.packages)
        return (_invoice(snapshot, numbers or "no invoice"),)
    complete = expected(snapshot, package, now, policy)
    found = differences(complete, package, policy.zone)
    return (
        *(one for one in found if one.what != "events"),
        *_events(complete, package, policy),
    )


def compare_in_shadow(
    snapshot: Snapshot, payload: object, now: datetime, policy: Policy
) -> tuple[ShownDifference, ...]:
    """Return how an order differs from what the relay would have sent by itself.

    Another integration writes it, so its events count as differences, too.
    """
    package, order = package_of(snapshot, payload), parse_order(payload)
    if package is None or order is None or order.ended:
        return compare(snapshot, payload, now, policy)
    before = shown_before(snapshot, package)
    known = replace(snapshot.read_back, shown_before=before)
    snapshot = replace(snapshot, read_back=known)
    complete = expected(snapshot, package, now, policy)
    found = compare(snapshot, payload, now, policy)
    return (*found, *_further_events(complete, package, policy))


def differs_from_accepted(snapshot: Snapshot, payload: object, policy: Policy) -> bool:
    """Whether an order does not show what VTEX accepted; reading back repairs that."""
    package = package_of(snapshot, payload)
    if package is None:
        return snapshot.tracking_sent_as is not None
    return bool(differences(snapshot, package, policy.zone))


def expected(
    snapshot: Snapshot, package: PackageView, now: datetime, policy: Policy
) -> Snapshot:
    """Return *snapshot* as it is after everything publishable was accepted.

    Without a tracking number nothing is published.
    """
    tracking = tracking_to_send(snapshot, policy)
    if tracking is None:
        return snapshot
    assessment = publishable(snapshot, now, policy)
    complete = replace(snapshot, tracking_sent_as=tracking)
    for _ in range(_UPDATES):
        update = next_update(complete, assessment, policy)
        if update is None:
            break
        complete = _after(complete, update, package, policy)
    return complete


def _after(
    snapshot: Snapshot, update: NextUpdate, package: PackageView, policy: Policy
) -> Snapshot:
    """Return *snapshot* after *update*.

    Events of a parcel in transit that VTEX shows in another form stay as they are.
    """
    shown = (
        shown_in_any_form(update.new, snapshot, package, policy)
        if snapshot.uncompared
        else []
    )
    known = {(e.volume, e.happening) for e in shown}
    sent = [to_publish(e, snapshot, policy) for e in update.new]
    new = [*shown, *(e for e in sent if (e.volume, e.happening) not in known)]
    at = update.delivered_at
    as_date = delivered_date(at, policy.zone, policy.delivered_time) if at else None
    published = (*snapshot.published, *(replace(e, accepted=True) for e in new))
    return replace(
        snapshot,
        published=published,
        delivered_published=snapshot.delivered_published or update.is_delivered,
        read_back=replace(
            snapshot.read_back, delivered_as=as_date or snapshot.read_back.delivered_as
        ),
    )


def _invoice(snapshot: Snapshot, shown: str) -> ShownDifference:
    return ShownDifference("invoice", "invoiceNumber", snapshot.addressed_as, shown)


def _events(
    complete: Snapshot, package: PackageView, policy: Policy
) -> Iterator[ShownDifference]:
    for event in missing_events(complete, package, policy.zone):
        date, text = event.object["date"], event.object["description"]
        shown = _shown_then(event, package, policy) or NO_EVENT
        yield ShownDifference("events", "events", f"{date} {text!r}", shown)


def _further_events(
    complete: Snapshot, package: PackageView, policy: Policy
) -> Iterator[ShownDifference]:
    """Yield the shown events at times at which the relay has none."""
    ours = {
        instant
        for event in complete.accepted
        for instant in instants(event.object["date"], policy.zone)
    }
    for event in package.data:
        if event.instant not in ours:
            at = event.instant
            date = at.astimezone(policy.zone).isoformat() if at else "an invalid time"
            yield ShownDifference(
                "events", "events", NO_EVENT, f"{date} {event.text!r}"
            )


def _shown_then(event: PublishedEvent, package: PackageView, policy: Policy) -> str:
    """Return the texts that VTEX shows at the time of *event*."""
    times = set(instants(event.object["date"], policy.zone))
    return ", ".join(repr(e.text) for e in package.data if e.instant in times)
