"""The first look for a parcel on the road: what VTEX shows is told already; pure."""

from dataclasses import replace
from datetime import datetime

from relay.clock import micros
from relay.publisher.doubts import shown_of
from relay.publisher.looking import Seen, looked, package_of
from relay.publisher.steps import spelled_out
from relay.publisher.storing import told_row
from relay.publisher.terms import Waits
from relay.store.claimed import Change, Claim, with_facts
from relay.telling.facts import Policy
from relay.telling.publishing import as_object, untold
from relay.telling.tellable import assess
from relay.vtex.orders import PackageView


def taken_over(
    claim: Claim, payload: object, now: datetime, policy: Policy, waits: Waits
) -> Seen:
    """Look as before the first announcement, and accept the events that are shown.

    As long as no event is known there is nothing to compare: then the next look
    does it, before the first write that has one.
    """
    seen = looked(claim, payload, now, policy.zone, waits)
    package = package_of(claim.facts, payload)
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
    facts = claim.facts
    assessment = assess(facts, now, policy)
    fresh = [as_object(e, policy) for e in untold(facts, assessment)]
    told = [spelled_out(new, facts, policy) for new in fresh]
    if not told and not package.finished:
        return claim, []
    shown = shown_of(told, package, policy.zone)
    row = {"shipment": facts.shipment, "now": micros(now)}
    changes: list[Change] = [
        *(("accept_shown", told_row(t, facts.shipment, now)) for t in shown),
        ("compared", row),
    ]
    if package.finished:
        changes.append(("accept_publishing", row | {"is_delivered": 1, "read_back": 0}))
    anew = with_facts(
        claim,
        told=(*facts.told, *(replace(t, accepted=True) for t in shown)),
        compared=True,
        delivered_told=facts.delivered_told or package.finished,
    )
    return anew, changes
