"""The reader: kept and unread documents become events, slice by slice."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.adapters.operator import CONTRACT as OPERATOR
from relay.adapters.operator import Operator
from relay.adapters.protocol import Carrier
from relay.clock import Clock
from relay.domain.events import Milestone, TrackingEvent
from relay.health import Health
from relay.inbound.translate import MOST_TRIES, given_up, parse_documents
from relay.logs import logger
from relay.store.documents import Documents
from relay.store.event_rows import ParsedDocument
from relay.store.unread import ReaderTerms, Slice, UnreadDocument

MOST_NAMED: Final = 10_000
"""Unknown codes that are remembered as named."""
_log = logger(__name__)


class EventLog:
    """Logs what documents say, so that one can follow a parcel."""

    def __init__(self) -> None:
        self._named: set[tuple[str, str]] = set()

    def log(self, readings: Sequence[ParsedDocument]) -> None:
        """Log a slice: its scans by contract, what is unreadable, and unknown codes."""
        heard: dict[str, list[str]] = defaultdict(list)
        for r in readings:
            if r.unreadable is not None:
                about = {"contract": r.contract, "document": r.document}
                _log.warning("unreadable", **about, because=r.unreadable)
            for event in r.events:
                heard[r.contract].append(_said(event))
                if event.milestone is Milestone.UNKNOWN:
                    self._name(r.contract, event)
        for contract, scans in heard.items():
            _log.info("heard", contract=contract, scans=scans)

    def _name(self, contract: str, event: TrackingEvent) -> None:
        """Log an unknown code, once, with a parcel that it came for."""
        code = event.carrier_code
        if (contract, code) not in self._named and len(self._named) < MOST_NAMED:
            self._named.add((contract, code))
            _log.warning(
                "unknown code", contract=contract, code=code, parcel=_named(event)
            )


def _said(event: TrackingEvent) -> str:
    """Spell an event, with every reference that it names."""
    at = event.occurred_at.isoformat(timespec="seconds")
    return f"{_named(event)} {event.carrier_code} {event.milestone} {at}"


def _named(event: TrackingEvent) -> str:
    return " ".join(reference.value for reference in event.references)


LOOP: Final = "reader"
TIME_LIMIT: Final = timedelta(seconds=30)
LOOK_ROUND: Final = timedelta(seconds=1)
PAUSE: Final = timedelta(seconds=1)
"""After an error of the store."""
UNPARK_EVERY: Final = timedelta(minutes=1)
GATHER: Final = timedelta(milliseconds=20)
"""How long the reader waits after news, so that its slice is worth the while."""


@dataclass(frozen=True, slots=True)
class SliceSize:
    """How much is read in one slice, and how many events share a transaction."""

    documents: int
    max_bytes: int
    events: int


SMALL: Final = SliceSize(64, 256 * 1024, 500)
LARGE: Final = SliceSize(512, 2 * 1024 * 1024, 2000)
ALONE: Final = SliceSize(1, 0, 500)


class AdapterTimeout(Exception):
    """An adapter has not come back from reading within the time limit."""


@dataclass(frozen=True, slots=True)
class ReaderCallbacks:
    """Whom the reader tells: of news, of what it read, of an adapter that hangs.

    *on_hang* is meant to end the process: a thread cannot be stopped. *guard*
    is held while adapters read, for what even the event loop cannot see.
    """

    on_events: Callable[[], None] = lambda: None
    on_idle: Callable[[], None] = lambda: None
    on_hang: Callable[[], None] = lambda: None
    on_read: Callable[[Sequence[ParsedDocument]], None] = lambda _: None
    guard: Callable[[], AbstractContextManager[object]] = nullcontext


class Reader:
    """Reads what was kept; `unclean` says that the process before did not end well."""

    def __init__(  # noqa: PLR0913 -- wired in one place, by keyword
        self,
        documents: Documents,
        carriers: Mapping[str, Carrier],
        clock: Clock,
        *,
        terms: ReaderTerms,
        calls: ReaderCallbacks | None = None,
        health: Health | None = None,
        time_limit: timedelta = TIME_LIMIT,
        unclean: bool = False,
    ) -> None:
        self._documents = documents
        self._carriers: Mapping[str, Carrier] = {**carriers, OPERATOR: Operator()}
        self._clock = clock
        self._terms = terms
        self._calls = calls or ReaderCallbacks()
        self._health = health or Health()
        self._time_limit = time_limit
        self._news = asyncio.Event()
        self._more = self._busy = False
        self._alone = LARGE.documents if unclean else 0
        self._unparked_at: datetime | None = None
        self._hearing = EventLog()
        self._thread = ThreadPoolExecutor(1, "reader")

    def reload(self, carriers: Mapping[str, Carrier]) -> None:
        """Go on with other adapters; documents that waited for one are read."""
        self._carriers = {**carriers, OPERATOR: Operator()}
        self._unparked_at = None
        self._news.set()

    def wake(self) -> None:
        """Say that something was kept."""
        self._news.set()

    async def run(self) -> None:
        """Read until cancelled; an error of the store delays it, no more."""
        self._health.expect(LOOP, 2 * self._time_limit, asyncio.current_task())
        while True:
            self._health.beat(LOOP)
            self._news.clear()
            try:
                read = await self.step()
            except Exception as error:  # noqa: BLE001 -- never the end of the loop
                _log.exception("reading failed; the slice is read again")
                self._health.trouble(LOOP, f"it fails ({type(error).__name__})")
                await asyncio.sleep(PAUSE.total_seconds())
                continue
            self._health.well(LOOP)
            if not read:
                await self._rest()

    async def step(self) -> int:
        """Read one slice; return how many documents it had."""
        size = LARGE if self._more else SMALL
        counted = None
        if self._alone:
            size, counted = ALONE, await self._documents.count_try()
        async with self._documents.slice(size.documents, size.max_bytes) as part:
            if counted not in (None, *(d.document for d in part.documents)):
                return 0
            readings = await self._read(part, size.events)
        count = len(part.documents)
        self._more = part.more
        self._alone = self._alone - 1 if self._alone and count else 0
        self._tell(readings)
        if not count:
            await self._idle()
        self._busy = count > 0
        return count

    async def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False)

    async def _read(self, part: Slice, most_events: int) -> list[ParsedDocument]:
        """Read and remember one slice; what cannot be read now is parked."""
        unknown = [d for d in part.documents if d.contract not in self._carriers]
        for contract in {d.contract for d in unknown}:
            _log.warning("documents wait: no such contract", contract=contract)
        await part.park(unknown)
        known = [d for d in part.documents if d.contract in self._carriers]
        spent = [d for d in known if d.tries > MOST_TRIES]
        readings = [given_up(d) for d in spent]
        readings += await self._translated([d for d in known if d not in spent])
        for portion in _portions(readings, most_events):
            await part.remember(portion, self._clock(), self._terms)
        return readings

    async def _translated(
        self, documents: Sequence[UnreadDocument]
    ) -> list[ParsedDocument]:
        """Have adapters read in the thread, and watch them."""
        if not documents:
            return []
        loop = asyncio.get_running_loop()
        with self._calls.guard():
            work = loop.run_in_executor(
                self._thread, parse_documents, documents, self._carriers
            )
            limit = self._time_limit.total_seconds()
            done, _ = await asyncio.wait({work}, timeout=limit)
        if not done:
            contracts = ", ".join(sorted({d.contract for d in documents}))
            self._health.trouble(LOOP, f"an adapter hangs (of {contracts})")
            self._calls.on_hang()
            raise AdapterTimeout(f"no answer within {limit:g} s, of {contracts}")
        return work.result()

    def _tell(self, readings: Sequence[ParsedDocument]) -> None:
        """Log what was heard, and wake the publisher."""
        self._hearing.log(readings)
        self._calls.on_read(readings)
        if any(r.events or r.replayed for r in readings):
            self._calls.on_events()

    async def _idle(self) -> None:
        """Say that the backlog is read; look for documents of contracts come back."""
        if self._busy:
            self._calls.on_idle()
        now, last = self._clock(), self._unparked_at
        if last is None or not last <= now < last + UNPARK_EVERY:
            self._unparked_at = now
            await self._documents.unpark(self._carriers)

    async def _rest(self) -> None:
        """Wait for news, or until it is time to look round."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_ROUND.total_seconds()):
                await self._news.wait()
            await asyncio.sleep(GATHER.total_seconds())


def _portions(
    readings: Sequence[ParsedDocument], most_events: int
) -> Iterator[Sequence[ParsedDocument]]:
    """Part a slice where its events become too many for one transaction."""
    portion: list[ParsedDocument] = []
    events = 0
    for reading in readings:
        if portion and events + len(reading.events) > most_events:
            yield portion
            portion, events = [], 0
        portion.append(reading)
        events += len(reading.events)
    if portion:
        yield portion
