"""Answers of carriers: read before they are kept, in the watched thread."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, islice
from typing import Final

from relay.adapters.protocol import Carrier, Document, SplittingCarrier
from relay.clock import Clock
from relay.domain.events import Milestone, ParcelView, ReferenceKind, TrackingEvent
from relay.domain.poll_schedule import COUNTED, PollUpdate, later
from relay.inbound.translate import parse_documents
from relay.logs import logger
from relay.store.database import Database
from relay.store.event_rows import ParsedDocument
from relay.store.poll_news import first_seen, parcels_with_news
from relay.store.unread import UnreadDocument

MOST_PIECES: Final = 10_000
"""Pieces of one answer that are looked at; the next answer has the others."""

_log = logger(__name__)


class AnswerParseTimeout(Exception):
    """An adapter has not come back from reading an answer within the time limit."""


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """What came of an answer: what is to be kept, and all that it says."""

    keep: tuple[Document, ...] = ()
    events: tuple[TrackingEvent, ...] = ()


class AnswerReader:
    """Reads answers and tells news from repetitions.

    *guard* is held while adapters read, for what even the event loop cannot see.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limit: timedelta,
        guard: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._database = database
        self._clock = clock
        self._limit = limit
        self._guard = guard
        self._thread = ThreadPoolExecutor(1, "poller")

    async def read(
        self, contract: str, carrier: Carrier, documents: Sequence[Document]
    ) -> PollAnswer:
        """Split and read *documents*; raise `ReadingHangs` if that takes too long."""
        if not documents:
            return PollAnswer()
        pieces, readings = await self._translated(contract, carrier, documents)
        news = await parcels_with_news(self._database, readings)
        keep = [pieces[number] for number in sorted(news)]
        for reading in readings:
            if reading.unreadable is not None:
                keep += await self._unreadable(reading, pieces[reading.document])
        events = tuple(e for r in readings for e in r.events)
        return PollAnswer(tuple(keep), events)

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False)

    async def _translated(
        self, contract: str, carrier: Carrier, documents: Sequence[Document]
    ) -> tuple[list[Document], list[ParsedDocument]]:
        loop = asyncio.get_running_loop()
        with self._guard():
            work = loop.run_in_executor(
                self._thread, _translated, contract, carrier, documents
            )
            seconds = self._limit.total_seconds()
            done, _ = await asyncio.wait({work}, timeout=seconds)
        if not done:
            raise AnswerParseTimeout(
                f"no answer of {contract} read within {seconds:g} s"
            )
        return work.result()

    async def _unreadable(
        self, reading: ParsedDocument, piece: Document
    ) -> list[Document]:
        """Return an answer that no adapter can read, the first time that it comes."""
        digest = hashlib.sha256(piece.body).hexdigest()
        now = self._clock()
        if not await first_seen(self._database, reading.contract, digest, now):
            return []
        _log.warning(
            "unreadable answer", contract=reading.contract, because=reading.unreadable
        )
        return [piece]


def _translated(
    contract: str, carrier: Carrier, documents: Sequence[Document]
) -> tuple[list[Document], list[ParsedDocument]]:
    """Split and read; runs in a thread, without the store, and never raises."""
    pieces = list(islice(_pieces(carrier, documents), MOST_PIECES))
    unread = [
        UnreadDocument(
            number, contract, d.body, d.received_at, d.headers, 0, replayed=False
        )
        for number, d in zip(count(), pieces)
    ]
    return pieces, parse_documents(unread, {contract: carrier})


def _pieces(carrier: Carrier, documents: Sequence[Document]) -> Iterator[Document]:
    """Yield what can be read alone; what cannot be split, as a whole."""
    for document in documents:
        try:
            parts = (
                list(carrier.split(document))
                if isinstance(carrier, SplittingCarrier)
                else []
            )
        except Exception:  # noqa: BLE001 -- reading the whole says why
            parts = []
        yield from parts or [document]


def heard_of(
    views: Sequence[ParcelView], events: Sequence[TrackingEvent]
) -> list[PollUpdate]:
    """Return what an answer says of each parcel, by any of its references."""
    said: dict[tuple[ReferenceKind, str], PollUpdate] = {}
    for event in events:
        if event.effect not in COUNTED or event.milestone is Milestone.UNKNOWN:
            continue
        heard = PollUpdate(event.milestone, event.occurred_at)
        for reference in event.references:
            name = (reference.kind, reference.compared)
            said[name] = later(said.get(name, PollUpdate()), heard)
    return [_heard(view, said) for view in views]


def _heard(
    view: ParcelView, said: Mapping[tuple[ReferenceKind, str], PollUpdate]
) -> PollUpdate:
    """Return the latest of what was said under a parcel's references."""
    heard = PollUpdate()
    for reference in view.references:
        found = said.get((reference.kind, reference.compared))
        heard = heard if found is None else later(heard, found)
    return heard
