"""What an answer means for the shipment it was about; pure.

The table of answers stands in `relay.vtex.answers`; here it meets the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from relay.clock import micros
from relay.domain.shipment import Policy, PublishedEvent
from relay.errors import NotSent, Unanswered, VtexError
from relay.outbound.plan import ReadOrder, SendEvents, Write
from relay.outbound.readback import adopted, check_order, settle_unconfirmed, verify
from relay.outbound.settlement import (
    AccountTerms,
    Amend,
    Settlement,
    Waits,
    accepted,
    answered,
    backoff,
    busy,
    postponed,
    read_forbidden,
    refused,
    slower,
    stuck,
    unavailable,
    write_forbidden,
)
from relay.store.accounts import AccountState
from relay.store.snapshots import (
    Change,
    Claim,
    published_key,
    tracking_sent,
    with_snapshots,
)
from relay.vtex.answers import Meaning, hint_for, meaning
from relay.vtex.client import VtexResponse


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is stored, what the gates learn, and how the claim goes on.

    `settlement` is None if there is a next step, for which `claim` holds the
    facts as they are now.
    """

    claim: Claim
    changes: tuple[Change, ...] = ()
    amend: Amend | None = None
    settlement: Settlement | None = None


@dataclass(frozen=True, slots=True)
class OutcomeContext:
    """What an outcome depends on besides the answer."""

    now: datetime
    terms: AccountTerms
    policy: Policy
    waits: Waits
    state: AccountState
    jitter: float


def outcome_of_answer(
    claim: Claim, step: ReadOrder | Write, answer: VtexResponse, around: OutcomeContext
) -> Outcome:
    """Say what *answer* to *step* means."""
    means = meaning(answer.status, answer.words, answer.payload)
    if means is not Meaning.ACCEPTED:
        return _not_accepted(claim, step, means, answer, around)
    if isinstance(step, ReadOrder):
        return _after_look(claim, step, answer, around)
    return _after_write(claim, step, around.now)


def outcome_of_error(
    claim: Claim, step: ReadOrder | Write, error: VtexError, around: OutcomeContext
) -> Outcome:
    """Say what it means that there was no answer to *step*."""
    because = f"no answer from VTEX: {error}"
    if isinstance(error, Unanswered):
        return _unavailable(claim, step, because, around)
    outcome = _forgotten(claim, step)
    wait = backoff(
        claim.attempts,
        around.jitter,
        least=around.waits.unavailable,
        most=around.waits.unavailable_cap,
    )
    amend = unavailable(around.now) if isinstance(error, NotSent) else None
    return replace(
        outcome, amend=amend, settlement=postponed(around.now + wait, because)
    )


def _after_look(
    claim: Claim, step: ReadOrder, answer: VtexResponse, around: OutcomeContext
) -> Outcome:
    if step.why == "import":
        found = adopted(claim, answer.payload, around.now, around.policy, around.waits)
    else:
        judge = {"first": check_order, "doubt": settle_unconfirmed, "verify": verify}[
            step.why
        ]
        zone = around.policy.zone
        found = judge(claim, answer.payload, around.now, zone, around.waits)
    if found.differs is not None and around.terms.adopt_invoice_number:
        number = found.differs
        change = ("record_order_read", _looked_row(claim, number, around.now))
        anew = with_snapshots(claim, vtex_invoice_number=number, looked=True)
        return Outcome(anew, (change,), answered)
    return Outcome(found.claim, found.changes, answered, found.settlement)


def _looked_row(claim: Claim, number: str | None, now: datetime) -> dict[str, Any]:
    return {
        "shipment": claim.snapshot.shipment,
        "now": micros(now),
        "vtex_invoice_number": number,
    }


def _after_write(claim: Claim, step: Write, now: datetime) -> Outcome:
    claim = replace(claim, failing_since=None, attempts=1)
    if isinstance(step, SendEvents):
        return _published(claim, step, now)
    published = step.tracking
    row = {
        "shipment": claim.snapshot.shipment,
        "tracking_sent_as": tracking_sent(published),
    }
    anew = with_snapshots(
        claim, tracking_sent_as=published, pending=None, in_doubt_since=None
    )
    done = replace(anew, failing_since=None)
    return Outcome(done, (("accept_tracking", row),), accepted(now))


def _published(claim: Claim, step: SendEvents, now: datetime) -> Outcome:
    """Remember what VTEX accepted; a delivery after a doubt is read back."""
    snapshot = claim.snapshot
    read_back = step.is_delivered and snapshot.in_doubt_since is not None
    row = {
        "shipment": snapshot.shipment,
        "is_delivered": int(step.is_delivered),
        "read_back": int(read_back),
        "now": micros(now),
    }
    changes = [*accept(step.new, snapshot.shipment, now), ("accept_publishing", row)]
    anew = with_snapshots(
        claim,
        published=(*snapshot.accepted, *(replace(t, accepted=True) for t in step.new)),
        pending=None,
        in_doubt_since=snapshot.in_doubt_since if read_back else None,
        delivered_published=snapshot.delivered_published or step.is_delivered,
    )
    done = replace(anew, failing_since=None)
    return Outcome(done, tuple(changes), accepted(now))


def accept(
    published: Sequence[PublishedEvent], shipment: int, now: datetime
) -> list[Change]:
    """Return the changes that mark objects as accepted."""
    return [
        ("accept_published", published_key(t, shipment) | {"now": micros(now)})
        for t in published
    ]


def _forgotten(claim: Claim, step: ReadOrder | Write) -> Outcome:
    """Forget a stored write that was certainly not carried out.

    One that repeats a write in doubt stays: the first of them may have been.
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
    step: ReadOrder | Write,
    means: Meaning,
    answer: VtexResponse,
    around: OutcomeContext,
) -> Outcome:
    words = f"VTEX answered {answer.status}: {answer.words}".rstrip(": ")
    advice = hint_for(means, answer.status, answer.words, claim.snapshot.addressed_as)
    because = f"{words}. {advice}" if advice else words
    waits = around.waits
    match means:
        case Meaning.UNAVAILABLE:
            return _unavailable(claim, step, because, around)
        case Meaning.FORBIDDEN:
            return _forbidden(claim, step, because, answer.status, around)
        case Meaning.NOT_YET:
            return _not_yet(claim, step, because, around)
        case Meaning.BUSY:
            amend = busy(around.now, answer.retry_after, waits.gate, waits.gate_cap)
            settlement = postponed(around.now, because)
        case Meaning.MISCONFIGURED:
            amend = write_forbidden(because, around.now, waits.closed_gate)
            settlement = postponed(around.now, because)
        case _:
            amend, settlement = refused(words), stuck(because)
    return replace(_forgotten(claim, step), amend=amend, settlement=settlement)


def _unavailable(
    claim: Claim, step: ReadOrder | Write, because: str, around: OutcomeContext
) -> Outcome:
    """Postpone; a write that may have been carried out is in doubt.

    It counts towards stuck only if another shipment of the account was accepted
    since this one began to fail; else VTEX is out.
    """
    waits, now = around.waits, around.now
    others = around.state.accepted_at
    counts = (
        claim.failing_since is not None
        and others is not None
        and others > micros(claim.failing_since)
    )
    doubt = not isinstance(step, ReadOrder)
    if counts and claim.attempts >= waits.max_attempts:
        return Outcome(claim, settlement=replace(stuck(because), doubt=doubt))
    wait = backoff(
        claim.attempts,
        around.jitter,
        least=waits.unavailable,
        most=waits.unavailable_cap,
    )
    until = now + (max(wait, waits.doubt) if doubt else wait)
    settlement = postponed(until, because, counts=counts, doubt=doubt)
    return Outcome(claim, (), unavailable(now), settlement)


def _not_yet(
    claim: Claim, step: ReadOrder | Write, because: str, around: OutcomeContext
) -> Outcome:
    """Wait for the invoice, slower and slower, up to days."""
    waits, now = around.waits, around.now
    outcome = replace(_forgotten(claim, step), amend=answered)
    if claim.failing_since and now - claim.failing_since > waits.not_yet_for:
        return replace(outcome, settlement=stuck(because))
    wait = slower(claim.failing_since, now, least=waits.not_yet, most=waits.not_yet_cap)
    return replace(outcome, settlement=postponed(now + wait, because))


def _forbidden(
    claim: Claim,
    step: ReadOrder | Write,
    because: str,
    status: int,
    around: OutcomeContext,
) -> Outcome:
    """Close the gate of that kind of call; a lone 403 first tries another shipment."""
    now, retry = around.now, around.waits.closed_gate
    if isinstance(step, ReadOrder):
        amend = read_forbidden(because, now, retry)
        return Outcome(claim, (), amend)
    outcome = _forgotten(claim, step)
    state, since = around.state, claim.failing_since
    writes_go_through = state.accepted_at is not None and state.outage_since is None
    if status == 403 and since and (state.accepted_at or 0) > micros(since):  # noqa: PLR2004
        return replace(outcome, settlement=stuck(because))
    if status == 403 and writes_go_through:  # noqa: PLR2004 -- forbidden
        amend = unavailable(now)
    else:
        amend = write_forbidden(because, now, retry)
    return replace(outcome, amend=amend, settlement=postponed(now, because))
