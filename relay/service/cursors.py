"""Opaque pagination cursors: where the next page of a list begins, as text."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from relay.errors import InvalidLabel
from relay.store.shipment_changes import ChangePosition
from relay.store.shipment_lists import NEWEST
from relay.store.worklist_queries import Position, WorkList

_ROW: Final = re.compile(rb"before ([0-9]{1,18})")
_CHANGE: Final = re.compile(rb"changed (-?[0-9]{1,19}) ([0-9]{1,19})")
_POSITION: Final = re.compile(rb"after () ([0-9]{1,18})")
_NUMBERED: Final = re.compile(rb"after ([0-9]{1,18}) ([0-9]{1,18})")
_DATED: Final = re.compile(rb"after ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{1,18})")
_KEYED: Final[Mapping[WorkList, re.Pattern[bytes]]] = {
    WorkList.LATE: _DATED,
    WorkList.QUARANTINED: _NUMBERED,
    WorkList.REFUSED: _NUMBERED,
    WorkList.UNMATCHED: _NUMBERED,
}
"""The cursors of lists with a sort key: another list's cursor would not fit."""


def row_cursor(row: int | None) -> str | None:
    """Return the cursor of the page before the row *row*, None for no next page."""
    return None if row is None else _encode(f"before {row}")


def read_row_cursor(cursor: str | None) -> int | None:
    """Return the row that a page ends before; raise `InvalidLabel`."""
    return None if cursor is None else int(_decode(cursor, _ROW)[1])


def change_cursor(position: ChangePosition) -> str:
    """Return the cursor of the changes after *position*."""
    return _encode(f"changed {position.number} {position.shipment}")


def is_change_cursor(cursor: str | None) -> bool:
    """Whether *cursor* continues a list of changes."""
    return cursor is not None and _decoded(cursor, _CHANGE) is not None


def read_change_cursor(cursor: str) -> ChangePosition:
    """Return the position that changes are listed after; raise `InvalidLabel`."""
    found = _decode(cursor, _CHANGE)
    return ChangePosition(min(int(found[1]), NEWEST), min(int(found[2]), NEWEST))


def position_cursor(position: Position | None) -> str | None:
    """Return the cursor of the page after *position*, None for no next page."""
    return None if position is None else _encode(f"after {position.key} {position.id}")


def read_position_cursor(cursor: str | None, name: WorkList) -> Position | None:
    """Return the position that a page of *name* begins after; raise `InvalidLabel`."""
    if cursor is None:
        return None
    found = _decode(cursor, _KEYED.get(name, _POSITION))
    return Position(found[1].decode(), int(found[2]))


def _encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        return pattern.fullmatch(urlsafe_b64decode(padded))
    except ValueError:
        return None


def _decode(cursor: str, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
    found = _decoded(cursor, pattern)
    if found is None:
        raise InvalidLabel(
            "not a cursor of this list",
            field="cursor",
            hint="send `next` of the previous page unchanged",
        )
    return found
