"""Which polled documents are worth storing: new events, or a new unreadable body."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from relay.clock import micros
from relay.store.codec import dumps
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import EventRow, Identity, ParsedDocument, event_rows
from relay.store.known_events import known_events
from relay.store.references import Key, key

MOST_UNREADABLE: Final = 20
"""Unreadable answers of one contract stored per day; polling repeats them anyway."""
DIGEST_AGE: Final = timedelta(days=180)
"""How long digests of unreadable answers are stored."""

_POSITION: Final = "position"
"""Not compared: an event's position changes as the carrier's list grows or is cut."""


async def documents_with_new_events(
    database: Database, readings: Sequence[ParsedDocument]
) -> set[int]:
    """Return the numbers of documents with events that are new or changed."""

    async def compare(tx: Transaction) -> set[int]:
        found = await _identified(tx, readings)
        known = await known_events(tx, found, {0})
        return {f.reading.document for f in found if _is_new(f, known)}

    return await database.read_in_one_go(compare)


async def store_unreadable(
    database: Database, contract: str, digest: str, now: datetime
) -> bool:
    """Store the digest of an unreadable answer; return whether to store the answer."""
    given = {"contract": contract, "digest": digest}
    since, before = now - timedelta(days=1), now - DIGEST_AGE
    async with database.writing() as tx:
        if await tx.row("find_unreadable", **given) is not None:
            return False
        day = await tx.rows("unreadables_since", contract=contract, since=micros(since))
        if len(day) >= MOST_UNREADABLE:
            return False
        await tx.run("delete_unreadables", contract=contract, before=micros(before))
        await tx.run("add_unreadable", **given, now=micros(now))
    return True


async def _identified(
    tx: Transaction, readings: Sequence[ParsedDocument]
) -> list[EventRow]:
    """Identify the events of documents; an unknown reference has id 0."""
    keyed = [
        (r, e, [key(r.contract, ref) for ref in e.references])
        for r in readings
        for e in r.events
    ]
    wanted = sorted(set(chain.from_iterable(keys for _, _, keys in keyed)))
    if not wanted:
        return []
    numbers: dict[Key, int] = dict.fromkeys(wanted, 0)
    for row in await tx.rows("known_references", rows=dumps(wanted)):
        numbers[row["contract"], row["kind"], row["value"]] = row["reference"]
    return [event_rows(r, e, keys, numbers) for r, e, keys in keyed]


def _is_new(found: EventRow, known: Mapping[Identity, Row]) -> bool:
    """Whether an event is new, withdrawn, more precise, or has changed columns."""
    row = known.get(found.identity)
    if row is None or row["withdrawn_at"] is not None:
        return True
    found.keep_more_precise(row)
    columns = found.columns()
    return any(columns[name] != row[name] for name in columns if name != _POSITION)
