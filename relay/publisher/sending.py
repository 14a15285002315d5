"""One claim's course: step, call, answer, until the shipment is settled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from relay.clock import Clock, micros
from relay.errors import DeadlineOver, LeaseLost, Unanswered, VtexError
from relay.logs import logger
from relay.publisher import following, gates
from relay.publisher.alerts import alerts
from relay.publisher.outcomes import (
    Circumstances,
    Outcome,
    outcome_of_answer,
    outcome_of_error,
)
from relay.publisher.settling import Amend, rest, settle_change
from relay.publisher.steps import Announce, Look, Publish, Rest, Write, next_step
from relay.publisher.storing import Planned, plan, quarantine_changes
from relay.publisher.terms import AccountTerms, Waits
from relay.store.accounts import AccountState
from relay.store.claimed import Change, Claim
from relay.store.claims import Claims
from relay.telling.facts import Policy
from relay.vtex.client import Answer, VtexClient
from relay.vtex.deadline import Deadline

log = logger(__name__)

FIRST_REFUSAL = 300
"""Statuses below this one mean that VTEX took it."""


@dataclass(slots=True)
class Course:
    """The terms under which a batch of claims is sent."""

    terms: AccountTerms
    policy: Callable[[str, str], Policy]
    waits: Waits
    state: AccountState
    clock: Clock
    unread: Mapping[str, datetime]
    jitter: Callable[[], float]
    planned: dict[int, Planned] = field(default_factory=dict)

    def begin(self, claim: Claim) -> Sequence[Change]:
        """Plan the first step of a claim; its content is stored with the claim."""
        now = self.clock()
        if claim.attempts > self.waits.max_attempts:
            gave_up = f"gave up after {self.waits.max_attempts} attempts"
            planned = Planned(Rest(stuck_because=gave_up), "")
        else:
            planned = self.plan(claim, now)
        self.planned[claim.facts.shipment] = planned
        held = quarantine_changes(claim.facts, now, self.policy_of(claim))
        following.held_back(claim, held)
        return [*held, *planned.changes]

    def plan(
        self, claim: Claim, now: datetime, last: Look | Write | None = None
    ) -> Planned:
        """Say what comes next for a claim, and what is stored before it."""
        can_read = gates.can_read(self.state, now)
        step = next_step(
            claim,
            now,
            self.policy_of(claim),
            can_read=can_read,
            read_up_to=self._read_up_to(claim, now),
            assessment=last.assessment if isinstance(last, Publish) else None,
        )
        return plan(claim, step, now)

    def policy_of(self, claim: Claim) -> Policy:
        """Return the settings that this shipment is told by."""
        return self.policy(claim.facts.account, claim.facts.contract)

    def _read_up_to(self, claim: Claim, now: datetime) -> datetime | None:
        """Return what the reader is behind with, if it is behind too far."""
        oldest = self.unread.get(claim.facts.contract)
        if oldest is None or now - oldest <= self.waits.quiet:
            return None
        return now - self.waits.unread

    def around(self, claim: Claim, now: datetime) -> Circumstances:
        """Return what an outcome depends on besides the answer."""
        return Circumstances(
            now=now,
            terms=self.terms,
            policy=self.policy_of(claim),
            waits=self.waits,
            state=self.state,
            jitter=self.jitter(),
        )


OnCall = Callable[[str, str, int | None], None]
"""Told of every call: the account, the kind, and the status if there was one."""


def nobody(_account: str, _kind: str, _status: int | None) -> None:
    """Tell nobody of a call."""


@dataclass(slots=True)
class Sender:
    """Carries claims out: the only place from which VTEX is called."""

    claims: Claims
    vtex: VtexClient
    on_call: OnCall = nobody

    async def send(self, claim: Claim, course: Course) -> None:
        """Carry one claim out to its settlement; errors are logged, never raised.

        What is not settled here is settled when the lease is over.
        """
        about = following.about(claim.facts)
        try:
            await self._course(claim, course)
        except LeaseLost:
            log.warning("the lease ran out", **about)
        except Exception:
            log.exception("a claim was not settled", **about)

    async def _course(self, claim: Claim, course: Course) -> None:
        clock = course.clock
        deadline = Deadline.within(course.waits.deadline.total_seconds(), clock)
        planned = course.planned.pop(claim.facts.shipment)
        while not isinstance(planned.step, Rest):
            answer = await self._call(claim, planned, course, deadline)
            outcome = _outcome(claim, planned, answer, course)
            now = clock()
            claim = outcome.claim
            changes = [_answered(planned, answer, now), *outcome.changes]
            if isinstance(planned.step, Write) and _accepted(answer):
                following.told(claim, planned.step)
            if outcome.settlement is not None:
                following.not_through(claim, outcome)
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
        facts = claim.facts
        changes = [settle_change(claim, rest(step), now)]
        for alert in alerts(facts, step, now):
            following.alert(facts, alert)
            note = {"shipment": facts.shipment, "now": micros(now), "text": alert}
            changes.append(("note", note))
        return changes

    async def _call(
        self, claim: Claim, planned: Planned, course: Course, deadline: Deadline
    ) -> Answer | VtexError:
        """Make one call; the sender checks its lease against the clock before."""
        facts, step = claim.facts, planned.step
        assert not isinstance(step, Rest)  # noqa: S101 -- a rest makes no call
        account = course.terms.vtex
        status: int | None = None
        try:
            if course.clock() >= claim.lease_until:
                raise DeadlineOver("the lease is over")
            if isinstance(step, Look):
                answer = await self.vtex.read_order(
                    account, facts.order_id, deadline=deadline
                )
            else:
                answer = await self._write(claim, step, course, deadline)
            status = answer.status
        except VtexError as error:
            return error
        finally:
            self.on_call(facts.account, step.kind, status)
        return answer

    async def _write(
        self, claim: Claim, step: Write, course: Course, deadline: Deadline
    ) -> Answer:
        call = self.vtex.announce if isinstance(step, Announce) else self.vtex.publish
        return await call(
            course.terms.vtex,
            claim.facts.order_id,
            claim.facts.addressed_as,
            step.body.encode(),
            deadline=deadline,
        )


def _accepted(answer: Answer | VtexError) -> bool:
    return not isinstance(answer, VtexError) and answer.status < FIRST_REFUSAL


def _outcome(
    claim: Claim, planned: Planned, answer: Answer | VtexError, course: Course
) -> Outcome:
    around = course.around(claim, course.clock())
    step = planned.step
    assert not isinstance(step, Rest)  # noqa: S101 -- a rest makes no call
    if isinstance(answer, VtexError):
        return outcome_of_error(claim, step, answer, around)
    return outcome_of_answer(claim, step, answer, around)


def _answered(planned: Planned, answer: Answer | VtexError, now: datetime) -> Change:
    """Return the ledger's row of a call that came to an end."""
    values: dict[str, Any] = {"call": planned.call, "now": micros(now)}
    if isinstance(answer, VtexError):
        sent = int(isinstance(answer, Unanswered))
        values |= {"status": None, "words": str(answer), "receipt": None, "sent": sent}
    else:
        values |= {"status": answer.status, "words": answer.words, "sent": 1}
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
        gates.spend(state)

    return both
