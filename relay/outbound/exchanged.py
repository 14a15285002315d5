"""Invoices that the ERP exchanged on a live order; pure.

VTEX answers a write of such an invoice with 400 OMS008, 404 NotFound or 500 OMS001,
because the order shows another one in its place, without tracking.
"""

from collections.abc import Sequence
from typing import cast
from zoneinfo import ZoneInfo

from relay.clock import micros
from relay.domain.shipment import PublishedEvent, ReadBack, Snapshot
from relay.outbound.settlement import OutcomeContext
from relay.store.snapshots import Change, Claim, published_key, with_snapshot
from relay.vtex.bodies import TrackingObject
from relay.vtex.orders import DifferentNumber, OrderView, PackageView, shown_objects


def find_exchanged(order: OrderView, snapshot: Snapshot) -> DifferentNumber | None:
    """Find the invoice that took the place of one VTEX had; None if it is not certain.

    Only what no other shipment of the order has counts: the one package that shows the
    shipment's tracking number, else a single one without any.
    """
    sent = snapshot.tracking_sent_as
    if sent is None and (snapshot.vtex_invoice_number or snapshot.resent):
        # VTEX had the invoice, whatever of it is to be sent again by now.
        sent = snapshot.tracking
    if sent is None:
        return None
    free = [p for p in order.packages if p.invoice_number not in snapshot.siblings]
    ours = [p for p in free if p.tracking_number == sent.tracking_number]
    found = ours or (free if not any(p.tracking_number for p in free) else [])
    return DifferentNumber(found[0], "exchanged") if len(found) == 1 else None


def published_again(
    claim: Claim, package: PackageView, context: OutcomeContext
) -> tuple[Claim, list[Change]]:
    """Forget what an exchanged invoice had; what *package* shows stays published.

    The e-mail trigger event is not sent again: the shopper has had the e-mail.
    """
    snapshot = claim.snapshot
    stay = shown_of(snapshot.accepted, package, context.policy.zone)
    gone = [e for e in snapshot.published if e not in stay]
    row = {"shipment": snapshot.shipment, "now": micros(context.now)}
    number = package.invoice_number
    text = f"the invoice is {number} in VTEX now; what it does not show is sent again"
    changes: list[Change] = [
        ("publish_again", row),
        *(("delete_published", published_key(e, snapshot.shipment)) for e in gone),
        ("note", row | {"text": text}),
    ]
    again = with_snapshot(
        claim,
        tracking_sent_as=None,
        published=tuple(stay),
        pending=None,
        in_doubt_since=None,
        delivered_sent=False,
        delivered_published=False,
        resent=True,
        read_back=ReadBack(by_quota=snapshot.read_back.by_quota),
    )
    return again, changes


def shown_of(
    sent: Sequence[PublishedEvent], package: PackageView, zone: ZoneInfo
) -> list[PublishedEvent]:
    """Return those of the *sent* events that VTEX shows."""
    objects = [cast("TrackingObject", e.object) for e in sent]
    shown = shown_objects(package, objects, zone)
    return [e for e in sent if e.object in shown]
