"""What VTEX's answer to a step means for the shipment and its account; pure.

`relay.vtex.answers` says what an answer means by itself; here it meets the step.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from relay.clock import micros
from relay.domain.shipment import ORDER_CANCELLED
from relay.errors import NotSent, ShadowMode, Unanswered, VtexError
from relay.outbound import gates
from relay.outbound.foreign_delivery import spare_delivery
from relay.outbound.order_check import check_imported, check_order
from relay.outbound.order_end import closed_with, refused_by_end
from relay.outbound.read_schedule import count_update
from relay.outbound.readback import accept, settle_unconfirmed, verify_taken_back
from relay.outbound.settlement import (
    UNAVAILABLE_CAP,
    Outcome,
    OutcomeContext,
    Settlement,
    backoff,
    not_yet,
    postponed,
    stuck,
)
from relay.outbound.steps import Call, ReadOrder, ReadReason, SendEvents, Write
from relay.outbound.verification import verify
from relay.store.snapshots import Change, Claim, tracking_sent, with_snapshot
from relay.vtex.answers import Expected, Meaning, hint_for, meaning
from relay.vtex.client import VtexResponse
from relay.vtex.orders import parse_order

_BY_REASON: Final[
    Mapping[ReadReason, Callable[[Claim, object, OutcomeContext], Outcome]]
] = {
    "first": check_order,
    "again": check_order,
    "import": check_imported,
    "unconfirmed": settle_unconfirmed,
    "verify": verify,
    "taken_back": verify_taken_back,
}


def outcome_of_answer(
    claim: Claim, step: Call, answer: VtexResponse, context: OutcomeContext
) -> Outcome:
    """Return what *answer* to *step* means."""
    expected: Expected = "order" if isinstance(step, ReadOrder) else "receipt"
    means = meaning(answer.status, answer.message, answer.payload, expected)
    if means is not Meaning.ACCEPTED:
        return _not_accepted(claim, step, means, answer, context)
    if isinstance(step, ReadOrder):
        order = parse_order(answer.payload)
        if order is not None and order.ended:
            found = closed_with(claim, order.ended, context)
        else:
            found = _BY_REASON[step.why](claim, answer.payload, context)
            found = spare_delivery(found, answer.payload, context)
        return replace(
            found, amend=gates.both(gates.answered(context.now), found.amend)
        )
    return _after_write(claim, step, context)


def outcome_of_error(
    claim: Claim, step: Call, error: VtexError, context: OutcomeContext
) -> Outcome:
    """Return what it means that *step* got no answer."""
    because = f"no answer from VTEX: {error}"
    if isinstance(error, ShadowMode):
        because = str(error)
    if isinstance(error, Unanswered):
        return _unavailable(claim, step, because, context)
    wait = backoff(
        claim.attempts,
        context.jitter,
        least=context.waits.unavailable_seconds,
        most=UNAVAILABLE_CAP,
    )
    return replace(
        _not_carried_out(claim, step),
        amend=gates.unavailable(context.now) if isinstance(error, NotSent) else None,
        settlement=postponed(context.now + wait, because),
    )


def _after_write(claim: Claim, step: Write, context: OutcomeContext) -> Outcome:
    if isinstance(step, SendEvents):
        return _published(claim, step, context)
    row = {
        "shipment": claim.snapshot.shipment,
        "tracking_sent_as": tracking_sent(step.tracking),
    }
    accepted = with_snapshot(
        _not_failing(claim),
        tracking_sent_as=step.tracking,
        pending=None,
        in_doubt_since=None,
    )
    return Outcome(accepted, (("accept_tracking", row),), gates.accepted(context.now))


def _not_failing(claim: Claim) -> Claim:
    """Return *claim* with its failures forgotten: VTEX accepted a write."""
    if claim.failing_since is None and claim.attempts == 1:
        return claim
    return replace(claim, failing_since=None, attempts=1)


def _published(claim: Claim, step: SendEvents, context: OutcomeContext) -> Outcome:
    """Store what VTEX accepted, and when it is read back.

    A delivery that follows an unconfirmed write counts as unconfirmed until then.
    """
    snapshot, now = claim.snapshot, context.now
    read_back = step.is_delivered and snapshot.in_doubt_since is not None
    row = {
        "shipment": snapshot.shipment,
        "is_delivered": int(step.is_delivered),
        "read_back": int(read_back),
        "now": micros(now),
    }
    accepted = with_snapshot(
        _not_failing(claim),
        published=(*snapshot.accepted, *(replace(e, accepted=True) for e in step.new)),
        pending=None,
        in_doubt_since=snapshot.in_doubt_since if read_back else None,
        delivered_published=snapshot.delivered_published or step.is_delivered,
        taking_back="sent" if snapshot.taking_back and not step.is_delivered else None,
    )
    changes = (*accept(step.new, snapshot.shipment, now), ("accept_publishing", row))
    counted, count, amend = count_update(
        accepted, context, step.delivered_as, is_delivered=step.is_delivered
    )
    return Outcome(counted, (*changes, count), gates.both(gates.accepted(now), amend))


def _not_carried_out(claim: Claim, step: Call) -> Outcome:
    """Drop a stored write that was certainly not carried out.

    The repetition of an unconfirmed write stays stored: the first one may have been.
    """
    if isinstance(step, ReadOrder) or claim.snapshot.pending is not None:
        return Outcome(claim)
    shipment = claim.snapshot.shipment
    row = {"shipment": shipment, "delivery_refuted": int(step.is_delivered)}
    changes: tuple[Change, ...] = (("clear_pending", row),)
    if isinstance(step, SendEvents):
        changes = (("delete_unaccepted", {"shipment": shipment}), *changes)
    return Outcome(claim, changes)


def _not_accepted(
    claim: Claim,
    step: Call,
    means: Meaning,
    answer: VtexResponse,
    context: OutcomeContext,
) -> Outcome:
    message = f"VTEX answered {answer.status}: {answer.message}".rstrip(": ")
    hint = hint_for(means, answer.status, answer.message, claim.snapshot.addressed_as)
    because = f"{message}. {hint}" if hint else message
    now, waits = context.now, context.waits
    match means:
        case Meaning.UNAVAILABLE:
            return _unavailable(claim, step, because, context)
        case Meaning.FORBIDDEN:
            return _forbidden(claim, step, because, answer.status, context)
        case Meaning.NOT_YET:
            return _not_yet(claim, step, because, answer.status, context)
        case Meaning.ORDER_CLOSED:
            return _order_closed(claim, step, because, context)
        case Meaning.BUSY:
            amend = gates.busy(
                now, answer.retry_after, waits.gate_seconds, waits.gate_cap_seconds
            )
            settlement = postponed(now, because)
        case Meaning.MISCONFIGURED:
            amend = gates.write_forbidden(because, now, waits.probe_seconds)
            settlement = postponed(now, because)
        case _:
            amend, settlement = gates.refused(message), stuck(because)
    outcome = _not_carried_out(claim, step)
    if means is Meaning.REFUSED and not isinstance(step, ReadOrder):
        # VTEX may lack what it had accepted before, such as the tracking number.
        outcome = _unread(outcome)
    return replace(outcome, amend=amend, settlement=settlement)


def _unavailable(
    claim: Claim, step: Call, because: str, context: OutcomeContext
) -> Outcome:
    """Postpone; a write may have been carried out, so it is unconfirmed.

    The attempt counts only if another shipment of the account was accepted since
    this one began to fail. Otherwise VTEX itself is unavailable.
    """
    waits, now = context.waits, context.now
    others = context.state.accepted_at
    counts = (
        claim.failing_since is not None
        and others is not None
        and others > micros(claim.failing_since)
    )
    unconfirmed = not isinstance(step, ReadOrder)
    # A 500 can be permanent (blank in the number, VTEX: known issue 409225).
    if counts and claim.attempts >= waits.max_attempts:
        given_up = replace(stuck(because), unconfirmed=unconfirmed)
        return Outcome(claim, settlement=given_up)
    wait = backoff(
        claim.attempts,
        context.jitter,
        least=waits.unavailable_seconds,
        most=UNAVAILABLE_CAP,
    )
    until = now + (max(wait, waits.unconfirmed_wait_seconds) if unconfirmed else wait)
    settlement = postponed(until, because, counts=counts, unconfirmed=unconfirmed)
    amend = gates.unavailable(now, write=unconfirmed)
    return Outcome(claim, (), amend, settlement)


def _not_yet(
    claim: Claim, step: Call, because: str, status: int, context: OutcomeContext
) -> Outcome:
    """Wait for the order or invoice at growing intervals, for days.

    After a write the order is read, at once the first time: the invoice may be there
    under another number.
    """
    waits, now = context.waits, context.now
    if isinstance(step, ReadOrder):
        settlement = not_yet(claim, now, waits, because)
        return Outcome(claim, (), gates.answered(now), settlement)
    can_read = gates.can_read(context.state, now)
    is_shown = claim.failing_since is not None and claim.snapshot.order_checked
    # A 500 that goes on although the order shows the invoice has another cause.
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and (is_shown or not can_read):
        return _unavailable(claim, step, because, context)
    at_once = can_read and claim.failing_since is None
    least = timedelta(0) if at_once else None
    settlement = not_yet(claim, now, waits, because, least=least)
    return replace(
        _unread(_not_carried_out(claim, step)),
        amend=gates.answered(now),
        settlement=settlement,
    )


def _order_closed(
    claim: Claim, step: Call, because: str, context: OutcomeContext
) -> Outcome:
    """Read the order, to see how it ended; without the right to, close the shipment."""
    outcome = _unread(_not_carried_out(claim, step))
    settlement = (
        refused_by_end(claim, because, context)
        if gates.can_read(context.state, context.now)
        else Settlement(closes_because=ORDER_CANCELLED)
    )
    return replace(outcome, amend=gates.answered(context.now), settlement=settlement)


def _unread(outcome: Outcome) -> Outcome:
    """Have the order read before the next write, as it is before a repetition."""
    if outcome.claim.snapshot.pending is not None:
        return outcome
    row = {"shipment": outcome.claim.snapshot.shipment}
    return replace(outcome, changes=(*outcome.changes, ("forget_order_read", row)))


def _forbidden(
    claim: Claim, step: Call, because: str, status: int, context: OutcomeContext
) -> Outcome:
    """Close the gate for that kind of call, unless a 403 is about one shipment.

    A 403 while other writes are accepted first tries another shipment; if that one
    is accepted, this shipment is stuck.
    """
    now, retry = context.now, context.waits.probe_seconds
    if isinstance(step, ReadOrder):
        # Without a settlement: the key may write without the right to read orders.
        return Outcome(claim, (), gates.read_forbidden(because, now, retry))
    outcome = _not_carried_out(claim, step)
    state, since = context.state, claim.failing_since
    is_403 = status == HTTPStatus.FORBIDDEN
    if is_403 and since and (state.accepted_at or 0) > micros(since):
        return replace(outcome, settlement=stuck(because))
    suspected = state.write_suspected_at is not None
    if is_403 and state.accepted_at is not None and not suspected:
        amend = gates.unavailable(now, write=True)
    else:
        amend = gates.write_forbidden(because, now, retry)
    return replace(outcome, amend=amend, settlement=postponed(now, because))
