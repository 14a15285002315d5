"""The poller: calls carriers for what is due, several contracts at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aiohttp import ClientSession

from relay.adapters.protocol import Carrier, Document
from relay.clock import Clock
from relay.domain.poll_schedule import interval_after
from relay.errors import BacklogFull
from relay.health import Health
from relay.inbound.poll_answers import (
    AnswerParseTimeout,
    AnswerReader,
    PollAnswer,
    heard_of,
)
from relay.inbound.poll_calls import (
    CALL_LIMIT,
    CallFailed,
    ended,
    fetch,
    poll,
    subscribe,
)
from relay.logs import logger
from relay.store.documents import NewDocument
from relay.store.poll_claims import (
    PollClaim,
    PollFailed,
    PollKind,
    PollSucceeded,
    PollTarget,
    after_answer,
)
from relay.store.polls import PollClaims

Keep = Callable[[str, str, Mapping[str, str], bytes], Awaitable[None]]
"""Keeps a document: its contract, by which door it came, headers and body."""
POLL: Final = "poll"
FEED: Final = "feed"
ANSWERED: Final = "answered"
FAILED: Final = "failed"
LOST: Final = "lost"
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class PollEvents:
    """Whom a round tells: of every call, of kept documents, of a hang.

    *on_hang* is meant to end the process: a thread cannot be stopped.
    """

    on_call: Callable[[str, str], None] = lambda _contract, _outcome: None
    on_stored: Callable[[], None] = lambda: None
    on_hang: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class PollRounds:
    """Makes one call of one contract, and settles it."""

    claims: PollClaims
    carriers: Mapping[str, Carrier]
    answers: AnswerReader
    session: ClientSession
    keep: Keep
    clock: Clock
    tells: PollEvents = PollEvents()
    limit: timedelta = CALL_LIMIT

    async def one(self, calling: PollTarget) -> bool:
        """Do what is due of a contract; False if there was nothing to do."""
        claim = await self.claims.claim(calling, self.clock())
        if claim is None:
            return False
        if claim.kind is not None:
            await self._call(claim, claim.kind)
        return True

    async def _call(self, claim: PollClaim, kind: PollKind) -> None:
        contract, began = claim.calling.contract, self.clock()
        ways = {
            PollKind.ASK: self._ask,
            PollKind.FETCH: self._fetch,
            PollKind.SUBSCRIBE: self._subscribe,
        }
        try:
            settled = await ways[kind](claim, began)
        except CallFailed as error:
            await self._failed(PollSucceeded(claim, began, self.clock()), error.failed)
            return
        if not settled:
            _log.warning("a call took longer than its claim", contract=contract)
        self.tells.on_call(contract, ANSWERED if settled else LOST)

    async def _ask(self, claim: PollClaim, began: datetime) -> bool:
        contract, plan = claim.calling.contract, claim.calling.plan
        views = [p.view for p in claim.parcels]
        call = poll(self.carriers[contract], self.session, views)
        documents = await ended(call, contract, self.limit)
        answer = await self._read(claim, began, documents)
        await self._keep(contract, answer.keep)
        now = self.clock()
        heard = heard_of(views, answer.events)
        numbers = [v.tracking_number or v.invoice_key for v in views]
        _log.info("asked", contract=contract, parcels=numbers, news=len(answer.keep))
        published = [
            interval_after(p, h, now) for p, h in zip(claim.parcels, heard, strict=True)
        ]
        nexts = [after_answer(p, plan, now) for p in published]
        return await self.claims.answered(PollSucceeded(claim, began, now), nexts)

    async def _fetch(self, claim: PollClaim, began: datetime) -> bool:
        """Keep what a feed brought, with the cursor behind it."""
        contract = claim.calling.contract
        carrier = self.carriers[contract]
        call = fetch(carrier, self.session, claim.cursor)
        documents, cursor = await ended(call, contract, self.limit)
        now = self.clock()
        kept = [_kept(contract, carrier, d, now) for d in documents]
        settled = await self.claims.fetched(
            PollSucceeded(claim, began, now), kept, cursor
        )
        if kept and settled:
            self.tells.on_stored()
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
        """Read an answer; one that hangs is a failure before it ends the process."""
        contract = claim.calling.contract
        carrier = self.carriers[contract]
        try:
            return await self.answers.read(contract, carrier, documents)
        except AnswerParseTimeout as error:
            await self._failed(
                PollSucceeded(claim, began, self.clock()), PollFailed(str(error))
            )
            self.tells.on_hang()
            raise

    async def _keep(self, contract: str, documents: Sequence[Document]) -> None:
        """Keep what brings news; what cannot be kept is asked for again."""
        for document in documents:
            try:
                await self.keep(contract, POLL, document.headers, document.body)
            except BacklogFull as error:
                raise CallFailed(PollFailed(f"not kept: {error}")) from error

    async def _failed(self, called: PollSucceeded, failed: PollFailed) -> None:
        contract = called.claim.calling.contract
        opened = await self.claims.failed(called, failed)
        _log.warning("a call failed", contract=contract, because=failed.reason)
        if opened:
            _log.error("a carrier is left alone", contract=contract)
        self.tells.on_call(contract, FAILED)


def _kept(
    contract: str, carrier: Carrier, document: Document, now: datetime
) -> NewDocument:
    """Return a document of a feed as it is kept: without headers that may be secret."""
    names = carrier.stored_headers | {"content-type"}
    headers = {n: v for n, v in document.headers.items() if n in names}
    return NewDocument(contract, FEED, document.body, now, headers)


LOOP: Final = "poller"
LOOK_ROUND: Final = timedelta(seconds=1)
SHORTEST_REST: Final = timedelta(milliseconds=10)
BEGIN_EVERY: Final = timedelta(minutes=10)
AT_ONCE: Final = 8
"""Contracts that are called at the same time."""


@dataclass(slots=True)
class Poller:
    """Calls carriers: one call at a time for each contract.

    `step` starts what may be called now; `run` repeats it, woken by `wake` and
    looking round as a safety net.
    """

    claims: PollClaims
    rounds: PollRounds
    callings: Mapping[str, PollTarget]
    clock: Clock
    health: Health = field(default_factory=Health)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _began_at: datetime | None = None
    _rest: timedelta = LOOK_ROUND

    def reload(self, callings: Mapping[str, PollTarget]) -> None:
        """Go on with other contracts, or other terms of the same."""
        self.callings = callings
        self._began_at = None
        self.wake()

    def wake(self) -> None:
        """Look at once: somebody wants to know."""
        self._woken.set()

    async def start(self, *, alone: bool) -> None:
        """Take back the calls of a predecessor.

        *alone* says that no other process polls from this store.
        """
        await self._begin(self.clock())
        if alone:
            await self.claims.take_back(self.callings)

    async def run(self) -> None:
        """Work until cancelled; what is under way then is asked for again."""
        try:
            while True:
                self._woken.clear()
                self.health.beat(LOOP)
                await self._round()
                await self._wait()
        finally:
            await self.close()

    async def step(self) -> int:
        """Start what may be called now; return how many contracts that are."""
        if not self.callings:
            return 0
        now = self.clock()
        await self._begin(now)
        idle = [c for n, c in self.callings.items() if n not in self._running]
        ready = await self.claims.ready(idle, now) if idle else {}
        waits = [at - now for at in ready.values() if at > now]
        self._rest = min([LOOK_ROUND, *waits])
        free = [name for name, at in ready.items() if at <= now]
        started = free[: AT_ONCE - len(self._running)]
        for name in started:
            self._start(name)
        return len(started)

    async def settle_all(self) -> None:
        """Work until nothing may be called at the present time of the clock."""
        while await self.step() or self._running:
            await self.drain()

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._running:
            await asyncio.wait(set(self._running.values()))

    async def close(self) -> None:
        """Break off what is under way, and let the thread go."""
        for task in self._running.values():
            task.cancel()
        await self.drain()
        self.rounds.answers.close()

    async def _round(self) -> None:
        """Take one step; an error of the store delays it, no more."""
        try:
            await self.step()
        except Exception as error:  # noqa: BLE001 -- never the end of the loop
            _log.exception("the poller's round failed")
            self.health.trouble(LOOP, f"it fails ({type(error).__name__})")
            self._rest = LOOK_ROUND
        else:
            self.health.well(LOOP)

    async def _wait(self) -> None:
        """Wait for a call that ended, for news, or until the next one is allowed."""
        woken = asyncio.ensure_future(self._woken.wait())
        rest = max(self._rest, SHORTEST_REST).total_seconds()
        await asyncio.wait({woken}, timeout=rest)
        woken.cancel()

    async def _begin(self, now: datetime) -> None:
        """Now and then, see that every contract has its row, in its right time."""
        last = self._began_at
        if last is None or not last <= now < last + BEGIN_EVERY:
            await self.claims.begin(self.callings, now)
            self._began_at = now

    def _start(self, name: str) -> None:
        task = asyncio.create_task(self._one(name))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    async def _one(self, name: str) -> None:
        """Make one call; nothing that goes wrong with it ends the loop."""
        try:
            if await self.rounds.one(self.callings[name]):
                self._woken.set()
        except Exception:  # noqa: BLE001 -- the claim runs out by itself
            _log.exception("polling failed", contract=name)
