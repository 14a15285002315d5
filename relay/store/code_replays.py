"""Documents whose events have a code that was mapped: they are parsed again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.store.code_mappings import newest_event
from relay.store.codec import ids, numbers
from relay.store.database import Database, Row, Transaction

EVENTS: Final = 100
"""Events of one slice whose documents are parsed again."""
RANGE: Final = 20_000
"""Stored events among which one slice looks for them."""
UNMAPPED_RANGE: Final = 500_000
"""The same for events without a meaning: an index holds these alone."""
MOST_UNREAD: Final = 200
"""Unread documents above which a slice waits: what carriers send now goes first."""
SETTLE: Final = timedelta(minutes=2)
"""How long a process may still store events that it parsed before the change.

Longer than an adapter may take. So the events are gone through twice, the second time
after this.
"""
ROUNDS: Final = 2


@dataclass(frozen=True, slots=True)
class Remapped:
    """One slice: the mapping's contract and code, and the documents to parse again."""

    contract: str
    code: str
    documents: int
    done: bool


async def remap_slice(database: Database, now: datetime) -> Remapped | None:
    """Make the documents of one slice unread; None if there is nothing to do now."""
    async with database.reading() as tx:  # most of the time there is none
        if await tx.row("any_unfinished_mapping", now=micros(now)) is None:
            return None
    async with database.writing() as tx:
        row = await tx.row("unfinished_code_mapping", now=micros(now))
        if row is None or await _is_busy(tx):
            return None
        upto = await newest_event(tx)
        found, last = await _events(tx, row, upto)
        documents = await _replay(tx, row, found, now)
        progress = _progress(row, last, now, ended=last >= upto)
        await tx.run("save_mapping_progress", documents=documents, **progress)
    done = progress["resume_at"] is None
    return Remapped(row["contract"], row["code"], documents, done)


async def _is_busy(tx: Transaction) -> bool:
    counted = await tx.row("count_unread", limit=MOST_UNREAD)
    return counted is not None and counted["documents"] >= MOST_UNREAD


async def _events(tx: Transaction, row: Row, newest: int) -> tuple[list[int], int]:
    """Return the events of the next slice, and the event where it ends."""
    removed = row["removed_at"] is not None
    query = "mapped_events_of_code" if removed else "unmapped_events_of_code"
    after = row["position"]
    upto = min(after + (RANGE if removed else UNMAPPED_RANGE), newest)
    found = await tx.rows(
        query,
        contract=row["contract"],
        code=row["code"],
        after=after,
        upto=upto,
        limit=EVENTS,
    )
    events = [one["event"] for one in found]
    return events, events[-1] if len(events) == EVENTS else upto


async def _replay(
    tx: Transaction, row: Row, events: Sequence[int], now: datetime
) -> int:
    """Make the documents of *events* unread, with a note on their shipments."""
    if not events:
        return 0
    found = await tx.rows("stored_documents_of_events", rows=numbers(events))
    wanted = ids("document", (one["document"] for one in found))
    replayed = await tx.rows("replay_documents", rows=wanted)
    meant = ids("document", (one["document"] for one in replayed))
    change = f"code {row['code']} was mapped by {row['mapped_by']}"
    if row["removed_at"] is not None:
        change = f"{row['removed_by']} removed the mapping of code {row['code']}"
    text = f"documents parsed again: {change}"
    await tx.run("note_replays", rows=meant, now=micros(now), text=text)
    return len(replayed)


def _progress(row: Row, last: int, now: datetime, *, ended: bool) -> dict[str, Any]:
    """Return the columns of a mapping after a slice that ended at event *last*."""
    at = {"mapping": row["mapping"], "applied_at": None}
    if not ended:
        here = {"round": row["round"], "position": last, "resume_at": micros(now)}
        return at | here
    if row["round"] < ROUNDS:
        changed_at = row["removed_at"] or row["mapped_at"]
        again = max(micros(now), changed_at + SETTLE // timedelta(microseconds=1))
        return at | {"round": row["round"] + 1, "position": 0, "resume_at": again}
    over = {"round": row["round"], "position": last, "resume_at": None}
    return at | over | {"applied_at": micros(now)}
