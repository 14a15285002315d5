"""Parses polled answers before they are stored, so that only new data is stored."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final

from relay.adapters.protocol import Carrier, Document, SplittingCarrier
from relay.clock import Clock
from relay.domain.events import (
    Milestone,
    ParcelView,
    ReferenceKind,
    TrackingEvent,
    is_real_date,
)
from relay.domain.poll_schedule import COUNTED, PollUpdate, later
from relay.inbound.adapter_thread import AdapterThread
from relay.inbound.translate import parse_documents
from relay.logs import logger
from relay.store.bisection import narrow
from relay.store.database import Database
from relay.store.event_rows import ParsedDocument
from relay.store.polled_documents import documents_with_new_events, store_unreadable

MOST_DOCUMENTS: Final = 10_000
"""Documents of one answer that are parsed; the next answer contains the others."""

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """A parsed answer: the documents to store, and all its events."""

    store: tuple[Document, ...] = ()
    events: tuple[TrackingEvent, ...] = ()


class AnswerReader:
    """Parses answers in *thread* and separates new documents from repetitions."""

    def __init__(self, database: Database, clock: Clock, thread: AdapterThread) -> None:
        self._database = database
        self._clock = clock
        self.thread = thread

    async def read(
        self, contract: str, carrier: Carrier, documents: Sequence[Document]
    ) -> PollAnswer:
        """Split and parse *documents*; raises `AdapterTimeout` after the time limit."""
        if not documents:
            return PollAnswer()
        split, parsed = await self.thread.run(
            [contract], _parse, contract, carrier, documents
        )
        fresh = await self._fresh(parsed)
        for one in parsed:
            because = one.unreadable or one.partly
            if because is not None and await self._is_new(
                one, split[one.document], because
            ):
                fresh.add(one.document)
        store = tuple(split[number] for number in sorted(fresh))
        return PollAnswer(store, tuple(e for one in parsed for e in one.events))

    async def _fresh(self, parsed: Sequence[ParsedDocument]) -> set[int]:
        """Return the documents with new events.

        One that cannot be compared with stored events counts: the reader decides.
        """
        fresh: set[int] = set()

        async def find(some: Sequence[ParsedDocument]) -> None:
            fresh.update(await documents_with_new_events(self._database, some))

        async def count(one: ParsedDocument, error: Exception) -> None:
            _log.error("could not compare", contract=one.contract, exc_info=error)
            fresh.add(one.document)

        await narrow(parsed, find, count)
        return fresh

    async def _is_new(
        self, parsed: ParsedDocument, document: Document, because: str
    ) -> bool:
        """Whether an answer, unreadable or in part, comes for the first time.

        A broken carrier returns the same error page on every poll.
        """
        digest = hashlib.sha256(document.body).hexdigest()
        now = self._clock()
        if not await store_unreadable(self._database, parsed.contract, digest, now):
            return False
        _log.warning("unreadable answer", contract=parsed.contract, because=because)
        return True


def _parse(
    contract: str, carrier: Carrier, documents: Sequence[Document]
) -> tuple[list[Document], list[ParsedDocument]]:
    """Split and parse; runs in a thread without database access, and never raises.

    A document's number is its position in the answer.
    """
    split = [
        replace(one, contract=contract, number=number)
        for number, one in enumerate(
            islice(_documents_in(carrier, documents), MOST_DOCUMENTS)
        )
    ]
    return split, parse_documents(split, {contract: carrier})


def _documents_in(
    carrier: Carrier, documents: Sequence[Document]
) -> Iterator[Document]:
    """Yield the documents in an answer, or the whole answer if it cannot be split."""
    for document in documents:
        try:
            parts = (
                list(carrier.split(document))
                if isinstance(carrier, SplittingCarrier)
                else []
            )
        except Exception:  # noqa: BLE001 -- parsing the whole gives the reason
            parts = []
        yield from parts or [document]


def latest_updates(
    views: Sequence[ParcelView], events: Sequence[TrackingEvent], now: datetime
) -> list[PollUpdate]:
    """Return the latest update of each parcel, found by any of its references.

    Placeholder dates are left out: 9999-12-31 would be the latest one for ever.
    """
    updates: dict[tuple[ReferenceKind, str], PollUpdate] = {}
    for event in events:
        if event.effect not in COUNTED or event.milestone is Milestone.UNKNOWN:
            continue
        if not is_real_date(event.occurred_at, now):
            continue
        update = PollUpdate(event.milestone, event.occurred_at)
        for reference in event.references:
            name = (reference.kind, reference.compared)
            updates[name] = later(updates.get(name, PollUpdate()), update)
    return [_latest(view, updates) for view in views]


def _latest(
    view: ParcelView, updates: Mapping[tuple[ReferenceKind, str], PollUpdate]
) -> PollUpdate:
    """Return the latest of the updates under a parcel's references."""
    latest = PollUpdate()
    for reference in view.references:
        found = updates.get((reference.kind, reference.compared))
        latest = latest if found is None else later(latest, found)
    return latest
