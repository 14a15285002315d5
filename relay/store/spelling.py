"""How values are spelled in the database."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json

from relay.clock import micros, moment
from relay.store.database import Row


def rows(values: Iterable[Mapping[str, Any]]) -> str:
    """Spell a list of rows as the one JSON text that `json_each` takes apart."""
    return to_json(list(values)).decode()


def clean(text: str) -> str:
    """Replace what a database cannot keep: NUL, and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    kept = text.encode("utf-8", "replace").decode()
    return kept.replace("\0", "\N{REPLACEMENT CHARACTER}")


def at(stored: int | None) -> datetime | None:
    """Return the instant of a column that may be empty."""
    return None if stored is None else moment(stored)


def stored(when: datetime | None) -> int | None:
    """Spell an instant that may be missing."""
    return None if when is None else micros(when)


def loads(text: str) -> Any:
    """Read a JSON text of a column."""
    return from_json(text)


def dumps(value: Any) -> str:
    """Spell a value as the JSON text of a column."""
    return to_json(value).decode()


def ids(name: str, values: Iterable[int]) -> str:
    """Spell a sorted list of ids as rows with one column."""
    return rows({name: value} for value in sorted(set(values)))


def as_dict(row: Row) -> dict[str, Any]:
    """Return a row of either database as a plain dictionary."""
    return dict(row)
