"""The publisher: claims due shipments and invoices and sends them, a few at a time."""

import asyncio
import random
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from relay.clock import Clock, micros
from relay.health import Health
from relay.logs import logger
from relay.loops import NOW, LoopTiming, is_outage, run_forever
from relay.outbound.claim_traces import ClaimTraces, in_span
from relay.outbound.invoice_sender import InvoiceSender, InvoiceTerms
from relay.outbound.sender import ClaimProgress, Sender, ignore_failure
from relay.outbound.settlement import AccountTerms, PublisherTerms
from relay.spans import NO_TRACING, Tracing
from relay.store.accounts import AccountState
from relay.store.claims import Claims
from relay.store.codec import new_id
from relay.store.snapshots import ClaimTerms

log = logger(__name__)

T = TypeVar("T")

Unread = Callable[[datetime], Awaitable[Mapping[str, datetime]]]
"""Returns by contract when the oldest unparsed document came, if before a time."""

_Ready = Callable[[datetime], Awaitable[list[AccountState]]]
_Claim = Callable[
    [ClaimTerms, datetime, AccountState, AccountTerms], Coroutine[Any, Any, int]
]
LOOP: Final = "publisher"
SILENCE_LIMIT: Final = timedelta(seconds=60)


async def nothing_unread(_before: datetime) -> Mapping[str, datetime]:
    """Return that no document waits to be parsed."""
    return {}


@dataclass(slots=True)
class Publisher:
    """Publishes to VTEX what it does not have yet: invoices, numbers and events.

    `step` claims and starts what may be sent now; `run` repeats it after each
    `wake`, and at an interval in case one is missed.
    """

    claims: Claims
    sender: Sender
    invoices: InvoiceSender
    terms: PublisherTerms
    clock: Clock
    unread: Unread = nothing_unread
    on_failure: Callable[[str], None] = ignore_failure
    health: Health = field(default_factory=Health)
    tracing: Tracing = NO_TRACING
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[Any]] = field(default_factory=set)
    _expired_at: datetime | None = None
    _rests: bool = True
    _invoices_first: bool = False

    def wake(self) -> None:
        """Claim at once: a label or an event was committed."""
        self._woken.set()

    async def start(self, *, alone: bool) -> None:
        """Take back the claims that an earlier process never settled.

        *alone*: no other process publishes from this database, so no lease counts.
        """
        for account in self.terms.accounts:
            await self._expire(account, predecessor=alone)

    async def run(self) -> None:
        """Work until cancelled, and let what is in flight come to its end."""
        timing = LoopTiming(self._rest, SILENCE_LIMIT)
        try:
            await run_forever(LOOP, self._round, self.health, timing, self._woken)
        finally:
            await self.drain()

    async def _round(self) -> None:
        """Take one step, and remember whether another one may follow at once."""
        self._rests = not await self.step()

    def _rest(self) -> timedelta:
        return self.terms.waits.due_check_seconds if self._rests else NOW

    async def drain(self) -> None:
        """Wait until nothing is in flight."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def step(self) -> int:
        """Claim due work of every account in turn; return how much.

        An account that fails does not stop the others. Raises its error in the end, so
        that the loop is not ready while one account fails.
        """
        now, started = self.clock(), 0
        errors: list[Exception] = []
        for account in self._to_take_back(now):
            await _alone(account, self._expire(account, predecessor=False), errors)
        for ready, claim in self._in_turns():
            for state in await ready(now) if self._free() > 0 else ():
                terms = self.terms.accounts.get(state.account)
                if terms is not None and not terms.shadow:
                    work = self._publish(state, terms, now, claim)
                    started += await _alone(state.account, work, errors)
        if errors:
            raise ExceptionGroup("some accounts failed", errors)
        return started

    def _in_turns(self) -> Sequence[tuple[_Ready, _Claim]]:
        """Return both kinds of work; the first one changes with every step.

        They share the account's rate, so neither must always be the first.
        """
        shipments = (self.claims.ready_accounts, self._claim)
        invoices = (self.invoices.claims.ready_accounts, self._claim_invoices)
        self._invoices_first = not self._invoices_first
        return (invoices, shipments) if self._invoices_first else (shipments, invoices)

    def _free(self) -> int:
        """Return how many more shipments may be worked on at once."""
        return self.terms.waits.in_flight - len(self._running)

    async def settle_all(self) -> None:
        """Work until nothing is due at the clock's current time."""
        while await self.step() or self._running:
            await self.drain()

    async def _publish(
        self, state: AccountState, terms: AccountTerms, now: datetime, claim: _Claim
    ) -> int:
        # Half at a time: while VTEX answers one half, the other is claimed or settled.
        free = min(self._free(), max(self.terms.waits.in_flight // 2, 1))
        if free <= 0 or state.closed_reason(micros(now)):
            return 0
        waits = self.terms.waits
        taking = ClaimTerms(
            account=state.account,
            wanted=free,
            lease=new_id(now),
            lease_until=now + waits.deadline_seconds + waits.lease_margin_seconds,
            limits=terms.limits,
        )
        # What is claimed is sent, even if the publisher is stopped meanwhile.
        return await asyncio.shield(self._run(claim(taking, now, state, terms)))

    async def _claim(
        self,
        taking: ClaimTerms,
        now: datetime,
        state: AccountState,
        terms: AccountTerms,
    ) -> int:
        """Claim what may be sent and start sending it; return how many."""
        progress = await self._progress(state, terms)
        if self.tracing.on:
            return await self._claim_traced(taking, now, progress)
        claims = await self.claims.claim(taking, now, progress.begin, progress.fail)
        for claim in claims:
            sending = self._run(self.sender.send(claim, progress))
            sending.add_done_callback(lambda _: self.wake())  # a place is free again
        return len(claims)

    async def _claim_traced(
        self, taking: ClaimTerms, now: datetime, progress: ClaimProgress
    ) -> int:
        """Claim and send as `_claim` does, with spans."""
        traces = ClaimTraces(self.tracing, self.claims)
        begin = traces.timed(progress.begin)
        claims = await self.claims.claim(taking, now, begin, progress.fail)
        contexts = await traces.contexts(claims)
        for claim in claims:
            work = self.sender.send(claim, progress)
            context = contexts.get(claim.snapshot.shipment)
            sending = self._run(traces.traced(claim, work, context))
            sending.add_done_callback(lambda _: self.wake())
        return len(claims)

    async def _claim_invoices(
        self,
        taking: ClaimTerms,
        now: datetime,
        state: AccountState,
        terms: AccountTerms,
    ) -> int:
        """Claim due invoices and start posting them; return how many."""
        waits = self.terms.waits
        about = InvoiceTerms(terms, waits, state, self.clock, random.random)
        claims = await self.invoices.claims.claim(taking, now)
        for claim in claims:
            which = {"relay.account": state.account, "relay.invoice_id": claim.id}
            work = self.invoices.send(claim, about)
            sending = self._run(in_span(self.tracing, "post invoice", which, work))
            sending.add_done_callback(lambda _: self.wake())
        return len(claims)

    def _run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start *work* as a task that `drain` waits for."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _progress(
        self, state: AccountState, terms: AccountTerms
    ) -> ClaimProgress:
        unread = await self.unread(self.clock() - self.terms.waits.quiet_seconds)
        return ClaimProgress(
            terms=terms,
            policy=self.terms.policy,
            waits=self.terms.waits,
            state=state,
            clock=self.clock,
            unread=unread,
            jitter=random.random,
            on_failure=self.on_failure,
            subscriptions=self.terms.subscriptions,
        )

    def _to_take_back(self, now: datetime) -> Collection[str]:
        """Return the accounts whose expired leases end now: all, once per interval."""
        last = self._expired_at
        if last is not None and last <= now < last + self.terms.waits.due_check_seconds:
            return ()
        self._expired_at = now
        return tuple(self.terms.accounts)

    async def _expire(self, account: str, *, predecessor: bool) -> int:
        now, wait = self.clock(), self.terms.waits.unconfirmed_wait_seconds
        shipments = await self.claims.expire(
            account, now, wait, predecessor=predecessor
        )
        invoices = await self.invoices.claims.expire(
            account, now, wait, predecessor=predecessor
        )
        if shipments or invoices:
            found = {"shipments": shipments, "invoices": invoices}
            log.warning("claims never settled", account=account, **found)
        return shipments + invoices


async def _alone(
    account: str, work: Coroutine[Any, Any, int], errors: list[Exception]
) -> int:
    """Await *work* of one account; log and collect its error."""
    try:
        return await work
    except Exception as error:
        if not is_outage(error):  # the loop logs an outage
            log.exception("account failed", account=account)
        errors.append(error)
        return 0
