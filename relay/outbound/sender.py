"""One claim's course: step, call, answer, until the shipment is settled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from relay.clock import Clock, micros
from relay.domain.events import Milestone
from relay.domain.history import of_volume, undone
from relay.domain.shipment import Policy, Snapshot
from relay.errors import DeadlineOver, LeaseLost, Unanswered, VtexError
from relay.logs import logger
from relay.outbound import settlement
from relay.outbound.outcomes import (
    Outcome,
    OutcomeContext,
    outcome_of_answer,
    outcome_of_error,
)
from relay.outbound.plan import (
    PlannedWrite,
    ReadOrder,
    Rest,
    SendEvents,
    SendTrackingNumber,
    Write,
    next_step,
    plan,
    quarantine_changes,
)
from relay.outbound.settlement import AccountTerms, Amend, Waits, rest, settle_change
from relay.store.accounts import AccountState
from relay.store.claims import Claims
from relay.store.snapshots import Change, Claim
from relay.vtex.client import Deadline, VtexClient, VtexResponse

PARTLY: Final = "partly_delivered"


def alerts(snapshot: Snapshot, step: Rest, now: datetime) -> list[str]:
    """Return what is worth an alert when a shipment comes to rest.

    Some of its parcels came and the others never will; or the carrier takes a
    delivery back that VTEX was told.
    """
    found = []
    if step.closes_because == PARTLY and snapshot.closed_reason != PARTLY:
        found.append("only some of the parcels were delivered")
    if snapshot.delivered_published and _taken_back(snapshot, now):
        found.append("the carrier took a delivery back that VTEX was told")
    return found


def _taken_back(snapshot: Snapshot, now: datetime) -> bool:
    for volume in range(1, snapshot.volumes + 1):
        history = of_volume(snapshot, volume, now)
        gone = undone(history)
        if any(e.event in gone for e in history if e.milestone is Milestone.DELIVERED):
            return True
    return False


log = logger(__name__)


def log_context(snapshot: Snapshot) -> dict[str, str]:
    """Return what lets one follow a shipment through the log."""
    known = {
        "account": snapshot.account,
        "order": snapshot.order_id,
        "invoice": snapshot.invoice_number,
        "contract": snapshot.contract,
    }
    if snapshot.tracking is not None:
        known["tracking_number"] = snapshot.tracking.tracking_number
    return known


def log_published(claim: Claim, write: Write) -> None:
    """Log what VTEX accepted."""
    delivered = write.is_delivered
    log.info(
        "told", kind=write.kind, delivered=delivered, **log_context(claim.snapshot)
    )


def log_failure(claim: Claim, outcome: Outcome) -> None:
    """Log why a shipment did not get through, if it did not."""
    settlement = outcome.settlement
    if settlement is None or not settlement.failed:
        return
    word = "stuck" if settlement.stuck_reason else "postponed"
    because = settlement.stuck_reason or settlement.waiting_reason
    log.warning(word, because=because, **log_context(claim.snapshot))


def log_quarantined(claim: Claim, quarantines: Sequence[Change]) -> None:
    """Log which events wait for a person from now on."""
    for _, change in quarantines:
        if change["reason"] is not None:
            event, because = change["event"], change["reason"]
            log.warning(
                "quarantined",
                tracking_event=event,
                because=because,
                **log_context(claim.snapshot),
            )


def log_alert(snapshot: Snapshot, because: str) -> None:
    """Log what somebody should look at."""
    log.error("alert", because=because, **log_context(snapshot))


FIRST_REFUSAL = 300
"""Statuses below this one mean that VTEX took it."""


@dataclass(slots=True)
class ClaimProgress:
    """The terms under which a batch of claims is sent."""

    terms: AccountTerms
    policy: Callable[[str, str], Policy]
    waits: Waits
    state: AccountState
    clock: Clock
    unread: Mapping[str, datetime]
    jitter: Callable[[], float]
    planned: dict[int, PlannedWrite] = field(default_factory=dict)

    def begin(self, claim: Claim) -> Sequence[Change]:
        """Plan the first step of a claim; its content is stored with the claim."""
        now = self.clock()
        if claim.attempts > self.waits.max_attempts:
            gave_up = f"gave up after {self.waits.max_attempts} attempts"
            planned = PlannedWrite(Rest(stuck_reason=gave_up), "")
        else:
            planned = self.plan(claim, now)
        self.planned[claim.snapshot.shipment] = planned
        held = quarantine_changes(claim.snapshot, now, self.policy_of(claim))
        log_quarantined(claim, held)
        return [*held, *planned.changes]

    def plan(
        self, claim: Claim, now: datetime, last: ReadOrder | Write | None = None
    ) -> PlannedWrite:
        """Say what comes next for a claim, and what is stored before it."""
        can_read = settlement.can_read(self.state, now)
        step = next_step(
            claim,
            now,
            self.policy_of(claim),
            can_read=can_read,
            read_up_to=self._read_up_to(claim, now),
            assessment=last.assessment if isinstance(last, SendEvents) else None,
        )
        return plan(claim, step, now)

    def policy_of(self, claim: Claim) -> Policy:
        """Return the settings that this shipment is told by."""
        return self.policy(claim.snapshot.account, claim.snapshot.contract)

    def _read_up_to(self, claim: Claim, now: datetime) -> datetime | None:
        """Return what the reader is behind with, if it is behind too far."""
        oldest = self.unread.get(claim.snapshot.contract)
        if oldest is None or now - oldest <= self.waits.quiet:
            return None
        return now - self.waits.unread

    def around(self, claim: Claim, now: datetime) -> OutcomeContext:
        """Return what an outcome depends on besides the answer."""
        return OutcomeContext(
            now=now,
            terms=self.terms,
            policy=self.policy_of(claim),
            waits=self.waits,
            state=self.state,
            jitter=self.jitter(),
        )


OnCall = Callable[[str, str, int | None], None]
"""Told of every call: the account, the kind, and the status if there was one."""


def no_observer(_account: str, _kind: str, _status: int | None) -> None:
    """Tell nobody of a call."""


@dataclass(slots=True)
class Sender:
    """Carries claims out: the only place from which VTEX is called."""

    claims: Claims
    vtex: VtexClient
    on_call: OnCall = no_observer

    async def send(self, claim: Claim, course: ClaimProgress) -> None:
        """Carry one claim out to its settlement; errors are logged, never raised.

        What is not settled here is settled when the lease is over.
        """
        about = log_context(claim.snapshot)
        try:
            await self._course(claim, course)
        except LeaseLost:
            log.warning("the lease ran out", **about)
        except Exception:
            log.exception("a claim was not settled", **about)

    async def _course(self, claim: Claim, course: ClaimProgress) -> None:
        clock = course.clock
        deadline = Deadline.within(course.waits.deadline.total_seconds(), clock)
        planned = course.planned.pop(claim.snapshot.shipment)
        while not isinstance(planned.step, Rest):
            answer = await self._call(claim, planned, course, deadline)
            outcome = _outcome(claim, planned, answer, course)
            now = clock()
            claim = outcome.claim
            changes = [_answered(planned, answer, now), *outcome.changes]
            if isinstance(planned.step, Write) and _accepted(answer):
                log_published(claim, planned.step)
            if outcome.settlement is not None:
                log_failure(claim, outcome)
                changes.append(settle_change(claim, outcome.settlement, now))
                await self.claims.write(claim, changes, outcome.amend)
                return
            _learn(course.state, outcome.amend)
            planned = course.plan(claim, now, planned.step)
            if isinstance(planned.step, Rest):
                changes += self._resting(claim, planned.step, now)
                await self.claims.write(claim, changes, outcome.amend)
                return
            changes += planned.changes
            await self.claims.write(claim, changes, _owing(outcome.amend))
        await self.claims.write(claim, self._resting(claim, planned.step, clock()))

    def _resting(self, claim: Claim, step: Rest, now: datetime) -> list[Change]:
        """Return how a claim comes to rest; what to look at is noted and logged."""
        snapshot = claim.snapshot
        changes = [settle_change(claim, rest(step), now)]
        for alert in alerts(snapshot, step, now):
            log_alert(snapshot, alert)
            note = {"shipment": snapshot.shipment, "now": micros(now), "text": alert}
            changes.append(("note", note))
        return changes

    async def _call(
        self,
        claim: Claim,
        planned: PlannedWrite,
        course: ClaimProgress,
        deadline: Deadline,
    ) -> VtexResponse | VtexError:
        """Make one call; the sender checks its lease against the clock before."""
        snapshot, step = claim.snapshot, planned.step
        assert not isinstance(step, Rest)  # noqa: S101 -- a rest makes no call
        account = course.terms.vtex
        status: int | None = None
        try:
            if course.clock() >= claim.lease_until:
                raise DeadlineOver("the lease is over")
            if isinstance(step, ReadOrder):
                answer = await self.vtex.read_order(
                    account, snapshot.order_id, deadline=deadline
                )
            else:
                answer = await self._write(claim, step, course, deadline)
            status = answer.status
        except VtexError as error:
            return error
        finally:
            self.on_call(snapshot.account, step.kind, status)
        return answer

    async def _write(
        self, claim: Claim, step: Write, course: ClaimProgress, deadline: Deadline
    ) -> VtexResponse:
        call = (
            self.vtex.send_tracking
            if isinstance(step, SendTrackingNumber)
            else self.vtex.publish
        )
        return await call(
            course.terms.vtex,
            claim.snapshot.order_id,
            claim.snapshot.addressed_as,
            step.body.encode(),
            deadline=deadline,
        )


def _accepted(answer: VtexResponse | VtexError) -> bool:
    return not isinstance(answer, VtexError) and answer.status < FIRST_REFUSAL


def _outcome(
    claim: Claim,
    planned: PlannedWrite,
    answer: VtexResponse | VtexError,
    course: ClaimProgress,
) -> Outcome:
    around = course.around(claim, course.clock())
    step = planned.step
    assert not isinstance(step, Rest)  # noqa: S101 -- a rest makes no call
    if isinstance(answer, VtexError):
        return outcome_of_error(claim, step, answer, around)
    return outcome_of_answer(claim, step, answer, around)


def _answered(
    planned: PlannedWrite, answer: VtexResponse | VtexError, now: datetime
) -> Change:
    """Return the ledger's row of a call that came to an end."""
    values: dict[str, Any] = {"call": planned.call, "now": micros(now)}
    if isinstance(answer, VtexError):
        sent = int(isinstance(answer, Unanswered))
        values |= {
            "status": None,
            "message": str(answer),
            "receipt": None,
            "sent": sent,
        }
    else:
        values |= {"status": answer.status, "message": answer.words, "sent": 1}
        values["receipt"] = answer.receipt
    return ("answer_call", values)


def _learn(state: AccountState, amend: Amend | None) -> None:
    """Let the rest of this course know at once what the gates learned."""
    if amend is not None:
        amend(state)


def _owing(amend: Amend | None) -> Amend:
    def both(state: AccountState) -> None:
        if amend is not None:
            amend(state)
        settlement.spend(state)

    return both
