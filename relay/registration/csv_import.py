"""Parse labels from CSV, as spreadsheets save it; pure."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Any, Final

from pydantic.alias_generators import to_camel

from relay.domain.events import ReferenceKind
from relay.domain.fiscal import cnpj
from relay.errors import InvalidLabel
from relay.invalid_fields import InvalidFields
from relay.problem_codes import ProblemCode
from relay.registration.requests import LabelRequest
from relay.suggestions import did_you_mean, suggest
from relay.text import UndecodableText, decode_text

_ROUNDED: Final = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_WHOLE: Final = re.compile(r"\d{1,6}", re.ASCII)
_DAY_FIRST: Final = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:[ T]+(\d{1,2}:\d{2}(?::\d{2})?))?",
    re.ASCII,
)
"""27/11/2026, or 27/11/2026 14:03, as spreadsheets in Brazil write a date."""
_SPACED: Final = re.compile(r"(\d{4}-\d{2}-\d{2}) +(\d{2}:\d{2}.*)", re.ASCII)
"""An ISO date and time with a space between, as this relay exports them."""
_PROTECTED: Final = re.compile(r"'(?=\s*[-+@\uff0b\uff0d\uff20])")
"""The apostrophe of an exported text that looks like a formula."""
_WORKBOOKS: Final = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook (xlsx, ods)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (xls)",
}
"""First bytes of what spreadsheets save if it is not CSV."""
_TRUE: Final = frozenset(
    ["true", "1", "yes", "y", "sim", "s", "si", "sí", "verdadeiro", "verdadero"]
)
_FALSE: Final = frozenset(["false", "0", "no", "n", "não", "nao", "falso"])


def read_cell(cell: str, field: str) -> Any:
    """Return a cell as the JSON value of its field.

    Raises `InvalidLabel` with the field and a hint.
    """
    return _READ.get(field, _text)(cell, field)


def _text(cell: str, field: str) -> str:
    if _ROUNDED.fullmatch(cell.strip()):
        raise InvalidLabel(
            "rounded to a number by a spreadsheet, which lost digits",
            field=field,
            hint="set the column's format to `text`, then fill it in again",
        )
    return _PROTECTED.sub("", cell, count=1)


def _count(cell: str, field: str) -> int:
    if not _WHOLE.fullmatch(cell.strip()):
        whole = re.fullmatch(r"\s*(\d+)[.,]0*\s*", cell)
        raise InvalidLabel(
            "contains a decimal comma" if "," in cell else "not a whole number",
            field=field,
            hint=f"write {whole[1] if whole else 'a whole number, such as 2'}",
        )
    return int(cell)


def _date(cell: str, field: str) -> str:
    """Return a date in ISO 8601; one that begins with the day is turned.

    A time without an offset stays so: it is in the account's zone.
    """
    text = cell.strip()
    if spaced := _SPACED.fullmatch(text):
        return "T".join(spaced.groups())
    turned = _DAY_FIRST.fullmatch(text)
    if turned is None:
        return text
    day, _, month, year, time = turned.groups()
    if int(month) > _MONTHS:
        raise _no_month(day, month, year, field)
    iso = f"{year}-{month:0>2}-{day:0>2}"
    return (
        f"{iso}T{time:0>{_HHMM if time.count(':') == 1 else _HHMMSS}}" if time else iso
    )


def _no_month(day: str, month: str, year: str, field: str) -> InvalidLabel:
    """Return what to raise for a date whose second part is not a month."""
    iso = f"{year}-{day:0>2}-{month:0>2}"
    try:
        date.fromisoformat(iso)
    except ValueError:  # exchanging day and month does not help
        problem = f"there is no month {month}"
        hint = "write day, month and year, or a date such as 2026-11-27"
    else:
        problem = f"there is no month {month}: the day comes first"
        hint = f"write {iso}, which starts with the year"
    return InvalidLabel(problem, field=field, hint=hint, code=ProblemCode.INVALID_DATE)


def _yes(cell: str, field: str) -> bool:
    word = cell.strip().casefold()
    if word not in _TRUE | _FALSE:
        raise InvalidLabel(
            "neither true nor false",
            field=field,
            hint="write true or false, or sim or não",
        )
    return word in _TRUE


def _tax_id(cell: str, field: str) -> str:
    try:
        return cnpj(cell)
    except ValueError as error:
        hint = "copy it from the carrier's invoice"
        raise InvalidLabel(str(error), field=field, hint=hint) from None


_READ: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "volume": _count,
    "volumes": _count,
    "trackingSent": _yes,
    "imported": _yes,
    "dispatchedDate": _date,
    "estimatedDeliveryDate": _date,
    "carrierTaxId": _tax_id,
}
_MONTHS: Final = 12
_HHMM, _HHMMSS = len("00:00"), len("00:00:00")
_PREFIX: Final = "reference."
ADDED: Final = ("line", "field", "reason", "hint")
"""Columns of a file of refused rows; they are ignored when it is imported again."""
_NESTED: Final = {"parcels", "references"}
COLUMNS: Final = tuple(
    to_camel(name) for name in LabelRequest.model_fields if name not in _NESTED
)
REFERENCES: Final = tuple(f"{_PREFIX}{to_camel(kind)}" for kind in ReferenceKind)
"""Columns of other references of the parcel, one per type."""
EXPORTED: Final = (
    "id", "state", "why", "closedReason", "registeredAt", "lastEventAt",
    "deliveredPublishedAt", "verifiedAt", "updatedAt", "damage",
)  # fmt: skip
"""Columns of exported shipments that no label has; they are ignored."""
NEEDED: Final = tuple(
    to_camel(n) for n, f in LabelRequest.model_fields.items() if f.is_required()
)
_NAMES: Final = (*COLUMNS, *REFERENCES)
_DELIMITERS: Final = (",", ";", "\t")
_SAID: Final = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
"""The first line in which Excel names the delimiter: `sep=;`."""
_PLACE: Final = re.compile(r"references\[(\d+)\].*")


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The rows of a file, each with the number of its first line."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str


def read_table(content: bytes) -> LabelTable:
    """Return the rows of a file in UTF-8, delimited by commas, semicolons or tabs.

    Raises `InvalidLabel` if it is not such a file, or a column is unknown or missing.
    """
    for magic, kind in _WORKBOOKS.items():
        if content.startswith(magic):
            raise InvalidLabel(
                f"the file is {kind}, not CSV",
                hint="open it, and save it as `CSV UTF-8`",
            )
    text = _text_of(content)
    said = _SAID.match(text)
    first = text.partition("\n")[0]
    delimiter = said[1] if said else max(_DELIMITERS, key=first.count)
    lines = list(_lines(text, delimiter, skipped=bool(said)))
    if not lines:
        raise InvalidLabel("the file is empty", hint=_known())
    line, cells = lines[0]
    header = tuple(cell.strip() for cell in cells)
    _check_header(line, header)
    return LabelTable(header, tuple(lines[1:]), delimiter)


def _text_of(content: bytes) -> str:
    """Return the text of a file; Excel saves `Unicode Text` as UTF-16."""
    try:
        return decode_text(content)[0]
    except UndecodableText as error:
        line = content.count(b"\n", 0, error.position) + 1
        raise InvalidLabel(
            f"line {line}: not UTF-8 text",
            hint="save it as `CSV UTF-8`",
        ) from None


def _lines(
    text: str, delimiter: str, *, skipped: bool
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the rows that are not empty, each with the number of its first line."""
    file = StringIO(text, newline="")
    begins = first = 1
    if skipped:
        file.readline()
        begins = first = 2
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, tuple(cells)
            begins = reader.line_num + first
    except csv.Error as error:
        raise InvalidLabel(
            f"line {begins}: unbalanced quotes ({error})",
            hint='write a quote inside a cell twice: ""',
        ) from None


def _check_header(line: int, header: Sequence[str]) -> None:
    for name in header:
        if name not in {*_NAMES, *ADDED, *EXPORTED}:
            meant = suggest(name, _NAMES)
            hint = did_you_mean(meant) if meant else _known()
            raise InvalidLabel(f"line {line}: unknown column {name!r}", hint=hint)
        if header.count(name) > 1:
            raise InvalidLabel(
                f"line {line}: duplicate column {name}",
                hint="remove one of them",
            )
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InvalidLabel(
            f"line {line}: missing column {' and column '.join(missing)}",
            hint=f"add it: every label needs {' and '.join(NEEDED)}",
        )


def _known() -> str:
    names = ", ".join((*COLUMNS, f"{_PREFIX}volumeCode"))
    return f"name the columns in the first line: {names}"


def label_fields(
    header: Sequence[str], cells: Sequence[str], invalid: InvalidFields | None = None
) -> dict[str, Any]:
    """Return a row as the JSON fields of a label, without its empty cells.

    Problems of cells, each with its field and a hint, are added to *invalid*; without
    it they are raised as `InvalidLabel`. So is a row with too many cells, always.
    """
    if len(cells) > len(header):
        raise InvalidLabel(
            f"the row has {len(cells)} cells, but there are {len(header)} columns",
            hint="put a value that contains a delimiter in quotes",
        )
    read: dict[str, Any] = {}
    found = InvalidFields() if invalid is None else invalid
    for name, cell in zip(header, cells, strict=False):
        if cell.strip() and name not in (*ADDED, *EXPORTED):
            with found.collect():
                read[name] = read_cell(cell, name)
    if invalid is None:
        found.refuse()
    references = [
        {"type": name.removeprefix(_PREFIX), "value": read.pop(name)}
        for name in REFERENCES
        if name in read
    ]
    return read | ({"references": references} if references else {})


def column_of(field: str, fields: Mapping[str, Any]) -> str:
    """Return the column of a *field* at fault."""
    place = _PLACE.fullmatch(field)
    if place is None or "references" not in fields:
        return field
    return f"{_PREFIX}{fields['references'][int(place[1])]['type']}"
