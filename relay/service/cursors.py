"""Opaque pagination cursors: where the next page of a list begins, as text."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from relay.errors import InvalidLabel
from relay.store.worklist_queries import Position, WorkList

_ROW: Final = re.compile(rb"before ([0-9]{1,18})")
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


def _decode(cursor: str, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        found = pattern.fullmatch(urlsafe_b64decode(padded))
    except ValueError:
        found = None
    if found is None:
        raise InvalidLabel(
            "not a cursor of this list",
            field="cursor",
            hint="send `next` of the previous page unchanged",
        )
    return found
