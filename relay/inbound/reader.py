"""The reader: parses stored documents into events, slice by slice."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.adapters.operator import CONTRACT as OPERATOR
from relay.adapters.operator import Operator
from relay.adapters.protocol import Carrier, Document
from relay.clock import Clock
from relay.health import Health
from relay.inbound.adapter_thread import AdapterThread, AdapterTimeout, Watchdog
from relay.inbound.event_log import EventLog
from relay.inbound.translate import MOST_TRIES, give_up, parse_documents, unstorable
from relay.logs import logger
from relay.loops import NOW, LoopTiming, run_forever
from relay.metrics import Metrics
from relay.spans import NO_TRACING
from relay.store.bisection import narrow
from relay.store.code_mappings import MappingVersion
from relay.store.documents import Documents
from relay.store.event_rows import ParsedDocument
from relay.store.unread import ReaderTerms, Slice

LOOP: Final = "reader"
CHECK_INTERVAL: Final = timedelta(seconds=1)
"""How often the database is checked without a wake-up: other replicas store, too."""
BATCH_WAIT: Final = timedelta(milliseconds=20)
"""How long the reader waits after a wake-up, so that one slice serves a burst."""
SILENCE_LIMIT: Final = timedelta(seconds=60)
"""Twice the time limit of adapters."""
UNPARK_EVERY: Final = timedelta(minutes=1)

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class SliceSize:
    """How much one slice holds, and how many events share a transaction."""

    documents: int
    max_bytes: int
    events: int


SMALL: Final = SliceSize(64, 256 * 1024, 500)
LARGE: Final = SliceSize(512, 2 * 1024 * 1024, 2000)
ALONE: Final = SliceSize(1, 0, 500)


def ignore() -> None:
    """Do nothing: the default of a callback."""


async def keep_mappings() -> None:
    """Do nothing: the default where no codes are mapped."""


@dataclass(frozen=True, slots=True)
class ReaderCallbacks:
    """Called after a slice with events was committed, and once a backlog is parsed.

    `on_mappings` is awaited when codes were mapped: it calls `reload`.
    """

    on_events: Callable[[], None] = ignore
    on_idle: Callable[[], None] = ignore
    on_mappings: Callable[[], Awaitable[None]] = keep_mappings


class Reader:
    """Parses stored documents; *unclean* says that the last process was killed.

    After an unclean stop documents are parsed one by one, and each try is counted:
    a document that crashes the process is found and given up.
    """

    def __init__(  # noqa: PLR0913 -- wired in one place, by keyword
        self,
        documents: Documents,
        carriers: Mapping[str, Carrier],
        clock: Clock,
        *,
        terms: ReaderTerms,
        calls: ReaderCallbacks | None = None,
        watchdog: Watchdog | None = None,
        health: Health | None = None,
        metrics: Metrics | None = None,
        unclean: bool = False,
    ) -> None:
        self._documents = documents
        self._carriers: Mapping[str, Carrier] = {**carriers, OPERATOR: Operator()}
        self._clock = clock
        self._terms = terms
        self._calls = calls or ReaderCallbacks()
        self._health = health or Health()
        self._metrics = metrics or Metrics()
        self._thread = AdapterThread(LOOP, self._health, watchdog)
        self._woken = asyncio.Event()
        self._more = self._busy = self._rests = False
        self._alone = LARGE.documents if unclean else 0
        self._unparked_at: datetime | None = None
        self.tracing = NO_TRACING
        self._mappings: MappingVersion = (0, 0)
        self._event_log = EventLog()

    def reload(self, carriers: Mapping[str, Carrier]) -> None:
        """Use other adapters; parked documents of added contracts are parsed."""
        self._carriers = {**carriers, OPERATOR: Operator()}
        self._unparked_at = None
        self.wake()

    def wake(self) -> None:
        """Start a round now: a document was stored."""
        self._woken.set()

    async def run(self) -> None:
        """Parse until cancelled."""
        timing = LoopTiming(self._rest, SILENCE_LIMIT, BATCH_WAIT)
        await run_forever(LOOP, self.step, self._health, timing, self._woken)

    def _rest(self) -> timedelta:
        return CHECK_INTERVAL if self._rests else NOW

    async def step(self) -> int:
        """Parse one slice; return how many documents it had."""
        self._rests = True
        size = LARGE if self._more else SMALL
        counted = None
        if self._alone:
            size, counted = ALONE, await self._documents.count_try()
        async with self._documents.slice(size.documents, size.max_bytes) as part:
            if counted not in (None, *part.numbers):
                return 0  # another replica has parsed the counted one meanwhile
            parsed = None
            if part.mappings == self._mappings:
                parsed = await self._parse_slice(part, size.events)
        if parsed is None:
            await self._take_up(part.mappings)
            return await self.step()
        count = len(part.numbers)
        self._more = part.more
        self._alone = self._alone - 1 if self._alone and count else 0
        self._report(parsed)
        if not count:
            await self._idle()
        self._busy, self._rests = count > 0, not count
        return count

    async def _take_up(self, version: MappingVersion) -> None:
        """Use the mapped codes of *version*.

        It was read with the slice, so no document that was made unread for a mapping
        is parsed without it.
        """
        await self._calls.on_mappings()
        self._mappings = version

    async def close(self) -> None:
        """Release the thread."""
        self._thread.close()

    async def _parse_slice(self, part: Slice, most_events: int) -> list[ParsedDocument]:
        """Parse and store one slice; documents of unknown contracts are parked."""
        unknown = [d for d in part.documents if d.contract not in self._carriers]
        for contract in sorted({d.contract for d in unknown}):
            _log.warning("documents parked: unknown contract", contract=contract)
        await part.park(unknown)
        known = [d for d in part.documents if d.contract in self._carriers]
        spent = [d for d in known if d.tries > MOST_TRIES]
        begun = time.time_ns()
        parsed = [*part.damaged, *(give_up(d) for d in spent)]
        parsed += await self._parse([d for d in known if d not in spent])
        stored: list[ParsedDocument] = []
        for portion in _portions(parsed, most_events):
            stored += await self._store(part, portion)
        if self.tracing.on:
            self._trace(part, stored, (begun, time.time_ns()))
        return stored

    def _trace(
        self, part: Slice, stored: Sequence[ParsedDocument], times: tuple[int, int]
    ) -> None:
        """Record how each document of a request was parsed, within its slice."""
        contexts = {d.number: d.trace for d in part.documents if d.trace is not None}
        for one in stored:
            if one.document in contexts:
                self.tracing.record(
                    "parse document",
                    times,
                    {
                        "relay.contract": one.contract,
                        "relay.document": one.document,
                        "relay.events": len(one.events),
                        "relay.unreadable": one.unreadable is not None,
                    },
                    parent=contexts[one.document],
                )

    async def _store(
        self, part: Slice, portion: Sequence[ParsedDocument]
    ) -> list[ParsedDocument]:
        """Store the events of *portion*; a document that fails is rejected alone."""
        stored: list[ParsedDocument] = []

        async def store(some: Sequence[ParsedDocument]) -> None:
            await part.store_events(some, self._clock(), self._terms)
            stored.extend(some)

        async def give_up_on(one: ParsedDocument, error: Exception) -> None:
            about = {"contract": one.contract, "document": one.document}
            _log.error("could not store events", exc_info=error, **about)
            bodies = {d.number: d for d in part.documents}
            if one.document not in bodies:  # it is damaged, and has no events
                raise error
            await store([unstorable(bodies[one.document], error)])

        await narrow(portion, store, give_up_on)
        return stored

    async def _parse(self, documents: Sequence[Document]) -> list[ParsedDocument]:
        """Parse in the adapter thread; end the process if an adapter hangs."""
        if not documents:
            return []
        contracts = {d.contract for d in documents}
        try:
            return await self._thread.run(
                contracts, parse_documents, documents, self._carriers
            )
        except AdapterTimeout:
            self._thread.give_up()
            raise

    def _report(self, parsed: Sequence[ParsedDocument]) -> None:
        """Log and count a slice, and wake the publisher if it had events."""
        if any(one.events or one.replayed for one in parsed):
            self._calls.on_events()
        self._event_log.log(parsed)
        of_contracts: dict[str, list[ParsedDocument]] = {}
        for one in parsed:
            of_contracts.setdefault(one.contract, []).append(one)
        for contract, some in of_contracts.items():
            self._metrics.count_parsed(
                contract,
                documents=len(some),
                events=sum(len(one.events) for one in some),
                unreadable=sum(one.unreadable is not None for one in some),
                partly=sum(one.partly is not None for one in some),
            )

    async def _idle(self) -> None:
        """Report the end of a backlog; unpark documents of contracts that are back."""
        if self._busy:
            self._calls.on_idle()
        now, last = self._clock(), self._unparked_at
        if last is None or not last <= now < last + UNPARK_EVERY:
            self._unparked_at = now
            await self._documents.unpark(self._carriers)


def _portions(
    parsed: Sequence[ParsedDocument], most_events: int
) -> Iterator[Sequence[ParsedDocument]]:
    """Split a slice where its events become too many for one transaction."""
    portion: list[ParsedDocument] = []
    events = 0
    for one in parsed:
        if portion and events + len(one.events) > most_events:
            yield portion
            portion, events = [], 0
        portion.append(one)
        events += len(one.events)
    if portion:
        yield portion
