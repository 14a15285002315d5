"""Working on one invoice: read its order, then write, and store before and after."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from relay.clock import Clock
from relay.config.sections import PublisherSettings
from relay.errors import DeadlineOver, LeaseLost, Unanswered, VtexError
from relay.logs import logger
from relay.outbound import gates
from relay.outbound.call_observer import OnCall, no_observer
from relay.outbound.gates import Amend
from relay.outbound.invoice_failures import InvoiceContext, InvoiceOutcome, unreadable
from relay.outbound.invoice_outcomes import after_read, after_write
from relay.outbound.settlement import AccountTerms
from relay.store.accounts import AccountState
from relay.store.codec import new_id
from relay.store.invoice_claims import (
    InvoiceCall,
    InvoiceClaim,
    InvoiceClaims,
    InvoiceSaving,
)
from relay.vtex.bodies import delivered_date, tracking_body
from relay.vtex.client import Deadline, VtexClient, VtexResponse

log = logger(__name__)

Answer = VtexResponse | VtexError
_UTC: Final = ZoneInfo("UTC")


@dataclass(slots=True)
class InvoiceTerms:
    """The terms for a batch of invoices of one account.

    `state` is a copy of the account's gates, kept up to date by the answers.
    """

    terms: AccountTerms
    waits: PublisherSettings
    state: AccountState
    clock: Clock
    jitter: Callable[[], float]

    def context(self) -> InvoiceContext:
        """Return what the outcome of an answer depends on besides it."""
        return InvoiceContext(self.clock(), self.waits, self.state, self.jitter())


@dataclass(slots=True)
class InvoiceSender:
    """Works on claimed invoices."""

    claims: InvoiceClaims
    vtex: VtexClient
    on_call: OnCall = no_observer
    tick: Callable[[], float] = time.perf_counter

    async def send(self, claim: InvoiceClaim, terms: InvoiceTerms) -> None:
        """Work on one claim until it ends; errors are logged, never raised.

        A claim that fails here is due again when its lease ends.
        """
        try:
            await self._work(claim, terms)
        except LeaseLost:
            log.warning("lease lost", **_about(claim))
        except Exception:
            log.exception("claim failed", **_about(claim))

    async def _work(self, claim: InvoiceClaim, terms: InvoiceTerms) -> None:
        seconds = terms.waits.deadline_seconds.total_seconds()
        deadline = Deadline.within(seconds, terms.clock)
        if not gates.can_read(terms.state, terms.clock()):
            await self._end(claim, unreadable(claim, terms.context()), terms)
            return
        read = new_id(terms.clock())
        answer = await self._call(claim, "read_order", terms, deadline)
        outcome = after_read(claim, answer, terms.context())
        calls = (_answered(read, "read_order", answer),)
        if outcome.write is None:
            await self._end(claim, outcome, terms, calls)
            return
        write, sent = outcome.write, new_id(terms.clock())
        if outcome.amend is not None:
            outcome.amend(terms.state)
        saving = InvoiceSaving(
            outcome.progress,
            (*calls, InvoiceCall(sent, write)),
            _and_spend(outcome.amend),
            write,
        )
        # On disk before it is sent: after a crash the order is read, not written.
        await self.claims.save(claim, saving, terms.clock())
        await self._write(claim, outcome, sent, terms, deadline)

    async def _write(
        self,
        claim: InvoiceClaim,
        planned: InvoiceOutcome,
        call: str,
        terms: InvoiceTerms,
        deadline: Deadline,
    ) -> None:
        write = planned.write
        assert write is not None  # noqa: S101 -- called for a write only
        answer = await self._call(claim, write, terms, deadline)
        planned_claim = replace(claim, progress=planned.progress)
        outcome = after_write(planned_claim, write, answer, terms.context())
        await self._end(
            planned_claim, outcome, terms, (_answered(call, write, answer),)
        )

    async def _end(
        self,
        claim: InvoiceClaim,
        outcome: InvoiceOutcome,
        terms: InvoiceTerms,
        calls: tuple[InvoiceCall, ...] = (),
    ) -> None:
        saving = InvoiceSaving(
            outcome.progress, calls, outcome.amend, posted_now=outcome.posted_now
        )
        await self.claims.save(claim, saving, terms.clock())
        _log_end(claim, outcome)

    async def _call(
        self,
        claim: InvoiceClaim,
        kind: str,
        terms: InvoiceTerms,
        deadline: Deadline,
    ) -> Answer:
        """Make one call, if the lease still holds by the wall clock."""
        status: int | None = None
        started = self.tick()
        try:
            now = terms.clock()
            if now >= claim.lease_until:
                raise DeadlineOver("the lease is over")
            answer = await self._send(claim, kind, terms, deadline, now)
            status = answer.status
        except VtexError as error:
            return error
        finally:
            seconds = self.tick() - started
            self.on_call(claim.notification.account, kind, status, seconds)
        return answer

    async def _send(
        self,
        claim: InvoiceClaim,
        kind: str,
        terms: InvoiceTerms,
        deadline: Deadline,
        now: datetime,
    ) -> VtexResponse:
        account, order_id = terms.terms.vtex, claim.notification.order_id
        if kind == "read_order":
            return await self.vtex.read_order(account, order_id, deadline=deadline)
        if kind == "post_invoice":
            body = claim.body.encode()
            return await self.vtex.post_invoice(
                account, order_id, body, deadline=deadline
            )
        number = claim.notification.invoice_number
        # A return has no carrier's events: only that it has arrived (VTEX: 415482).
        delivered = delivered_date(now, _UTC, "utc")
        body = tracking_body([], delivered, is_delivered=True)
        return await self.vtex.send_events(
            account, order_id, number, body, deadline=deadline
        )


def _answered(call: str, kind: str, answer: Answer) -> InvoiceCall:
    """Return a call with its answer, as it is logged."""
    if isinstance(answer, VtexError):
        sent = isinstance(answer, Unanswered)
        return InvoiceCall(call, kind, None, str(answer), sent, is_answered=True)
    return InvoiceCall(call, kind, answer.status, answer.message, is_answered=True)


def _and_spend(amend: Amend | None) -> Amend:
    """Return *amend* that also takes the permit for the claim's second call."""

    def both(state: AccountState) -> None:
        if amend is not None:
            amend(state)
        gates.spend(state)

    return both


def _about(claim: InvoiceClaim) -> dict[str, str]:
    sent = claim.notification
    return {
        "account": sent.account,
        "order": sent.order_id,
        "invoice": sent.invoice_number,
        "type": sent.type.value,
    }


def _log_end(claim: InvoiceClaim, outcome: InvoiceOutcome) -> None:
    """Log that an invoice was posted, or why it was not."""
    progress = outcome.progress
    if outcome.posted_now:
        shown = progress.receipt is None
        log.info("invoice posted", shown_already=shown, **_about(claim))
    elif progress.stuck_reason is not None:
        log.warning("invoice stuck", because=progress.stuck_reason, **_about(claim))
    elif progress.due_at is not None:
        because = progress.waiting_reason
        log.warning("invoice postponed", because=because, **_about(claim))
    else:
        log.info("return delivered", **_about(claim))
