"""Rows of a file that were refused, in a file of their own."""

# ruff: noqa: PLC0415 -- imported when the command runs, so that help is quick

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from relay.errors import InvalidLabel

if TYPE_CHECKING:
    from relay.registering.tables import Table

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken over: which, with which field, why, what to do."""

    row: Row
    field: str
    reason: str
    way_out: str

    def __str__(self) -> str:
        about = f"{self.field}: " if self.field else ""
        way_out = f"; {self.way_out}" if self.way_out else ""
        return f"line {self.row[0]}: refused: {about}{self.reason}{way_out}"


def check_writable(path: Path) -> None:
    """Refuse to begin if the refused rows could not be written afterwards."""
    try:
        was_there = path.exists()
        with path.open("ab"):
            pass
    except OSError as error:
        raise InvalidLabel(
            f"{path} cannot be written ({error.strerror}), and refused rows go there",
            way_out="name another file with --refused; nothing was imported",
        ) from None
    if not was_there:
        path.unlink()


def write_refused(path: Path, rows: "Table", refusals: Iterable[Refusal]) -> None:
    """Write the rows as they were, with the reasons beside them."""
    from relay.registering.tables import ADDED

    kept = [i for i, name in enumerate(rows.header) if name not in ADDED]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=rows.delimiter)
        writer.writerow([*(rows.header[i] for i in kept), *ADDED])
        for refusal in refusals:
            line, cells = refusal.row
            own = [cells[i] if i < len(cells) else "" for i in kept]
            more = cells[len(rows.header) :]
            told = (refusal.field, refusal.reason, refusal.way_out)
            writer.writerow([*own, line, *told, *more])
