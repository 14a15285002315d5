"""Shadow mode: orders are read and compared, and nothing is written to VTEX."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from relay.clock import Clock
from relay.domain.shipment import Snapshot
from relay.errors import VtexError
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, run_forever
from relay.outbound import gates
from relay.outbound.call_observer import OnCall, no_observer
from relay.outbound.computation import compute
from relay.outbound.differences import ShownDifference
from relay.outbound.dry_run import requests_for, without_shadow
from relay.outbound.expectation import compare_in_shadow
from relay.outbound.gates import Amend
from relay.outbound.plan import quarantine_changes
from relay.outbound.sender import ClaimProgress
from relay.outbound.settlement import AccountTerms, PublisherTerms
from relay.store.accounts import AccountState, CallLimits
from relay.store.database import Database
from relay.store.shadow import (
    ReadLimits,
    Shadow,
    ShadowRead,
    compared_change,
    failed_comparison,
)
from relay.store.snapshots import Change
from relay.vtex.answers import Meaning, meaning
from relay.vtex.client import Deadline, VtexClient, VtexResponse

LOOP: Final = "shadow"
TIMING: Final = LoopTiming(timedelta(seconds=30), timedelta(minutes=10))
BATCH: Final = 8
"""How many orders of an account are read at a time."""
READ_SECONDS: Final = 30.0

log = logger(__name__)


@dataclass(slots=True)
class ShadowComparer:
    """Compares the open shipments of accounts in shadow mode with what VTEX shows.

    `step` reads what is due, within each account's rate and quota; `run` repeats it.
    """

    database: Database
    vtex: VtexClient
    terms: PublisherTerms
    clock: Clock
    health: Health = field(default_factory=Health)
    on_call: OnCall = no_observer
    tick: Callable[[], float] = time.perf_counter

    async def run(self) -> None:
        """Compare until cancelled."""
        await run_forever(LOOP, self.step, self.health, TIMING)

    async def step(self) -> int:
        """Compare the shipments that are due; return how many were read.

        An account whose order is not shown rests until the next round.
        """
        read = 0
        for account, terms in self.terms.accounts.items():
            while terms.shadow:
                done = await self._batch(account, terms)
                read += len(done)
                if len(done) < BATCH or not all(done):
                    break
        return read

    async def _batch(self, account: str, terms: AccountTerms) -> Sequence[bool]:
        """Read some orders; return for each whether VTEX showed it."""
        rate = CallLimits(terms.limits.per_second, terms.limits.burst)
        limits = ReadLimits(rate, terms.read_backs_per_day)
        store = Shadow(self.database)
        taken = await store.take(account, self.clock(), limits, BATCH)
        return await asyncio.gather(*(self._compare(one, terms) for one in taken))

    async def _compare(self, one: ShadowRead, terms: AccountTerms) -> bool:
        """Compare one shipment and store the result; its error stops no other one."""
        try:
            changes, amend, shown = await self._compared(one, terms)
        except Exception as error:
            log.exception("comparison failed", shipment=one.row["id"])
            problem = f"internal error: {type(error).__name__}: {error}"
            changes, amend = [failed_comparison(one.row, problem)], None
            shown = True
        store = Shadow(self.database)
        await store.store(one.row["account"], changes, amend)
        return shown

    async def _compared(
        self, one: ShadowRead, terms: AccountTerms
    ) -> tuple[Sequence[Change], Amend | None, bool]:
        """Return what to store of one shipment, and whether VTEX showed its order."""
        if isinstance(one.snapshot, Exception):
            raise one.snapshot
        answer = await self._read(one.row["account"], one.snapshot, terms)
        if isinstance(answer, VtexError):
            problem = f"no answer from VTEX: {answer}"
            return [failed_comparison(one.row, problem)], None, False
        means = meaning(answer.status, answer.message, answer.payload, "order")
        if means is not Meaning.ACCEPTED:
            problem = f"VTEX answered {answer.status}: {answer.message}".rstrip(": ")
            amend = self._closes(means, problem, answer)
            return [failed_comparison(one.row, problem)], amend, amend is None
        found = partial(self._result, one, one.snapshot, terms, answer.payload)
        changes = await compute(one.snapshot, found)
        reopened = one.state.read_closed or one.state.outage_since
        return changes, gates.answered(self.clock()) if reopened else None, True

    async def _read(
        self, account: str, snapshot: Snapshot, terms: AccountTerms
    ) -> VtexResponse | VtexError:
        deadline = Deadline.within(READ_SECONDS, self.clock)
        status, started = None, self.tick()
        try:
            answer = await self.vtex.read_order(
                terms.vtex, snapshot.order_id, deadline=deadline
            )
            status = answer.status
        except VtexError as error:
            return error
        finally:
            self.on_call(account, "read_order", status, self.tick() - started)
        return answer

    def _closes(
        self, means: Meaning, because: str, answer: VtexResponse
    ) -> Amend | None:
        """Return how an answer without an order closes the account's gates, if so."""
        now, waits = self.clock(), self.terms.waits
        if means is Meaning.FORBIDDEN:
            return gates.read_forbidden(because, now, waits.probe_seconds)
        if means is Meaning.BUSY:
            least, most = waits.gate_seconds, waits.gate_cap_seconds
            return gates.busy(now, answer.retry_after, least, most)
        return None

    def _result(
        self,
        one: ShadowRead,
        stored: Snapshot,
        terms: AccountTerms,
        payload: object,
    ) -> Sequence[Change]:
        """Return the comparison with an order, and the reasons of quarantined events.

        The publisher, which stores these reasons otherwise, rests.
        """
        now, snapshot = self.clock(), without_shadow(stored)
        policy = self.terms.policy(snapshot.account, snapshot.contract)
        found = compare_in_shadow(snapshot, payload, now, policy)
        progress = self._progress(terms, one.state)
        requests = requests_for(one.row, snapshot, payload, progress)
        return [
            *quarantine_changes(stored, now, policy),
            compared_change(one.row, now, [_shown(d) for d in found], requests),
        ]

    def _progress(self, terms: AccountTerms, state: AccountState) -> ClaimProgress:
        return ClaimProgress(
            terms=terms,
            policy=self.terms.policy,
            waits=self.terms.waits,
            state=state,
            clock=self.clock,
            unread={},
            jitter=lambda: 0.0,
        )


def _shown(one: ShownDifference) -> dict[str, str]:
    """Return a difference as it is stored and shown."""
    return {"field": one.field, "relay": one.sent, "vtex": one.shown}
