"""Labels in a table of text, as spreadsheets save it; pure."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from typing import Any, Final

from pydantic.alias_generators import to_camel

from relay.errors import InvalidLabel
from relay.fiscal import cnpj
from relay.registering.requests import LabelRequest

ADDED: Final = ("line", "field", "reason", "wayOut")
"""Columns of a file of refused rows: they are passed over when it comes back."""

_NESTED: Final = {"parcels", "references"}
COLUMNS: Final = tuple(
    to_camel(name) for name in LabelRequest.model_fields if name not in _NESTED
)
_ROUNDED: Final = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_WHOLE: Final = re.compile(r"\d{1,6}", re.ASCII)
_TURNED: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](20\d{2})", re.ASCII)
_TRUE: Final = {"true", "1", "yes", "y", "sim", "s", "si", "sí"}
_FALSE: Final = {"false", "0", "no", "n", "não", "nao"}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file, each with the line on which it begins."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    delimiter: str


def table(content: bytes) -> Table:
    """Take a file apart: UTF-8, with commas or semicolons between the cells.

    Raises `InvalidLabel` if it is no such file, or a column is unknown.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidLabel(
            f"line {line}: the file is not UTF-8 text",
            way_out="save it as `CSV UTF-8`",
        ) from None
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    lines = list(_lines(text, delimiter))
    if not lines:
        raise InvalidLabel("the file is empty", way_out=_known())
    header = tuple(cell.strip() for cell in lines[0][1])
    _check_header(header)
    return Table(header, tuple(lines[1:]), delimiter)


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the rows that are not blank, each with its first line's number."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, tuple(cells)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InvalidLabel(
            f"line {begins}: the quotes do not match ({error})",
            way_out='write a quote inside a cell twice: ""',
        ) from None


def _check_header(header: Sequence[str]) -> None:
    for name in header:
        if name not in {*COLUMNS, *ADDED}:
            close = get_close_matches(name, COLUMNS, n=1, cutoff=0.6)
            way_out = f"is {close[0]} meant?" if close else _known()
            raise InvalidLabel(f"line 1: there is no column {name!r}", way_out=way_out)
        if header.count(name) > 1:
            raise InvalidLabel(
                f"line 1: the column {name} is there twice", way_out="leave one out"
            )


def _known() -> str:
    return f"the first line names the columns: {', '.join(COLUMNS)}"


def label_fields(header: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """Return a row as the JSON fields of a label, without its empty cells.

    Raises `InvalidLabel`, naming the field and the way out.
    """
    if len(cells) > len(header):
        raise InvalidLabel(
            f"the row has {len(cells)} cells, and there are {len(header)} columns",
            way_out="put a value with a delimiter in it in quotes",
        )
    return {
        name: _READ.get(name, _text)(cell, name)
        for name, cell in zip(header, cells, strict=False)
        if cell.strip() and name not in ADDED
    }


def _text(cell: str, field: str) -> str:
    if _ROUNDED.fullmatch(cell.strip()):
        raise InvalidLabel(
            "a spreadsheet made a number of it, and its digits are lost",
            field=field,
            way_out="give the column the format `text`, then fill it in anew",
        )
    return cell


def _count(cell: str, field: str) -> int:
    if not _WHOLE.fullmatch(cell.strip()):
        whole = re.fullmatch(r"\s*(\d+)[.,]0*\s*", cell)
        raise InvalidLabel(
            "it has a decimal comma" if "," in cell else "it is not a whole number",
            field=field,
            way_out=f"write {whole[1] if whole else 'a whole number, such as 2'}",
        )
    return int(cell)


def _date(cell: str, field: str) -> str:
    turned = _TURNED.fullmatch(cell.strip())
    if turned:
        day, month, year = turned.groups()
        raise InvalidLabel(
            "it is not a date of ISO 8601: the year comes first",
            field=field,
            way_out=f"write {year}-{month:0>2}-{day:0>2} for the day {day} of the "
            f"month {month}",
        )
    return cell


def _yes(cell: str, field: str) -> bool:
    word = cell.strip().casefold()
    if word not in _TRUE | _FALSE:
        raise InvalidLabel(
            "it is neither true nor false", field=field, way_out="write true or false"
        )
    return word in _TRUE


def _tax_id(cell: str, field: str) -> str:
    try:
        return cnpj(cell)
    except ValueError as error:
        way_out = "copy it from the carrier's invoice"
        raise InvalidLabel(str(error), field=field, way_out=way_out) from None


_READ: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "volume": _count,
    "volumes": _count,
    "announced": _yes,
    "imported": _yes,
    "dispatchedDate": _date,
    "estimatedDeliveryDate": _date,
    "carrierTaxId": _tax_id,
}
