"""Keys of invoices that nobody issued, right in every digit; pure."""

from datetime import datetime
from itertools import cycle
from typing import Final

_STATE: Final = "35"
_ISSUER: Final = "11222333000181"  # invented
_MODEL_AND_SERIES: Final = "55001"
_ORDINARY: Final = "1"


def nfe_key(number: int, issued_at: datetime) -> str:
    """Return the NF-e key of invoice *number*."""
    month = f"{issued_at:%y%m}"
    head = f"{_STATE}{month}{_ISSUER}{_MODEL_AND_SERIES}{number:09}{_ORDINARY}"
    text = f"{head}{number:08}"
    return text + _check_digit(text)


def _check_digit(digits: str) -> str:
    """Return the digit behind *digits*: modulo 11, weights 2 to 9 from the right."""
    weighted = zip(reversed(digits), cycle(range(2, 10)))
    rest = sum(int(digit) * weight for digit, weight in weighted) % 11
    return "0" if rest < 2 else str(11 - rest)  # noqa: PLR2004 -- ten has no digit
