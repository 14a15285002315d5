"""The poller: polls carriers for parcels that are due, several contracts at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiohttp import ClientSession

from relay.adapters.protocol import Carrier, Document
from relay.clock import Clock
from relay.domain.poll_schedule import interval_after
from relay.errors import BacklogFull, DatabaseUnavailable, DocumentRefused
from relay.health import Health
from relay.inbound.adapter_thread import AdapterTimeout
from relay.inbound.poll_answers import AnswerReader, PollAnswer, latest_updates
from relay.inbound.poll_calls import (
    CALL_LIMIT,
    CallFailed,
    ended,
    fetch,
    poll,
    subscribe,
)
from relay.logs import Seldom, logger
from relay.loops import LoopTiming, run_forever
from relay.store.poll_claims import (
    PollClaim,
    PollFailed,
    PollKind,
    PollSucceeded,
    PollTarget,
    after_answer,
)
from relay.store.polls import PollClaims

StoreDocument = Callable[[str, str, Mapping[str, str], bytes], Awaitable[None]]
"""Stores a document: contract, source, headers and body; may raise `BacklogFull`."""
POLL: Final = "poll"
FEED: Final = "feed"
ANSWERED: Final = "answered"
FAILED: Final = "failed"
LOST: Final = "lost"
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class PollCallbacks:
    """Called after every call (contract, outcome), and after a feed was stored."""

    on_call: Callable[[str, str], None] = lambda _contract, _outcome: None
    on_stored: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class PollRounds:
    """Makes one call of one contract, and settles it; *limit* is for the call alone."""

    claims: PollClaims
    carriers: Mapping[str, Carrier]
    answers: AnswerReader
    session: ClientSession
    store_document: StoreDocument
    clock: Clock
    calls: PollCallbacks = PollCallbacks()
    limit: timedelta = CALL_LIMIT

    async def one(self, target: PollTarget) -> bool:
        """Make the call that is due of a contract; False if none is."""
        claim = await self.claims.claim(target, self.clock())
        if claim is None:
            return False
        if claim.kind is not None:
            await self._call(claim, claim.kind)
        return True

    async def _call(self, claim: PollClaim, kind: PollKind) -> None:
        contract, began = claim.calling.contract, self.clock()
        calls = {
            PollKind.POLL: self._ask,
            PollKind.FETCH: self._fetch,
            PollKind.SUBSCRIBE: self._subscribe,
        }
        try:
            settled = await calls[kind](claim, began)
        except CallFailed as error:
            await self._failed(PollSucceeded(claim, began, self.clock()), error.failed)
            return
        if not settled:
            _log.warning("poll took longer than its claim", contract=contract)
        self.calls.on_call(contract, ANSWERED if settled else LOST)

    async def _ask(self, claim: PollClaim, began: datetime) -> bool:
        contract, plan = claim.calling.contract, claim.calling.plan
        views = [p.view for p in claim.parcels]
        call = poll(self.carriers[contract], self.session, views)
        documents = await ended(call, contract, self.limit)
        answer = await self._read(claim, began, documents)
        await self._store(contract, answer.store)
        now = self.clock()
        updates = latest_updates(views, answer.events, now)
        numbers = [v.tracking_number or v.invoice_key for v in views]
        stored = len(answer.store)
        _log.info("polled", contract=contract, parcels=numbers, documents=stored)
        updated = [
            interval_after(p, u, now)
            for p, u in zip(claim.parcels, updates, strict=True)
        ]
        nexts = [after_answer(p, plan, now) for p in updated]
        return await self.claims.answered(PollSucceeded(claim, began, now), nexts)

    async def _fetch(self, claim: PollClaim, began: datetime) -> bool:
        """Store what a feed returned and its cursor, in one transaction."""
        contract = claim.calling.contract
        carrier = self.carriers[contract]
        call = fetch(carrier, self.session, claim.cursor)
        documents, cursor = await ended(call, contract, self.limit)
        now = self.clock()
        found = [_feed_document(contract, carrier, d, now) for d in documents]
        settled = await self.claims.fetched(
            PollSucceeded(claim, began, now), found, cursor
        )
        if found and settled:
            self.calls.on_stored()
        return settled

    async def _subscribe(self, claim: PollClaim, began: datetime) -> bool:
        contract = claim.calling.contract
        (parcel,) = claim.parcels
        call = subscribe(self.carriers[contract], self.session, parcel.view)
        until = await ended(call, contract, self.limit)
        return await self.claims.subscribed(
            PollSucceeded(claim, began, self.clock()), until
        )

    async def _read(
        self, claim: PollClaim, began: datetime, documents: Sequence[Document]
    ) -> PollAnswer:
        """Parse an answer; if the adapter hangs, settle that and end the process."""
        contract = claim.calling.contract
        carrier = self.carriers[contract]
        try:
            return await self.answers.read(contract, carrier, documents)
        except AdapterTimeout as error:
            await self._failed(
                PollSucceeded(claim, began, self.clock()), PollFailed(str(error))
            )
            self.answers.thread.give_up()
            raise

    async def _store(self, contract: str, documents: Sequence[Document]) -> None:
        """Store what is new; what cannot be stored is polled again."""
        for document in documents:
            try:
                await self.store_document(
                    contract, POLL, document.headers, document.body
                )
            except DocumentRefused:
                continue  # it is logged, and polled again; the others are stored
            except BacklogFull as error:
                raise CallFailed(PollFailed(f"not stored: {error}")) from error

    async def _failed(self, called: PollSucceeded, failed: PollFailed) -> None:
        contract = called.claim.calling.contract
        opened = await self.claims.failed(called, failed)
        _log.warning("poll failed", contract=contract, because=failed.reason)
        if opened:
            _log.error("polling paused after repeated failures", contract=contract)
        self.calls.on_call(contract, FAILED)


def _feed_document(
    contract: str, carrier: Carrier, document: Document, now: datetime
) -> Document:
    """Return a feed's document as it is stored: other headers may hold secrets."""
    names = carrier.stored_headers | {"content-type"}
    headers = {n: v for n, v in document.headers.items() if n in names}
    return Document(document.body, now, headers, contract=contract, source=FEED)


LOOP: Final = "poller"
CHECK_INTERVAL: Final = timedelta(seconds=1)
SILENCE_LIMIT: Final = timedelta(seconds=60)
SHORTEST_REST: Final = timedelta(milliseconds=10)
BEGIN_EVERY: Final = timedelta(minutes=10)
AT_ONCE: Final = 8
"""Contracts that are polled at the same time."""


@dataclass(slots=True)
class Poller:
    """PollingCarrier carriers: one call at a time for each contract.

    `step` starts the calls that are allowed now; `run` repeats it, at the latest
    every `CHECK_INTERVAL`, and at once after `wake`.
    """

    claims: PollClaims
    rounds: PollRounds
    targets: Mapping[str, PollTarget]
    clock: Clock
    health: Health = field(default_factory=Health)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _began_at: datetime | None = None
    _rest: timedelta = CHECK_INTERVAL
    _seldom: Seldom = field(default_factory=Seldom)

    def reload(self, targets: Mapping[str, PollTarget]) -> None:
        """Use other contracts, or other terms of the same contracts."""
        self.targets = targets
        self._began_at = None
        self.wake()

    def wake(self) -> None:
        """Start a round now: an operator requested a poll."""
        self._woken.set()

    async def start(self, *, alone: bool) -> None:
        """Release the claims of a process that was killed.

        *alone* says that no other process polls from this database.
        """
        await self._begin(self.clock())
        if alone:
            await self.claims.take_back(self.targets)

    async def run(self) -> None:
        """Work until cancelled; calls under way then are made again later."""
        timing = LoopTiming(self._next_rest, SILENCE_LIMIT)
        try:
            await run_forever(LOOP, self.step, self.health, timing, self._woken)
        finally:
            await self.close()

    def _next_rest(self) -> timedelta:
        return max(self._rest, SHORTEST_REST)

    async def step(self) -> int:
        """Start the calls that are allowed now; return how many."""
        if not self.targets:
            self._rest = CHECK_INTERVAL
            return 0
        now = self.clock()
        await self._begin(now)
        idle = [c for n, c in self.targets.items() if n not in self._running]
        ready = await self.claims.ready(idle, now) if idle else {}
        waits = [at - now for at in ready.values() if at > now]
        self._rest = min([CHECK_INTERVAL, *waits])
        free = [name for name, at in ready.items() if at <= now]
        started = free[: AT_ONCE - len(self._running)]
        for name in started:
            self._start(name)
        return len(started)

    async def settle_all(self) -> None:
        """Work until no call is allowed at the clock's present time."""
        while await self.step() or self._running:
            await self.drain()

    async def drain(self) -> None:
        """Wait until no poll is running."""
        while self._running:
            await asyncio.wait(set(self._running.values()))

    async def close(self) -> None:
        """Cancel the calls under way, and release the thread."""
        for task in self._running.values():
            task.cancel()
        await self.drain()
        self.rounds.answers.thread.close()

    async def _begin(self, now: datetime) -> None:
        """Add rows of new contracts and correct impossible times, now and then."""
        last = self._began_at
        if last is None or not last <= now < last + BEGIN_EVERY:
            await self.claims.begin(self.targets, now)
            self._began_at = now

    def _start(self, name: str) -> None:
        task = asyncio.create_task(self._one(name))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    async def _one(self, name: str) -> None:
        """Make one call; no error of it ends the loop."""
        try:
            if await self.rounds.one(self.targets[name]):
                self._woken.set()
        except DatabaseUnavailable as error:
            if self._seldom(name):
                _log.warning("database unavailable", contract=name, error=str(error))
        except Exception:  # noqa: BLE001 -- the claim expires by itself
            _log.exception("polling failed", contract=name)
