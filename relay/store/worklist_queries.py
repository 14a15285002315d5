"""Queries and cursor positions of the operators' work lists."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from relay.store.database import Row, Transaction

MOST_UNKNOWN: Final = 5_000
"""The number of latest events with an unknown code that are counted."""
_LAST: Final = (1 << 63) - 1


class WorkList(StrEnum):
    """The work lists; `waiting` and part of `unknown-to-vtex` need no operator."""

    STUCK = "stuck"
    CONTRADICTED = "contradicted"
    QUARANTINED = "quarantined"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    REJECTED = "rejected"
    REFUSED = "refused"
    UNKNOWN_CODES = "unknown-codes"
    LATE = "late"
    SILENT = "silent"
    WAITING = "waiting"
    UNKNOWN_TO_VTEX = "unknown-to-vtex"


BY_ACCOUNT: Final = frozenset(
    {WorkList.STUCK, WorkList.CONTRADICTED, WorkList.LATE, WorkList.SILENT}
)
"""Lists whose index begins with the account."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ends: the sort key of its last row."""

    key: str = ""
    id: int = 0


Query = Callable[..., Awaitable[Sequence[Row]]]


async def _stuck(
    tx: Transaction, after: Position | None, limit: int, account: str, _: datetime
) -> Sequence[Row]:
    before = after.id if after else _LAST
    return await tx.rows("work_stuck", account=account, id=before, limit=limit)


async def _contradicted(
    tx: Transaction, after: Position | None, limit: int, account: str, _: datetime
) -> Sequence[Row]:
    before = after.id if after else _LAST
    return await tx.rows("work_contradicted", account=account, id=before, limit=limit)


async def _late(
    tx: Transaction, after: Position | None, limit: int, account: str, now: datetime
) -> Sequence[Row]:
    after = after or Position()
    return await tx.rows(
        "work_late",
        account=account,
        today=now.date().isoformat(),
        key=after.key,
        id=after.id,
        limit=limit,
    )


async def _silent(
    tx: Transaction, after: Position | None, limit: int, account: str, _: datetime
) -> Sequence[Row]:
    after = after or Position()
    return await tx.rows("work_open", account=account, id=after.id, limit=limit)


async def _quarantined(
    tx: Transaction, after: Position | None, limit: int
) -> Sequence[Row]:
    return await tx.rows("work_quarantined", **_below(after), limit=limit)


async def _unmatched(
    tx: Transaction, after: Position | None, limit: int
) -> Sequence[Row]:
    return await tx.rows("work_unmatched", **_below(after), limit=limit)


async def _unreadable(
    tx: Transaction, after: Position | None, limit: int
) -> Sequence[Row]:
    before = after.id if after else _LAST
    return await tx.rows("list_unreadable", before=before, limit=limit)


async def _rejected(
    tx: Transaction, after: Position | None, limit: int
) -> Sequence[Row]:
    before = after.id if after else _LAST
    return await tx.rows("work_rejected", id=before, limit=limit)


async def _refused(
    tx: Transaction, after: Position | None, limit: int
) -> Sequence[Row]:
    return await tx.rows("work_refused", **_below(after), limit=limit)


async def _unknown(
    tx: Transaction, after: Position | None, limit: int
) -> Sequence[Row]:
    before = after.id if after else _LAST
    return await tx.rows(
        "work_unknown_codes", id=before, limit=limit, most=MOST_UNKNOWN
    )


QUERIES: Final[Mapping[WorkList, Query]] = {
    WorkList.STUCK: _stuck,
    WorkList.CONTRADICTED: _contradicted,
    WorkList.LATE: _late,
    WorkList.SILENT: _silent,
    WorkList.QUARANTINED: _quarantined,
    WorkList.UNMATCHED: _unmatched,
    WorkList.UNREADABLE: _unreadable,
    WorkList.REJECTED: _rejected,
    WorkList.REFUSED: _refused,
    WorkList.UNKNOWN_CODES: _unknown,
}


def _below(after: Position | None) -> dict[str, int]:
    """Return the parameters of a descending order by two numbers."""
    key = int(after.key) if after and after.key else _LAST
    return {"key": key, "id": after.id if after else _LAST}


_SORTED_BY: Final[Mapping[WorkList, tuple[str | None, str]]] = {
    WorkList.LATE: ("promised_on", "shipment"),
    WorkList.QUARANTINED: ("event", "shipment"),
    WorkList.UNMATCHED: ("received_at", "event"),
    WorkList.UNREADABLE: (None, "document"),
    WorkList.REJECTED: (None, "rejected_request"),
    WorkList.REFUSED: ("last_at", "refusal"),
    WorkList.UNKNOWN_CODES: (None, "event"),
}
"""The sort columns of lists that are not sorted by shipment alone."""


def position(name: WorkList, row: Row) -> Position:
    """Return the position of a row in its list."""
    key, number = _SORTED_BY.get(name, (None, "shipment"))
    return Position("" if key is None else str(row[key]), row[number])
