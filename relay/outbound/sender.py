"""Working on one claim: step, call, answer, until the shipment is settled."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from relay.clock import Clock
from relay.config.sections import PublisherSettings
from relay.domain.outgoing_events import Subscriptions
from relay.domain.shipment import Policy
from relay.errors import DeadlineOver, LeaseLost, VtexError
from relay.logs import logger
from relay.outbound import gates
from relay.outbound.alerts import rest_changes
from relay.outbound.call_observer import OnCall, no_observer
from relay.outbound.computation import compute
from relay.outbound.gates import Amend
from relay.outbound.list_mode import needed_events
from relay.outbound.outcomes import outcome_of_answer, outcome_of_error
from relay.outbound.outgoing_events import (
    OutgoingContext,
    failed_changes,
    milestone_changes,
    stuck_changes,
)
from relay.outbound.plan import PlannedStep, answer_change, plan, quarantine_changes
from relay.outbound.publish_log import log_context, log_outcome, log_quarantined
from relay.outbound.settlement import (
    UNAVAILABLE_CAP,
    AccountTerms,
    Outcome,
    OutcomeContext,
    backoff,
    failed_change,
    in_one_update,
    settle_change,
)
from relay.outbound.steps import (
    Call,
    ReadOrder,
    Rest,
    SendEvents,
    SendTrackingNumber,
    Write,
    next_step,
)
from relay.store.accounts import AccountState
from relay.store.claims import Claims
from relay.store.database import Row
from relay.store.snapshots import Change, Claim
from relay.vtex.client import Deadline, VtexClient, VtexResponse

log = logger(__name__)


def ignore_failure(_account: str) -> None:
    """Do not count a shipment that could not be planned."""


@dataclass(slots=True)
class ClaimProgress:
    """The terms for a batch of claims of one account, and their planned steps.

    `state` is a copy of the account's gates, kept up to date by the answers of the
    batch. `unread` says, by contract, since when documents wait to be parsed.
    """

    terms: AccountTerms
    policy: Callable[[str, str], Policy]
    waits: PublisherSettings
    state: AccountState
    clock: Clock
    unread: Mapping[str, datetime]
    jitter: Callable[[], float]
    on_failure: Callable[[str], None] = ignore_failure
    subscriptions: Subscriptions = ()
    planned: dict[int, PlannedStep] = field(default_factory=dict)

    def begin(self, claim: Claim) -> Sequence[Change]:
        """Plan the first step of a claim; its content is stored with the claim."""
        now = self.clock()
        if claim.attempts > self.waits.max_attempts:
            gave_up = f"gave up after {self.waits.max_attempts} attempts"
            planned = PlannedStep(Rest(stuck_reason=gave_up), "")
        else:
            planned = self.plan(claim, now)
        self.planned[claim.snapshot.shipment] = planned
        quarantines = quarantine_changes(
            claim.snapshot, now, self.policy_of(claim), planned.step
        )
        log_quarantined(claim, quarantines)
        context = OutgoingContext(
            now,
            self.policy_of(claim),
            self.subscriptions,
            self._read_up_to(claim, now),
        )
        events = milestone_changes(claim.snapshot, planned.step, context)
        return [*quarantines, *planned.changes, *events]

    def fail(self, row: Row, error: Exception) -> Sequence[Change]:
        """Postpone a shipment that could not be planned; the others are not affected.

        It is tried again with growing waits, and is stuck after `max_attempts`.
        """
        now, waits, attempts = self.clock(), self.waits, row["attempts"]
        fields = {
            "account": row["account"],
            "order": row["order_id"],
            "invoice": row["invoice_number"],
            "contract": row["contract"],
        }
        log.error("planning failed", shipment=row["id"], exc_info=error, **fields)
        self.on_failure(row["account"])
        least = waits.unavailable_seconds
        wait = backoff(attempts, self.jitter(), least=least, most=UNAVAILABLE_CAP)
        gives_up = attempts >= waits.max_attempts
        changes = [failed_change(row, error, now + wait, now, gives_up=gives_up)]
        return [*changes, *failed_changes(row, changes, now, self.subscriptions)]

    def plan(
        self, claim: Claim, now: datetime, last: Call | None = None
    ) -> PlannedStep:
        """Plan the next step of a claim, after the step *last*."""
        step = next_step(
            claim,
            now,
            self.policy_of(claim),
            can_read=gates.can_read(self.state, now),
            read_up_to=self._read_up_to(claim, now),
            assessment=last.assessment if isinstance(last, SendEvents) else None,
        )
        return plan(claim, step, now)

    def follow(
        self, claim: Claim, now: datetime, last: Call
    ) -> tuple[PlannedStep, Sequence[Change]]:
        """Plan the step after *last*; return it with what to store before it."""
        planned = self.plan(claim, now, last)
        if isinstance(planned.step, Rest):
            policy = self.policy_of(claim)
            return planned, rest_changes(claim, planned.step, now, policy)
        return planned, planned.changes

    def policy_of(self, claim: Claim) -> Policy:
        """Return the settings that this shipment is published by.

        What an account was seen to do with updates decides what they hold.
        """
        policy = self.policy(claim.snapshot.account, claim.snapshot.contract)
        needed = needed_events(policy.events, self.state.list_mode)
        return policy if needed == policy.events else replace(policy, events=needed)

    def _read_up_to(self, claim: Claim, now: datetime) -> datetime | None:
        """Return up to when documents count as parsed, if the reader is too late."""
        oldest = self.unread.get(claim.snapshot.contract)
        if oldest is None or now - oldest <= self.waits.quiet_seconds:
            return None
        return now - self.waits.unread_wait_seconds

    def stuck(
        self, claim: Claim, changes: Sequence[Change], now: datetime
    ) -> list[Change]:
        """Return the outgoing event's changes if *changes* leave a shipment stuck."""
        return stuck_changes(claim.snapshot, changes, now, self.subscriptions)

    def context(self, claim: Claim, now: datetime) -> OutcomeContext:
        """Return what the outcome of an answer depends on besides it."""
        return OutcomeContext(
            now=now,
            terms=self.terms,
            policy=self.policy_of(claim),
            waits=self.waits,
            state=self.state,
            jitter=self.jitter(),
        )


@dataclass(slots=True)
class Sender:
    """Works on claims: the only place from which VTEX is called."""

    claims: Claims
    vtex: VtexClient
    on_call: OnCall = no_observer
    tick: Callable[[], float] = time.perf_counter

    async def send(self, claim: Claim, progress: ClaimProgress) -> None:
        """Work on one claim until it is settled; errors are logged, never raised.

        A claim that fails here is due again when its lease ends.
        """
        fields = log_context(claim.snapshot)
        try:
            await self._work(claim, progress)
        except LeaseLost:
            log.warning("lease lost", **fields)
        except Exception:
            log.exception("claim failed", **fields)

    async def _work(self, claim: Claim, progress: ClaimProgress) -> None:
        clock = progress.clock
        deadline = Deadline.within(
            progress.waits.deadline_seconds.total_seconds(), clock
        )
        planned = progress.planned.pop(claim.snapshot.shipment)
        while not isinstance(planned.step, Rest):
            step, call = planned.step, planned.call
            answer = await self._call(claim, step, progress, deadline)
            judged = partial(_outcome, claim, step, answer, progress)
            outcome = await compute(claim.snapshot, judged)
            now = clock()
            claim = outcome.claim
            changes = [answer_change(call, answer, now), *outcome.changes]
            log_outcome(claim, step, outcome)
            if outcome.settlement is not None:
                changes.append(settle_change(claim, outcome.settlement, now))
                changes += progress.stuck(claim, changes, now)
                await self.claims.write(claim, changes, outcome.amend)
                return
            # The next step is planned at once, so it needs the gates as they are now.
            if outcome.amend is not None:
                outcome.amend(progress.state)
            follows = partial(progress.follow, claim, now, step)
            planned, more = await compute(claim.snapshot, follows)
            changes += more
            if isinstance(planned.step, Rest):
                changes += progress.stuck(claim, changes, now)
                await self.claims.write(claim, in_one_update(changes), outcome.amend)
                return
            # The answer and the next write are stored in one commit.
            await self.claims.write(claim, changes, _and_spend(outcome.amend))
        policy, now = progress.policy_of(claim), clock()
        rests = partial(rest_changes, claim, planned.step, now, policy)
        changes = await compute(claim.snapshot, rests)
        changes += progress.stuck(claim, changes, now)
        await self.claims.write(claim, changes)

    async def _call(
        self, claim: Claim, step: Call, progress: ClaimProgress, deadline: Deadline
    ) -> VtexResponse | VtexError:
        """Make one call, if the lease still holds by the wall clock."""
        snapshot, account = claim.snapshot, progress.terms.vtex
        status: int | None = None
        started = self.tick()
        try:
            # A process that was suspended must not write under a lease that is over.
            if progress.clock() >= claim.lease_until:
                raise DeadlineOver("the lease is over")
            if isinstance(step, ReadOrder):
                answer = await self.vtex.read_order(
                    account, snapshot.order_id, deadline=deadline
                )
            else:
                answer = await self._write(claim, step, progress, deadline)
            status = answer.status
        except VtexError as error:
            return error
        finally:
            seconds = self.tick() - started
            self.on_call(snapshot.account, step.kind, status, seconds)
        return answer

    async def _write(
        self, claim: Claim, step: Write, progress: ClaimProgress, deadline: Deadline
    ) -> VtexResponse:
        send = (
            self.vtex.send_tracking_number
            if isinstance(step, SendTrackingNumber)
            else self.vtex.send_events
        )
        return await send(
            progress.terms.vtex,
            claim.snapshot.order_id,
            claim.snapshot.addressed_as,
            step.body.encode(),
            deadline=deadline,
        )


def _outcome(
    claim: Claim,
    step: Call,
    answer: VtexResponse | VtexError,
    progress: ClaimProgress,
) -> Outcome:
    context = progress.context(claim, progress.clock())
    if isinstance(answer, VtexError):
        return outcome_of_error(claim, step, answer, context)
    return outcome_of_answer(claim, step, answer, context)


def _and_spend(amend: Amend | None) -> Amend:
    """Return *amend* that also takes the permit for the claim's further call."""
    return gates.both(amend, gates.spend) if amend is not None else gates.spend
