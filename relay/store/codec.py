"""Conversions between Python values and database columns."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from random import Random
from typing import Any, Final

from pydantic_core import from_json, to_json

from relay.clock import micros, moment
from relay.store.database import Row


def rows(values: Iterable[Mapping[str, Any]]) -> str:
    """Serialize a list of rows as one JSON text, for `json_each` in SQL."""
    return to_json(list(values)).decode()


def at(stored: int | None) -> datetime | None:
    """Return the time of a column in microseconds; None for NULL."""
    return None if stored is None else moment(stored)


def readable_at(stored: int | None) -> datetime | None:
    """Return the time of a column; None for NULL, and for a damaged value.

    For ages and other hints, where one damaged row must not hide the others.
    """
    try:
        return at(stored)
    except OverflowError:
        return None


def stored(when: datetime | None) -> int | None:
    """Return a time as microseconds for a column; None as NULL."""
    return None if when is None else micros(when)


def loads(text: str) -> Any:
    """Parse the JSON text of a column."""
    return from_json(text)


def dumps(value: Any) -> str:
    """Serialize a value as the JSON text of a column."""
    return to_json(value).decode()


def ids(name: str, values: Iterable[int]) -> str:
    """Serialize ids, sorted and without duplicates, as rows with one column."""
    return rows({name: value} for value in sorted(set(values)))


def numbers(values: Iterable[int]) -> str:
    """Serialize ids, sorted and without duplicates, as a JSON list.

    SQLite takes half the time for it that it takes for the rows of `ids`.
    """
    return to_json(sorted(set(values))).decode()


def as_dict(row: Row) -> dict[str, Any]:
    """Return a row of either database as a plain dictionary."""
    # `dict(row)` would look each column up by its name: sqlite3.Row compares all names.
    values: Any = row
    return dict(zip(row.keys(), values, strict=True))


def new_id(now: datetime) -> str:
    """Return an opaque id whose text sorts by time (UUIDv7, RFC 9562)."""
    milliseconds = micros(now) // 1000
    random = _RANDOM.getrandbits(74)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    digits = f"{value:032x}"
    groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(groups)


_RANDOM: Final = Random()  # noqa: S311 -- ids are no secrets
"""Asks the system for randomness once; for every id that is a tenth of its cost."""
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_RANDOM.seed)
