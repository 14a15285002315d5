"""The dispatcher: sends due outgoing events, each receiver on its own."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final

from relay.clock import Clock
from relay.config.receivers import OutgoingReceiver
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, is_outage, run_forever
from relay.outgoing.answers import ReceiverAnswer, outcome
from relay.outgoing.calls import ReceiverCalls
from relay.outgoing.message import body, headers
from relay.store.outgoing_claims import (
    DeliveryOutcome,
    DueDelivery,
    OutgoingClaims,
    ReceiverState,
)

LOOP: Final = "dispatcher"
TIMING: Final = LoopTiming(timedelta(seconds=1), timedelta(seconds=60))
AT_ONCE: Final = 8
"""How many calls one receiver gets at the same time."""
STOP_SECONDS: Final = 10.0
"""How long a stopping process waits for answers: less than the supervisor does."""
LEASE_MARGIN: Final = timedelta(seconds=15)
"""How much longer than its call a delivery stays leased."""

log = logger(__name__)


def ignore_outcome(_receiver: str, _outcome: str) -> None:
    """Do not count an attempt."""


@dataclass(slots=True)
class Dispatcher:
    """Sends what is due; `step` starts it, `run` repeats it.

    Each receiver has a task of its own, so that a slow one holds back no other.
    """

    claims: OutgoingClaims
    receivers: Mapping[str, OutgoingReceiver]
    clock: Clock
    health: Health = field(default_factory=Health)
    on_outcome: Callable[[str, str], None] = ignore_outcome
    jitter: Callable[[], float] = random.random
    calls: ReceiverCalls = field(default_factory=ReceiverCalls)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _enrolled: Mapping[str, OutgoingReceiver] | None = None

    def reload(self, receivers: Mapping[str, OutgoingReceiver]) -> None:
        """Use other receivers from the next step on."""
        self.receivers = receivers

    async def run(self) -> None:
        """Work until cancelled, and let what is being sent come to its end."""
        try:
            await run_forever(LOOP, self.step, self.health, TIMING)
        finally:
            await self._stop()

    async def step(self) -> None:
        """Start sending to every receiver that is not being served already."""
        if self._enrolled is not self.receivers:
            found = {name: _digest(r) for name, r in self.receivers.items()}
            if found:
                await self.claims.enroll(found.items())
            self._enrolled = self.receivers
        for name, receiver in self.receivers.items():
            if name not in self._running:
                task = asyncio.create_task(self._serve(receiver))
                self._running[name] = task
                task.add_done_callback(partial(self._served, name))

    def _served(self, name: str, _: asyncio.Task[None]) -> None:
        del self._running[name]

    async def served(self, name: str) -> None:
        """Wait until one receiver is not being called."""
        if name in self._running:
            await asyncio.wait({self._running[name]})

    async def drain(self) -> None:
        """Wait until nothing is being sent."""
        while self._running:
            await asyncio.wait(set(self._running.values()))

    async def settle_all(self) -> None:
        """Send all that is due at the clock's present time."""
        await self.step()
        await self.drain()

    async def close(self) -> None:
        """Wait a moment for what is being sent, and close the connections."""
        await self._stop()
        await self.calls.close()

    async def _stop(self) -> None:
        """Wait a moment for what is being sent; a later process sends the rest."""
        running = set(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, receiver: OutgoingReceiver) -> None:
        """Send what is due to one receiver, while that works; log an error."""
        try:
            while await self._batch(receiver):
                pass
        except Exception as error:
            if not is_outage(error):  # the database's monitor logs an outage
                log.exception("outgoing events not sent", receiver=receiver.name)
            self.health.failed(LOOP, error)

    async def _batch(self, receiver: OutgoingReceiver) -> bool:
        """Send some deliveries at once; return whether more may follow."""
        now = self.clock()
        until = now + receiver.timeout_seconds + LEASE_MARGIN
        found = await self.claims.claim(receiver.name, AT_ONCE, now, until)
        if not found:
            return False
        state = (await self.claims.states()).get(receiver.name)
        before = state or ReceiverState(receiver.name)
        sent = await asyncio.gather(*(self._send(receiver, d, before) for d in found))
        return all(one.pause_until is None and not one.gone for one in sent)

    async def _send(
        self, receiver: OutgoingReceiver, due: DueDelivery, state: ReceiverState
    ) -> DeliveryOutcome:
        """Send one delivery and store what became of it."""
        content, now = body(due.event), self.clock()
        signed = headers(due.id, content, receiver.secrets, now)
        answer = await self.calls.post(receiver, content, signed, now)
        now = self.clock()
        found = outcome(due, answer, state.failures, now, self.jitter())
        await self.claims.settle(due, found, now)
        self._report(due, answer, found, state)
        return found

    def _report(
        self,
        due: DueDelivery,
        answer: ReceiverAnswer,
        found: DeliveryOutcome,
        state: ReceiverState,
    ) -> None:
        """Count an attempt; log failures, and once that a receiver works again."""
        fields: dict[str, Any] = {"receiver": due.receiver, "id": due.id}
        if found.delivered:
            self.on_outcome(due.receiver, "delivered")
            if state.failing_since is not None:
                log.info("receiver works again", receiver=due.receiver)
            return
        fields |= {"attempt": due.attempts, "error": found.error}
        if found.gone:
            self.on_outcome(due.receiver, "failed")
            hint = "enable it with `relay outgoing enable`, or remove it"
            log.error("alert", **fields, reason="receiver disabled: 410", hint=hint)
        elif found.next_at is None:
            self.on_outcome(due.receiver, "failed")
            log.error("outgoing event given up", **fields)
        else:
            self.on_outcome(due.receiver, "retried")
            first = state.failing_since is None or answer.status is not None
            write = log.warning if first else log.info
            write(
                "outgoing event not delivered", **fields, again_at=_text(found.next_at)
            )


def _digest(receiver: OutgoingReceiver) -> str:
    """Return what tells one address from another, without showing it."""
    return sha256(receiver.url.encode()).hexdigest()


def _text(when: datetime) -> str:
    return when.isoformat(timespec="seconds")
