"""Labels in a table of text, as spreadsheets save it; pure."""

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from typing import Any, Final

from pydantic.alias_generators import to_camel

from relay.domain.events import ReferenceKind
from relay.domain.fiscal import cnpj
from relay.errors import InvalidLabel
from relay.registration.requests import LabelRequest

_ROUNDED: Final = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_WHOLE: Final = re.compile(r"\d{1,6}", re.ASCII)
_TURNED: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](20\d{2})", re.ASCII)
_TRUE: Final = frozenset(
    ["true", "1", "yes", "y", "sim", "s", "si", "sí", "verdadeiro", "verdadero"]
)
_FALSE: Final = frozenset(["false", "0", "no", "n", "não", "nao", "falso"])


def read_cell(cell: str, field: str) -> Any:
    """Return a cell as the JSON of its field.

    Raises `InvalidLabel`, naming the field and the way out.
    """
    return _READ.get(field, _text)(cell, field)


def _text(cell: str, field: str) -> str:
    if _ROUNDED.fullmatch(cell.strip()):
        raise InvalidLabel(
            "a spreadsheet made a number of it, and its digits are lost",
            field=field,
            hint="give the column the format `text`, then fill it in anew",
        )
    return cell


def _count(cell: str, field: str) -> int:
    if not _WHOLE.fullmatch(cell.strip()):
        whole = re.fullmatch(r"\s*(\d+)[.,]0*\s*", cell)
        raise InvalidLabel(
            "it has a decimal comma" if "," in cell else "it is not a whole number",
            field=field,
            hint=f"write {whole[1] if whole else 'a whole number, such as 2'}",
        )
    return int(cell)


def _date(cell: str, field: str) -> str:
    turned = _TURNED.fullmatch(cell.strip())
    if turned:
        day, month, year = turned.groups()
        raise InvalidLabel(
            "it is not a date of ISO 8601: the year comes first",
            field=field,
            hint=f"write {year}-{month:0>2}-{day:0>2} for the day {day} of the "
            f"month {month}",
        )
    return cell


def _yes(cell: str, field: str) -> bool:
    word = cell.strip().casefold()
    if word not in _TRUE | _FALSE:
        raise InvalidLabel(
            "it is neither true nor false",
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
_PREFIX: Final = "reference."
ADDED: Final = ("line", "field", "reason", "hint")
"""Columns of a file of refused rows: they are passed over when it comes back."""
_NESTED: Final = {"parcels", "references"}
COLUMNS: Final = tuple(
    to_camel(name) for name in LabelRequest.model_fields if name not in _NESTED
)
REFERENCES: Final = tuple(f"{_PREFIX}{to_camel(kind)}" for kind in ReferenceKind)
"""Columns of what else the carrier calls the parcel, a type each."""
NEEDED: Final = tuple(
    to_camel(n) for n, f in LabelRequest.model_fields.items() if f.is_required()
)
_NAMES: Final = (*COLUMNS, *REFERENCES)
_DELIMITERS: Final = (",", ";", "\t")
_SAID: Final = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
"""The first line by which Excel says what stands between the cells."""
_PLACE: Final = re.compile(r"references\[(\d+)\].*")


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The rows of a file, each with the line on which it begins."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str


def read_table(content: bytes) -> LabelTable:
    """Take a file apart: UTF-8, with commas, semicolons or tabs between the cells.

    Raises `InvalidLabel` if it is no such file, or a column is unknown or missing.
    """
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
    """Read text as spreadsheets save it; `Unicode Text` of Excel is UTF-16."""
    marked = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidLabel(
            f"line {line}: the file is not UTF-8 text",
            hint="save it as `CSV UTF-8`",
        ) from None


def _lines(
    text: str, delimiter: str, *, skipped: bool
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the rows that are not blank, each with its first line's number."""
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
            f"line {begins}: the quotes do not match ({error})",
            hint='write a quote inside a cell twice: ""',
        ) from None


def _check_header(line: int, header: Sequence[str]) -> None:
    for name in header:
        if name not in {*_NAMES, *ADDED}:
            close = get_close_matches(name, _NAMES, n=1, cutoff=0.6)
            hint = f"is {close[0]} meant?" if close else _known()
            raise InvalidLabel(f"line {line}: there is no column {name!r}", hint=hint)
        if header.count(name) > 1:
            raise InvalidLabel(
                f"line {line}: the column {name} is there twice",
                hint="leave one out",
            )
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InvalidLabel(
            f"line {line}: the column {' and the column '.join(missing)} is missing",
            hint=f"add it: no label is without {' and '.join(NEEDED)}",
        )


def _known() -> str:
    names = ", ".join((*COLUMNS, f"{_PREFIX}volumeCode"))
    return f"the first line names the columns: {names}"


def label_fields(header: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """Return a row as the JSON fields of a label, without its empty cells.

    Raises `InvalidLabel`, naming the field and the way out.
    """
    if len(cells) > len(header):
        raise InvalidLabel(
            f"the row has {len(cells)} cells, and there are {len(header)} columns",
            hint="put a value with a delimiter in it in quotes",
        )
    read = {
        name: read_cell(cell, name)
        for name, cell in zip(header, cells, strict=False)
        if cell.strip() and name not in ADDED
    }
    references = [
        {"type": name.removeprefix(_PREFIX), "value": read.pop(name)}
        for name in REFERENCES
        if name in read
    ]
    return read | ({"references": references} if references else {})


def column_of(field: str, fields: Mapping[str, Any]) -> str:
    """Return the column that a *field* at fault came from."""
    place = _PLACE.fullmatch(field)
    if place is None or "references" not in fields:
        return field
    return f"{_PREFIX}{fields['references'][int(place[1])]['type']}"
