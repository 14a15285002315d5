"""Reading back what VTEX accepted: verified, repaired once, or left to an operator."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from relay.clock import micros
from relay.outbound.differences import ShownDifference, differences, missing_events
from relay.outbound.list_mode import LearnedMode, learn
from relay.outbound.order_check import check_order, package_of
from relay.outbound.settlement import Outcome, OutcomeContext, Settlement, stuck
from relay.store.snapshots import Change, Claim, published_key, with_snapshot
from relay.vtex.orders import PackageView

SOMEBODY_ELSE: Final = (
    "VTEX shows something else again after it was sent again once: another system "
    "writes this invoice, or VTEX does not keep it"
)


def verify(claim: Claim, payload: object, context: OutcomeContext) -> Outcome:
    """Compare what VTEX shows with what it accepted; learn what updates do.

    A difference counts if it is shown twice, some time apart, and is repaired once: a
    2xx does not prove that VTEX shows it (https://community.vtex.com/t/17467).
    """
    package = package_of(claim.snapshot, payload)
    if package is None:
        return check_order(claim, payload, context)
    found = _compared(claim, package, context)
    learned = learn(claim.snapshot, package, context.policy, context.state)
    return found if learned is None else _with_mode(found, learned, context)


def _with_mode(
    outcome: Outcome, learned: LearnedMode, context: OutcomeContext
) -> Outcome:
    """Store what was learned in the account's row, and tell the operator if needed."""
    now = context.now
    alert = learned.alert(context.policy)
    note = {"shipment": outcome.claim.snapshot.shipment, "now": micros(now)}
    notes: Sequence[Change] = [("note", note | {"text": alert})] if alert else ()
    return replace(
        outcome,
        changes=(*outcome.changes, *notes),
        amend=learned.amend(now),
        alert=alert,
    )


def _compared(claim: Claim, package: PackageView, context: OutcomeContext) -> Outcome:
    found = differences(claim.snapshot, package, context.policy.zone)
    if not found:
        return _verified(claim, context)
    since, again = claim.snapshot.read_back.difference_at, context.waits
    if since is None or context.now - since < again.read_back_again_seconds:
        return _seen_once(claim, found, context)
    others = [one for one in found if one.what != "foreign_number"]
    noted = _foreign_number(claim, found, context) if others != list(found) else ()
    foreign = any(one.what == "foreign_delivery" for one in others)
    if not others:
        outcome = _verified(claim, context)
    elif claim.snapshot.read_back.repaired or foreign:
        outcome = _given_up(claim, others)
    else:
        outcome = _repaired(claim, others, package, context)
    return replace(outcome, changes=(*noted, *outcome.changes))


def _foreign_number(
    claim: Claim, found: Sequence[ShownDifference], context: OutcomeContext
) -> Sequence[Change]:
    """Leave a number that others wrote over theirs, and let discovery take it over."""
    snapshot, now = claim.snapshot, micros(context.now)
    named = _named([one for one in found if one.what == "foreign_number"])
    text = f"another system changed its number in VTEX, which stays: {named}"
    order = {"account": snapshot.account, "order_id": snapshot.order_id, "now": now}
    return (
        ("note", {"shipment": snapshot.shipment, "now": now, "text": text}),
        ("look_again", order),
    )


def _verified(claim: Claim, context: OutcomeContext) -> Outcome:
    row = {"shipment": claim.snapshot.shipment, "now": micros(context.now)}
    known = replace(
        claim.snapshot.read_back, at=None, difference_at=None, verified=True
    )
    verified = with_snapshot(claim, in_doubt_since=None, read_back=known)
    return Outcome(replace(verified, failing_since=None), (("record_verified", row),))


def _seen_once(
    claim: Claim, found: Sequence[ShownDifference], context: OutcomeContext
) -> Outcome:
    """Look again later; what is new is published meanwhile."""
    since = claim.snapshot.read_back.difference_at or context.now
    until = since + context.waits.read_back_again_seconds
    row = {
        "shipment": claim.snapshot.shipment,
        "now": micros(context.now),
        "read_back_at": micros(until),
    }
    because = f"VTEX does not show what it accepted; reading it again ({_named(found)})"
    known = replace(claim.snapshot.read_back, at=until, difference_at=since)
    return Outcome(
        with_snapshot(claim, read_back=known),
        (("record_difference", row),),
        settlement=Settlement(due_at=until, waiting_reason=because),
    )


def _given_up(claim: Claim, found: Sequence[ShownDifference]) -> Outcome:
    return Outcome(claim, settlement=stuck(f"{SOMEBODY_ELSE} ({_named(found)})"))


def _named(found: Sequence[ShownDifference]) -> str:
    return "; ".join(map(str, found))


def _repaired(
    claim: Claim,
    found: Sequence[ShownDifference],
    package: PackageView,
    context: OutcomeContext,
) -> Outcome:
    """Count what VTEX does not show as unsent, so that it is sent again."""
    snapshot, now = claim.snapshot, context.now
    wrong = {one.what for one in found}
    missing = missing_events(snapshot, package, context.policy.zone)
    # After a delivery no events go out alone: what lacks is sent with it again.
    undelivered = "delivery" in wrong or bool(missing and snapshot.delivered_published)
    row = {
        "shipment": snapshot.shipment,
        "now": micros(now),
        "tracking": int("number" in wrong),
        "delivery": int(undelivered),
    }
    note = {"shipment": snapshot.shipment, "now": micros(now)}
    changes: tuple[Change, ...] = (
        ("repair_shipment", row),
        *(("delete_published", published_key(e, snapshot.shipment)) for e in missing),
        ("note", note | {"text": f"sent again: {_named(found)}"}),
    )
    repaired = with_snapshot(
        claim,
        in_doubt_since=None,
        resent=True,
        published=tuple(e for e in snapshot.published if e not in missing),
        tracking_sent_as=None if "number" in wrong else snapshot.tracking_sent_as,
        delivered_published=snapshot.delivered_published and not undelivered,
        delivered_sent=snapshot.delivered_sent and not undelivered,
        closed_reason=None if undelivered else snapshot.closed_reason,
        read_back=replace(
            snapshot.read_back, at=now, difference_at=None, repaired=True
        ),
    )
    return Outcome(replace(repaired, failing_since=None), changes)
