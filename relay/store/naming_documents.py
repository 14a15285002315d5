"""Which orders, invoices and keys the documents of an event name."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from relay.domain.matching import NAMES_INVOICE
from relay.store.codec import loads, numbers
from relay.store.database import Transaction
from relay.store.reference_kinds import kinds_of


class NamingDocument(NamedTuple):
    """A document, and the pairs of kind and value that it names of an event.

    `denied`: it denies the delivery. Of several such documents it is the latest.
    """

    document: int
    named: tuple[tuple[str, str], ...]
    denied: bool = False


async def naming_documents(
    tx: Transaction, events: Collection[int]
) -> Mapping[int, Sequence[NamingDocument]]:
    """Return what the documents of *events* name, by event."""
    found: defaultdict[int, dict[tuple[tuple[tuple[str, str], ...], bool], int]]
    found = defaultdict(dict)
    if not events:
        return {}
    rows = await tx.rows("naming_documents", rows=numbers(events))
    lists = {row["refs"]: _references(row["refs"]) for row in rows}
    kinds = await kinds_of(tx, {ref for refs in lists.values() for ref in refs})
    for row in rows:
        known = [kinds[ref] for ref in lists[row["refs"]] if ref in kinds]
        named = tuple((str(k), value) for k, value in known if k in NAMES_INVOICE)
        found[row["event"]][named, bool(row["denied"])] = row["document"]
    return {
        event: [NamingDocument(document, *key) for key, document in by.items()]
        for event, by in found.items()
    }


def _references(text: str) -> Sequence[int]:
    """Return stored references; none if the list is damaged."""
    try:
        return tuple(loads(text))
    except ValueError:
        return ()
