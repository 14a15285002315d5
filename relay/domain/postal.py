"""Postal item numbers (S10) and their check digit.

`AA123456785BR`: service, serial number, check digit, country. The standard of the
Universal Postal Union is S10; Correios uses it for every parcel.
"""

import re
from typing import Final

_S10: Final = re.compile(r"[A-Z]{2}(\d{8})(\d)[A-Z]{2}", re.ASCII)
_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
_OF_REST: Final = {0: 5, 1: 0}
"""The digit where 11 minus the rest has two digits."""


def postal_number(service: str, serial: str, country: str) -> str:
    """Return the number of an item with its check digit; *serial* has eight digits."""
    rest = sum(int(d) * w for d, w in zip(serial, _WEIGHTS, strict=True)) % 11
    return f"{service}{serial}{_OF_REST.get(rest, 11 - rest)}{country}"


def wrong_postal_digit(number: str) -> str | None:
    """Return the right check digit of a postal number with another one, else None.

    A number of another form has no such digit.
    """
    found = _S10.fullmatch("".join(number.split()).upper())
    if found is None:
        return None
    serial, given = found.groups()
    right = postal_number("", serial, "")[-1]
    return None if right == given else right
