"""When two invoice numbers, written differently, are the same."""

import re
from typing import Final, Literal

Likeness = Literal["zeros", "series"]


def likeness(one: str, other: str) -> Likeness | None:
    """Return how two numbers of the same invoice differ; None if of two invoices.

    They may differ by leading zeros, or by a series that only one of them bears,
    before or behind the number. Blanks and case count, as they do for VTEX (known
    issue 631970).
    """
    if _zeros_off(one) == _zeros_off(other):
        return "zeros"
    (number, series), (number_too, series_too) = _split(one), _split(other)
    if number != number_too or (series and series_too and series != series_too):
        return None
    return "series"


def _zeros_off(number: str) -> str:
    """Return *number* with the leading zeros of each of its parts taken off."""
    return re.sub(r"(?<![0-9A-Za-z])0+(?=[0-9A-Za-z])", "", number)


_WITH_SERIES: Final = re.compile(r"([0-9A-Za-z]+)[-/_]([0-9A-Za-z]+)")
_NUMBER: Final = re.compile(r"[0-9]+")
_SERIES: Final = re.compile(r"[A-Za-z]{0,3}[0-9]{1,4}")


def _split(text: str) -> tuple[str, str]:
    """Split off the series: "000123-1" and "001-000123" are number 123.

    The number is the longer part, the first of two as long. What has no series
    is a number alone.
    """
    match = _WITH_SERIES.fullmatch(text)
    if match is None:
        return _zeros_off(text), ""
    first, second = match.groups()
    number, series = (second, first) if len(second) > len(first) else (first, second)
    if not (_NUMBER.fullmatch(number) and _SERIES.fullmatch(series)):
        return _zeros_off(text), ""
    return _zeros_off(number), _zeros_off(series)
