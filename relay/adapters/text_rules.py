"""The meaning of carriers' texts, for events whose code has no meaning of its own.

Texts are compared without accents, case and extra spaces. A return takes precedence
over a delivery, and no pattern may mean delivered or returned: "entregue*" would also
match "entregue ao remetente" (delivered back to the sender).
"""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Final

from pydantic import TypeAdapter

from relay.adapters.codes import UNKNOWN, CodeRow
from relay.adapters.texts import names_return, normalised
from relay.domain.events import FINAL, Milestone

_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})


class TextRow(CodeRow):
    """The meaning of a text; with `trusted`, a delivery by it needs no operator."""

    trusted: bool = False


_ROWS: Final = TypeAdapter(dict[str, TextRow])


class TextRules:
    """A carrier's texts and their meaning: exact texts first, then `*` patterns.

    A text that mentions a return is matched only against patterns for returns. A
    text without a match is unknown. A delivery is quarantined, unless its row is
    `trusted`. Raises `ValueError` for a pattern with a final milestone.
    """

    def __init__(self, rows: Mapping[str, TextRow]) -> None:
        exact = {normalised(text): row for text, row in rows.items()}
        self._whole = {t: row for t, row in exact.items() if "*" not in t}
        patterns = [(t, row) for t, row in exact.items() if "*" in t]
        ending = next((t for t, row in patterns if row.milestone in FINAL), None)
        if ending is not None:
            raise ValueError(
                f"texts: {ending!r} has a final milestone; write the exact text"
            )
        self._back = [p for p in patterns if p[1].milestone in _BACK]
        self._onward = [p for p in patterns if p[1].milestone not in _BACK]

    @classmethod
    def load(cls, package: str) -> "TextRules":
        """Load the table `texts` of *package*'s `codes.toml`."""
        text = files(package).joinpath("codes.toml").read_text(encoding="utf-8")
        return cls(_ROWS.validate_python(tomllib.loads(text)["texts"]))

    def __getitem__(self, text: str) -> CodeRow:
        wanted = normalised(text)
        if wanted in self._whole:
            row = self._whole[wanted]
            return (row if row.trusted else row.by_text()).given(text)
        patterns = self._back if names_return(text) else self._onward
        fitting = (row for pattern, row in patterns if fnmatchcase(wanted, pattern))
        return next(fitting, UNKNOWN)
