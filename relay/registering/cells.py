"""One cell of a table of labels: what spreadsheets make of a value; pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from relay.errors import InvalidLabel
from relay.fiscal import cnpj

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
            "it is neither true nor false",
            field=field,
            way_out="write true or false, or sim or não",
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
