"""Inserts of many rows into SQLite with few statements.

A statement per row costs three times as much, and its thread releases Python's
interpreter lock for every one: under load it waits as often to get it back.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

MOST_VALUES: Final = 900
"""Of one statement: every build of SQLite accepts 999."""
MOST_ROWS: Final = 50
SIZES: Final = (MOST_ROWS, 16, 4)
"""The numbers of rows of one statement, tried in turn: each is prepared once."""
_INSERT: Final = re.compile(
    r"(?P<head>INSERT INTO [^:]+\bVALUES\s*)(?P<row>\([^()]*\))(?P<tail>[^:]*)"
)
_NAMED: Final = re.compile(r":(\w+)")


@dataclass(frozen=True, slots=True)
class WideInsert:
    """An insert of several rows: `names` are the values of one row, in their order."""

    sql: str
    rows: int
    names: tuple[str, ...]

    def values(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return the values of *rows*, as many as `sql` has."""
        return [row[name] for row in rows for name in self.names]


@cache
def widened(sql: str, most: int = MOST_ROWS) -> WideInsert | None:
    """Return a named insert of one row for several; None for any other statement.

    It has *most* rows, or fewer if those had too many values.
    """
    found = _INSERT.fullmatch(sql.strip().rstrip(";"))
    if found is None:
        return None
    names = tuple(_NAMED.findall(found["row"]))
    rows = min(most, MOST_VALUES // max(len(names), 1))
    row = _NAMED.sub("?", found["row"])
    wide = f"{found['head']}{', '.join([row] * rows)}{found['tail']}"
    return WideInsert(wide, rows, names)


def run_many(
    connection: sqlite3.Connection, sql: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Run *sql* for each of *rows*, in their order."""
    done = 0
    for size in SIZES:
        insert = widened(sql, size)
        if insert is None:
            break
        while len(rows) - done >= insert.rows:
            some = rows[done : done + insert.rows]
            connection.execute(insert.sql, insert.values(some))
            done += insert.rows
    if done < len(rows):
        connection.executemany(sql, rows[done:])
