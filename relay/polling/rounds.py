"""One round of one contract: claim, call, read, keep, settle."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import ClientSession

from relay.carrier.contract import Carrier, Document
from relay.clock import Clock
from relay.errors import BacklogFull
from relay.logs import logger
from relay.polling.answers import Answer, Answers, ReadingHangs, heard_of
from relay.polling.calling import CallFailed, asked, ended, fetched, subscribed
from relay.polling.intervals import answered
from relay.polling.terms import CALL_LIMIT
from relay.store.callings import Called, Calling, Failed, Kind, PollClaim, after_answer
from relay.store.documents import Kept
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
class Tells:
    """Whom a round tells: of every call, of kept documents, of a hang.

    *on_hang* is meant to end the process: a thread cannot be stopped.
    """

    on_call: Callable[[str, str], None] = lambda _contract, _outcome: None
    on_kept: Callable[[], None] = lambda: None
    on_hang: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Rounds:
    """Makes one call of one contract, and settles it."""

    claims: PollClaims
    carriers: Mapping[str, Carrier]
    answers: Answers
    session: ClientSession
    keep: Keep
    clock: Clock
    tells: Tells = Tells()
    limit: timedelta = CALL_LIMIT

    async def one(self, calling: Calling) -> bool:
        """Do what is due of a contract; False if there was nothing to do."""
        claim = await self.claims.claim(calling, self.clock())
        if claim is None:
            return False
        if claim.kind is not None:
            await self._call(claim, claim.kind)
        return True

    async def _call(self, claim: PollClaim, kind: Kind) -> None:
        contract, began = claim.calling.contract, self.clock()
        ways = {
            Kind.ASK: self._ask,
            Kind.FETCH: self._fetch,
            Kind.SUBSCRIBE: self._subscribe,
        }
        try:
            settled = await ways[kind](claim, began)
        except CallFailed as error:
            await self._failed(Called(claim, began, self.clock()), error.failed)
            return
        if not settled:
            _log.warning("a call took longer than its claim", contract=contract)
        self.tells.on_call(contract, ANSWERED if settled else LOST)

    async def _ask(self, claim: PollClaim, began: datetime) -> bool:
        contract, plan = claim.calling.contract, claim.calling.plan
        views = [p.view for p in claim.parcels]
        call = asked(self.carriers[contract], self.session, views)
        documents = await ended(call, contract, self.limit)
        answer = await self._read(claim, began, documents)
        await self._keep(contract, answer.keep)
        now = self.clock()
        heard = heard_of(views, answer.events)
        numbers = [v.tracking_number or v.invoice_key for v in views]
        _log.info("asked", contract=contract, parcels=numbers, news=len(answer.keep))
        told = [answered(p, h, now) for p, h in zip(claim.parcels, heard, strict=True)]
        nexts = [after_answer(p, plan, now) for p in told]
        return await self.claims.answered(Called(claim, began, now), nexts)

    async def _fetch(self, claim: PollClaim, began: datetime) -> bool:
        """Keep what a feed brought, with the cursor behind it."""
        contract = claim.calling.contract
        carrier = self.carriers[contract]
        call = fetched(carrier, self.session, claim.cursor)
        documents, cursor = await ended(call, contract, self.limit)
        now = self.clock()
        kept = [_kept(contract, carrier, d, now) for d in documents]
        settled = await self.claims.fetched(Called(claim, began, now), kept, cursor)
        if kept and settled:
            self.tells.on_kept()
        return settled

    async def _subscribe(self, claim: PollClaim, began: datetime) -> bool:
        contract = claim.calling.contract
        (parcel,) = claim.parcels
        call = subscribed(self.carriers[contract], self.session, parcel.view)
        until = await ended(call, contract, self.limit)
        return await self.claims.subscribed(Called(claim, began, self.clock()), until)

    async def _read(
        self, claim: PollClaim, began: datetime, documents: Sequence[Document]
    ) -> Answer:
        """Read an answer; one that hangs is a failure before it ends the process."""
        contract = claim.calling.contract
        carrier = self.carriers[contract]
        try:
            return await self.answers.read(contract, carrier, documents)
        except ReadingHangs as error:
            await self._failed(Called(claim, began, self.clock()), Failed(str(error)))
            self.tells.on_hang()
            raise

    async def _keep(self, contract: str, documents: Sequence[Document]) -> None:
        """Keep what brings news; what cannot be kept is asked for again."""
        for document in documents:
            try:
                await self.keep(contract, POLL, document.headers, document.body)
            except BacklogFull as error:
                raise CallFailed(Failed(f"not kept: {error}")) from error

    async def _failed(self, called: Called, failed: Failed) -> None:
        contract = called.claim.calling.contract
        opened = await self.claims.failed(called, failed)
        _log.warning("a call failed", contract=contract, because=failed.because)
        if opened:
            _log.error("a carrier is left alone", contract=contract)
        self.tells.on_call(contract, FAILED)


def _kept(contract: str, carrier: Carrier, document: Document, now: datetime) -> Kept:
    """Return a document of a feed as it is kept: without headers that may be secret."""
    names = carrier.kept_headers | {"content-type"}
    headers = {n: v for n, v in document.headers.items() if n in names}
    return Kept(contract, FEED, document.body, now, headers)
