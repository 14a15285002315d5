"""Brazilian tax ids (CNPJ) and NF-e access keys: normalise, check, split."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Final, Self

_PUNCTUATION: Final = re.compile(r"[\s./-]+")
_CNPJ: Final = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_KEY: Final = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
_MODELS: Final = {"55", "65"}
"""NF-e and NFC-e. A CT-e key has the same form but identifies a waybill."""
_CTE_MODELS: Final = {"57", "64", "67"}
"""CT-e, GTV-e and CT-e OS."""

_ISSUED: Final = re.compile(
    r"[0-9]{2}(?P<year>[0-9]{2})(?P<month>0[1-9]|1[0-2])[0-9A-Z]{14}[0-9]{24}"
)
_ZONES: Final = timedelta(days=1)
"""More than any zone is off UTC."""

CNPJ_LENGTH: Final = 14
KEY_LENGTH: Final = 44


def cnpj(text: str) -> str:
    """Return the CNPJ in *text*, upper case without punctuation.

    Accepts the numeric form and the alphanumeric one (Receita Federal: NT 2025.001,
    in production since July 2026). Raises `ValueError` with the reason.
    """
    plain = _plain(text)
    if len(plain) != CNPJ_LENGTH:
        raise ValueError(f"a CNPJ has {CNPJ_LENGTH} characters, not {len(plain)}")
    if not _CNPJ.fullmatch(plain):
        raise ValueError("a CNPJ has 12 digits or letters and two check digits")
    if not plain.strip("0"):
        raise ValueError("a CNPJ cannot be all zeros")
    first = check_digit(plain[:12])
    if plain[12:] != first + check_digit(plain[:12] + first):
        raise ValueError("the CNPJ's check digits are wrong")
    return plain


def check_digit(text: str) -> str:
    """Return the check digit of *text*: modulo 11, weights 2 to 9 from the right.

    A character counts as its ASCII code minus 48 (NT 2025.001), so a digit counts as
    itself.
    """
    weighted = zip(reversed(text), cycle(range(2, 10)))
    rest = sum((ord(char) - ord("0")) * weight for char, weight in weighted) % 11
    return "0" if rest < 2 else str(11 - rest)  # noqa: PLR2004 -- ten has no digit


def cte_key(text: str) -> str:
    """Return the access key of a CT-e, with or without blanks and the prefix `CTe`.

    Raises `ValueError` with the reason.
    """
    key = _plain(text).removeprefix("CTE")
    if len(key) != KEY_LENGTH:
        raise ValueError(f"a CT-e key has {KEY_LENGTH} characters, not {len(key)}")
    if not _KEY.fullmatch(key):
        raise ValueError("a CT-e key has letters only in the issuer's part")
    if key[20:22] not in _CTE_MODELS:
        raise ValueError(f"the key is of document model {key[20:22]}, not of a CT-e")
    if key[-1] != check_digit(key[:-1]):
        raise ValueError("the CT-e key's check digit is wrong")
    return key


def has_wrong_key_digit(text: str) -> bool:
    """Whether *text* has the form of a fiscal document's key, but another digit."""
    key = _plain(text)
    return bool(_KEY.fullmatch(key)) and key[-1] != check_digit(key[:-1])


def invoice_reference(issuer: str, series: str, number: str) -> str:
    """Return an invoice as a reference for comparison: `issuer/series/number`.

    The issuer has no punctuation, series and number have no leading zeros.
    """
    return f"{_plain(issuer)}/{_stripped(series)}/{_stripped(number)}"


@dataclass(frozen=True, slots=True)
class NfeKey:
    """An NF-e access key and its parts; series and number without leading zeros.

    `issuer` has 14 characters: a CNPJ, or a CPF after three zeros.
    """

    key: str
    issuer: str
    model: str
    series: str
    number: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split the key in *text*, with or without blanks and the prefix `NFe`.

        Raises `ValueError` with the reason.
        """
        key = _plain(text).removeprefix("NFE")
        if len(key) != KEY_LENGTH:
            raise ValueError(f"an NF-e key has {KEY_LENGTH} characters, not {len(key)}")
        if not _KEY.fullmatch(key):
            raise ValueError("an NF-e key has letters only in the issuer's part")
        # Digits of the key: state 2, year and month 4, issuer 14, model 2, series 3,
        # number 9, form 1, code 8, check digit 1 (Manual de Orientação, NF-e).
        if key[20:22] not in _MODELS:
            raise ValueError(
                f"the key is of document model {key[20:22]}, not of an NF-e"
            )
        if key[-1] != check_digit(key[:-1]):
            raise ValueError("the NF-e key's check digit is wrong")
        series, number = _stripped(key[22:25]), _stripped(key[25:34])
        return cls(key, key[6:20], key[20:22], series, number)

    @property
    def reference(self) -> str:
        """The invoice as a reference for comparison: `issuer/series/number`."""
        return invoice_reference(self.issuer, self.series, self.number)


def issued_from(key: str) -> datetime | None:
    """Return when the document of an NF-e or CT-e key was issued at the earliest.

    The key has year and month, in the issuer's zone. None if *key* is not one.
    """
    found = _ISSUED.fullmatch(key)
    if found is None:
        return None
    month = datetime(2000 + int(found["year"]), int(found["month"]), 1, tzinfo=UTC)
    return month - _ZONES


def _plain(text: str) -> str:
    return _PUNCTUATION.sub("", text).upper()


def _stripped(digits: str) -> str:
    return digits.strip().lstrip("0") or "0"
