"""Tables for spreadsheets: CSV that none of them takes for a formula."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TextIO

FORMULAS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula begins with; some spreadsheets take the full-width forms, too."""


BOM: Final = "\ufeff"
"""What a file begins with, so that spreadsheets read its accents."""


def write_csv(
    file: TextIO,
    columns: Sequence[str],
    rows: Iterable[Iterable[Any]],
    delimiter: str = ",",
) -> None:
    """Write a header and *rows*, quoted where that is needed."""
    csv.writer(file, delimiter=delimiter).writerow(columns)
    write_rows(file, rows, delimiter)


def write_rows(
    file: TextIO, rows: Iterable[Iterable[Any]], delimiter: str = ","
) -> None:
    """Write *rows* below a header, quoted where that is needed."""
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([cell(value) for value in row] for row in rows)


def cell(value: Any) -> str:
    """Spell one value; a text that looks like a formula gets an apostrophe.

    Carriers, and so anybody, can write texts: a spreadsheet must not run them.
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
