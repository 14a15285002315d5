"""Fit a table into a width: fold, put below, or leave out columns; pure."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

GAP: Final = "  "
NARROWEST: Final = 30
"""Width of a text column at least; with less room the text goes below its row."""
INDENT: Final = "    "
SHORTEST: Final = 20
"""Width of a text below its row at least."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and what to do with it if the width is too small.

    An `is_text` column is folded, or put below its row; others are never folded.
    Of those with a `rank` the highest is left out first. Texts are cut at `longest`.
    """

    head: str
    rank: int = 0
    is_text: bool = False
    longest: int = 1000

    def cut(self, text: str) -> str:
        """Return *text*, at most `longest` characters long: JSON and CSV have all."""
        return text if len(text) <= self.longest else f"{text[: self.longest - 1]}…"


Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The lines of a table, and the headings of the columns that did not fit."""

    head: str
    lines: tuple[str, ...]
    left_out: tuple[str, ...]


def render_table(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Layout:
    """Lay a table out in *width* characters."""
    rows = [
        tuple(c.cut(text) for c, text in zip(columns, row, strict=True)) for row in rows
    ]
    room = _Widths.of(columns, rows, width)
    beside, below = room.found()
    widths = room.widths(beside)
    lines = [_line((columns[i].head for i in beside), widths)]
    for row in rows:
        lines += _folded(row, widths)
        for i in filter(row.__getitem__, below):
            lines += _below(columns[i].head, row[i], width)
    shown = {*beside, *below}
    left_out = tuple(c.head for i, c in enumerate(columns) if i not in shown)
    return Layout(lines[0], tuple(lines[1:]), left_out)


@dataclass(frozen=True, slots=True)
class _Widths:
    """The widths of the columns, and which of them fit beside each other.

    `natural` are the widths without folding; `empty` are columns without values.
    """

    columns: Sequence[Column]
    natural: Sequence[int]
    empty: frozenset[int]
    width: int

    @classmethod
    def of(
        cls, columns: Sequence[Column], rows: Sequence[Row], width: int
    ) -> "_Widths":
        """Measure a table."""
        cells = [[row[i] for row in rows] for i in range(len(columns))]
        natural = [
            max([len(column.head), *map(len, cells[i])])
            for i, column in enumerate(columns)
        ]
        empty = frozenset(i for i, texts in enumerate(cells) if not any(texts))
        return cls(columns, natural, empty, width)

    def found(self) -> tuple[list[int], list[int]]:
        """Return the columns that stand beside each other, and those below a row."""
        beside = list(range(len(self.columns)))
        if self._needed(beside) <= self.width:
            return beside, []
        below = [i for i in beside if self.columns[i].is_text]
        beside = [i for i in beside if i not in below]
        may_go = sorted((i for i in beside if self.columns[i].rank), key=self._rank)
        while self._needed(beside) > self.width and may_go:
            beside.remove(may_go.pop())
        return beside, below

    def widths(self, beside: Sequence[int]) -> dict[int, int]:
        """Return the width of each column; texts share what the others leave."""
        widths = {i: self._least(i) for i in beside}
        spare = max(self.width - self._needed(beside), 0)
        for i in beside:
            more = min(spare, self.natural[i] - widths[i])
            widths[i] += more
            spare -= more
        return widths

    def _least(self, column: int) -> int:
        """Return the smallest width of a column."""
        natural = self.natural[column]
        return min(natural, NARROWEST) if self.columns[column].is_text else natural

    def _needed(self, beside: Sequence[int]) -> int:
        gaps = len(GAP) * max(len(beside) - 1, 0)
        return sum(map(self._least, beside)) + gaps

    def _rank(self, column: int) -> tuple[bool, int]:
        """Return how early a column is left out; empty columns go first."""
        return column in self.empty, self.columns[column].rank


def _folded(row: Row, widths: dict[int, int]) -> Iterator[str]:
    """Yield the lines of a row's cells beside each other."""
    folded = [textwrap.wrap(row[i], width) or [""] for i, width in widths.items()]
    for cells in zip_longest(*folded, fillvalue=""):
        yield _line(cells, widths)


def _below(head: str, text: str, width: int) -> list[str]:
    """Return a text on lines of its own."""
    first = f"{INDENT}{head}: "
    most = max(width, len(first) + SHORTEST)
    return textwrap.wrap(text, most, initial_indent=first, subsequent_indent=INDENT)


def _line(cells: Iterable[str], widths: dict[int, int]) -> str:
    padded = (f"{c:<{w}}" for c, w in zip(cells, widths.values(), strict=True))
    return GAP.join(padded).rstrip()


LONGEST_TEXT: Final = 200
"""Characters of a carrier's text in a table; one may have 5,000."""
CARRIERS_TEXT: Final = Column("carrier says", is_text=True, longest=LONGEST_TEXT)
Columns = dict[str, Column]
"""Columns by the field they show, in order."""
SHIPMENT: Final[Columns] = {
    "id": Column("id"),
    "order_id": Column("order"),
    "invoice_number": Column("invoice", 5),
    "tracking_number": Column("number", 1),
    "contract": Column("contract", 3),
    "account": Column("account", 6),
}
PARCEL: Final[Columns] = SHIPMENT | {
    "id": Column("id", 4),
    "tracking_number": Column("number"),
    "contract": Column("contract", 2),
}
"""A shipment by its tracking number."""
EVENT: Final[Columns] = {
    "event": Column("event"),
    "occurred_at": Column("occurred", 1),
    "milestone": Column("milestone"),
    "carrier_code": Column("code", 4),
}
COLUMNS: Final[Mapping[str, Columns]] = {
    "stuck": SHIPMENT
    | {
        "since": Column("since", 2),
        "stuck_reason": Column("reason", is_text=True),
        "vtex_response": Column("VTEX response", is_text=True),
    },
    "contradicted": SHIPMENT
    | {
        "since": Column("since", 2),
        "last_event_at": Column("last event", 3),
        "contradicted_reason": Column("reason", is_text=True),
    },
    "quarantined": EVENT
    | {
        "order_id": Column("order"),
        "tracking_number": Column("number", 2),
        "contract": Column("contract", 3),
        "volume": Column("volume", 6),
        "invoice_number": Column("invoice", 7),
        "account": Column("account", 8),
        "received_at": Column("received", 9),
        "id": Column("id", 5),
        "quarantine_reason": Column("reason", is_text=True),
        "named_in": Column("names", is_text=True),
        "description": CARRIERS_TEXT,
    },
    "unmatched": EVENT
    | {
        "contract": Column("contract"),
        "city": Column("city", 8),
        "state": Column("state", 7),
        "received_at": Column("received", 9),
        "references": Column("references", is_text=True),
        "unmatched_reason": Column("reason", is_text=True),
        "description": CARRIERS_TEXT,
    },
    "unreadable": {
        "document": Column("document"),
        "contract": Column("contract"),
        "received_at": Column("received", 1),
        "state": Column("state"),
        "source": Column("source", 2),
        "size": Column("bytes", 3),
        "unreadable_reason": Column("reason", is_text=True),
    },
    "rejected": {
        "request": Column("request"),
        "contract": Column("contract"),
        "received_at": Column("received"),
        "size": Column("bytes", 1),
        "rejected_reason": Column("reason", is_text=True),
    },
    "refused": {
        "contract": Column("contract"),
        "path": Column("path"),
        "method": Column("method", 2),
        "status": Column("status"),
        "requests": Column("requests"),
        "first_at": Column("first", 3),
        "last_at": Column("last", 1),
        "refused_reason": Column("reason", is_text=True),
        "hint": Column("hint", is_text=True),
    },
    "unknown-codes": {
        "contract": Column("contract"),
        "carrier_code": Column("code"),
        "events": Column("events", 1),
        "last_received_at": Column("last received", 2),
        "reference": Column("with", 3),
        "event": Column("event", 4),
        "example": CARRIERS_TEXT,
    },
    "late": PARCEL
    | {
        "promised_on": Column("promised"),
        "last_event_at": Column("last event", 1),
    },
    "silent": PARCEL
    | {
        "registered_at": Column("registered", 3),
        "last_event_at": Column("last event", 1),
    },
    "waiting": SHIPMENT
    | {
        "since": Column("since", 4),
        "next_try_at": Column("next try", 4),
        "why": Column("why", is_text=True),
    },
    "unknown-to-vtex": SHIPMENT
    | {
        "lack": Column("reason"),
        "since": Column("since", 2),
        "next_actor": Column("next: who"),
        "next_try_at": Column("next try", 4),
        "gives_up_at": Column("gives up", 4),
        "state": Column("state", 7),
        "why": Column("why", is_text=True),
    },
}
SHIPMENTS: Final[Columns] = SHIPMENT | {
    "state": Column("state"),
    "why": Column("why", is_text=True),
}
DOCUMENTS: Final[Columns] = {
    "id": Column("document"),
    "contract": Column("contract"),
    "source": Column("source", 3),
    "received_at": Column("received"),
    "parsed_at": Column("parsed", 1),
    "state": Column("state"),
    "new_events": Column("new events", 2),
    "size": Column("bytes", 4),
    "unreadable_reason": Column("unreadable reason", is_text=True),
}
