"""The kinds and values of stored references."""

from collections.abc import Iterable
from typing import Final

from relay.domain.events import ReferenceKind
from relay.store.codec import ids
from relay.store.database import Transaction

KINDS: Final = {kind.value: kind for kind in ReferenceKind}
"""Calling the class of an enumeration costs several times as much."""


async def kinds_of(
    tx: Transaction, wanted: Iterable[int]
) -> dict[int, tuple[ReferenceKind, str]]:
    """Return kind and normalized value of references, by reference id."""
    found = await tx.rows("kinds_of_references", rows=ids("reference", wanted))
    return {r["reference"]: (KINDS[r["kind"]], r["value"]) for r in found}
