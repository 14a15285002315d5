"""CSV for spreadsheets, protected against formula injection.

See https://owasp.org/www-community/attacks/CSV_Injection.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TextIO

FORMULAS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of a formula; some spreadsheets accept the full-width forms."""

BOM: Final = "\ufeff"
"""First character of a file, so that spreadsheets decode it as UTF-8."""


def write_csv(
    file: TextIO,
    columns: Sequence[str],
    rows: Iterable[Iterable[Any]],
    delimiter: str = ",",
) -> None:
    """Write a header and *rows*, quoted where needed."""
    csv.writer(file, delimiter=delimiter).writerow(columns)
    write_rows(file, rows, delimiter)


def write_rows(
    file: TextIO, rows: Iterable[Iterable[Any]], delimiter: str = ","
) -> None:
    """Write *rows* below a header, quoted where needed."""
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([cell(value) for value in row] for row in rows)


def cell(value: Any) -> str:
    """Return one value as text; a text that looks like a formula gets an apostrophe.

    Texts come from carriers, and so from anyone: a spreadsheet must not run them.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, tuple):
        value = "; ".join(map(str, value))
    if not isinstance(value, str):
        return str(value)
    begins = value.lstrip().startswith(FORMULAS) or value[:1] in ("\t", "\r", "\n")
    return f"'{value}" if begins else value
