"""Carriers' words, compared without accents, case and spare blanks.

Words are read only where a code says nothing. A return beats a delivery, and no
pattern may say that a parcel was delivered or returned: "entregue ao remetente".
"""

import re
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Final
from unicodedata import combining, normalize

from pydantic import TypeAdapter

from relay.adapters.codes import UNKNOWN, CodeRow
from relay.domain.events import FINAL, Milestone

_RETURN: Final = re.compile(r"\b(devol|retorn|ao? rem[ei]tente\b)")
_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})
_ROWS: Final = TypeAdapter(dict[str, CodeRow])


def normalised(text: str) -> str:
    """Return *text* in lower case, without accents, single-spaced."""
    letters = normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in letters if not combining(c)).split())


def names_return(text: str) -> bool:
    """Whether *text* speaks of a return to the sender, if only as a possibility."""
    return bool(_RETURN.search(normalised(text)))


class TextRules:
    """The meaning of a carrier's words: whole texts first, then patterns with `*`.

    Of the patterns those of a return are tried first; the others never fit a text
    that speaks of one. What fits none is unknown. Raises `ValueError` for a
    pattern that ends a parcel's way.
    """

    def __init__(self, rows: Mapping[str, CodeRow]) -> None:
        spelled = {normalised(text): row for text, row in rows.items()}
        self._whole = {t: row for t, row in spelled.items() if "*" not in t}
        patterns = [(t, row) for t, row in spelled.items() if "*" in t]
        ending = next((t for t, row in patterns if row.milestone in FINAL), None)
        if ending is not None:
            raise ValueError(f"texts: the pattern {ending!r} ends a parcel's way")
        self._back = [p for p in patterns if p[1].milestone in _BACK]
        self._onward = [p for p in patterns if p[1].milestone not in _BACK]

    @classmethod
    def load(cls, package: str) -> "TextRules":
        """Read the table `texts` of *package*'s `codes.toml`."""
        text = files(package).joinpath("codes.toml").read_text(encoding="utf-8")
        return cls(_ROWS.validate_python(tomllib.loads(text)["texts"]))

    def __getitem__(self, text: str) -> CodeRow:
        words = normalised(text)
        if words in self._whole:
            return self._whole[words]
        patterns = self._back if names_return(words) else self._onward
        fitting = (row for pattern, row in patterns if fnmatchcase(words, pattern))
        return next(fitting, UNKNOWN)
