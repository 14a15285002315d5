"""Calls in doubt, settled by what VTEX shows; pure.

The stored write is compared, not the events as they are now: what VTEX shows is
accepted, and only the difference is sent.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from relay.clock import micros
from relay.publisher.looking import Seen, not_seen, package_of
from relay.publisher.settling import postponed
from relay.publisher.steps import announced_in
from relay.publisher.terms import Waits
from relay.store.claimed import Change, Claim, with_facts
from relay.store.facts import announced, told_key
from relay.telling.facts import Pending, Told
from relay.vtex.bodies import TrackingObject
from relay.vtex.orders import PackageView, shown_objects, shows_announcement


def settle_doubt(
    claim: Claim, payload: object, now: datetime, zone: ZoneInfo, waits: Waits
) -> Seen:
    """Accept of the stored write what VTEX shows; forget the rest."""
    package = package_of(claim.facts, payload)
    if package is None or claim.facts.pending is None:
        return Seen(claim, settlement=not_seen(claim, now, waits, "something else"))
    if claim.facts.pending.kind == "announce":
        return _announced(claim, claim.facts.pending, package)
    return _published(claim, claim.facts.pending, package, now, zone)


def verify(
    claim: Claim, payload: object, now: datetime, _zone: ZoneInfo, waits: Waits
) -> Seen:
    """Read a delivery back that followed a doubt.

    A difference counts when it is seen twice; then the delivery is told again.
    """
    package = package_of(claim.facts, payload)
    shipment = claim.facts.shipment
    if package is not None and package.finished:
        row = {"shipment": shipment, "now": micros(now)}
        return Seen(
            with_facts(claim, in_doubt_since=None), (("delivery_verified", row),)
        )
    if claim.failing_since is None:
        until = now + waits.read_back_again
        because = "VTEX does not show the delivery that it accepted"
        return Seen(claim, settlement=postponed(until, because))
    anew = with_facts(
        claim,
        in_doubt_since=None,
        delivered_told=False,
        true_sent=False,
        closed_because=None,
    )
    return Seen(
        replace(anew, failing_since=None),
        (("disbelieve_delivery", {"shipment": shipment}),),
    )


def _announced(claim: Claim, pending: Pending, package: PackageView) -> Seen:
    shipment = claim.facts.shipment
    told = announced_in(pending.body)
    anew = with_facts(claim, pending=None, in_doubt_since=None, looked=True)
    if not shows_announcement(
        package, told.tracking_number, told.tracking_url, told.courier
    ):
        row = {"shipment": shipment, "true_refuted": 0}
        return Seen(anew, (("clear_pending", row),))
    accepted = {"shipment": shipment, "announced_as": announced(told)}
    return Seen(
        with_facts(anew, announced_as=told), (("accept_announcement", accepted),)
    )


def _published(
    claim: Claim, pending: Pending, package: PackageView, now: datetime, zone: ZoneInfo
) -> Seen:
    facts = claim.facts
    sent = [t for t in facts.told if not t.accepted]
    delivered = pending.is_delivered and package.finished
    shown = sent if delivered else shown_of(sent, package, zone)
    accepted = (*facts.accepted, *(replace(t, accepted=True) for t in shown))
    changes: list[Change] = [
        ("accept_told", told_key(t, facts.shipment) | {"now": micros(now)})
        for t in shown
    ]
    changes.append(("drop_unaccepted_told", {"shipment": facts.shipment}))
    if delivered:
        row = {
            "shipment": facts.shipment,
            "is_delivered": 1,
            "read_back": 0,
            "now": micros(now),
        }
        changes.append(("accept_publishing", row))
    else:
        refuted = int(pending.is_delivered)
        row = {"shipment": facts.shipment, "true_refuted": refuted}
        changes.append(("clear_pending", row))
    anew = with_facts(
        claim,
        told=accepted,
        pending=None,
        delivered_told=facts.delivered_told or delivered,
        true_sent=facts.true_sent and not (pending.is_delivered and not delivered),
        in_doubt_since=None if delivered else facts.in_doubt_since,
    )
    return Seen(anew, tuple(changes))


def shown_of(sent: Sequence[Told], package: PackageView, zone: ZoneInfo) -> list[Told]:
    """Return those objects of a write that VTEX shows."""
    objects = [cast("TrackingObject", t.object) for t in sent]
    shown = shown_objects(package, objects, zone)
    return [t for t in sent if t.object in shown]
