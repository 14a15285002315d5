"""Which field of a sample identifies the parcel, where it is, and its kind; pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from relay.scaffold.sample import Items, Leaves, Path, leaves
from relay.scaffold.sample_times import layouts_of
from relay.scaffold.words import (
    DATE,
    NAME,
    NO_NUMBER,
    NUMBER,
    ORDER,
    OTHER,
    PARCEL,
    PLACE,
    TRACKING,
    words_of,
)

_KEY: Final = re.compile(r"\d{44}")
_LONGEST: Final = 60
_LONG: Final = 8
BARE: Final = 4
"""The rank of a field whose name does not say whose number it is."""
_NO_NUMBER: Final = DATE - {"em"} | NAME
_NOT_ALONE: Final = frozenset({"serie", "series"})
"""Beside a bare number: then it is an invoice's."""


@dataclass(frozen=True, slots=True)
class NumberField:
    """A field that may identify a parcel, as a reference of *kind*.

    `level` is the place in the objects around the event: 0 is the document, and the
    last one is the event itself.
    """

    rank: int
    level: int
    path: Path
    kind: str

    @property
    def order(self) -> tuple[int, int, Path]:
        """The best first; of equal ones the outermost."""
        return self.rank, self.level, self.path


def numbers(items: Items, taken: frozenset[Path]) -> list[NumberField]:
    """Return the fields that may identify the parcel of *items*, the best first.

    Of fields with the same values only the best is returned. *taken* are fields of the
    event that are something else.
    """
    chains = [
        [dict(leaves(o)) for o in (*around, item)]
        for around, item in zip(items.parents, items.items, strict=True)
    ]
    last = len(chains[0]) - 1
    found: dict[tuple[str, ...], NumberField] = {}
    for field in sorted(_fields(chains, last, taken), key=lambda f: f.order):
        values = tuple(str(chain[field.level][field.path]).strip() for chain in chains)
        found.setdefault(values, field)
    return list(found.values())


def _fields(
    chains: Sequence[Sequence[Leaves]], last: int, taken: frozenset[Path]
) -> Iterator[NumberField]:
    for level in range(last + 1):
        for path in chains[0][level]:
            if level == last and path in taken:
                continue
            values = [chain[level].get(path) for chain in chains]
            guess = _kind(path, values, chains[0][level])
            if guess is not None:
                rank, kind = guess
                yield NumberField(rank, level, path, kind)


def _kind(
    path: Path, values: Sequence[Any], beside: Mapping[Path, Any]
) -> tuple[int, str] | None:
    """Return the rank and the kind of reference, None if it is none."""
    if not all(_is_number(value) for value in values):
        return None
    words, around = words_of(path[-1]), words_of(" ".join(path[:-1]))
    if all(_KEY.fullmatch(str(value).strip()) for value in values):
        return 1, "cte_key" if "cte" in words else "invoice_key"
    is_tracking = words & TRACKING or (around & TRACKING and words & NUMBER)
    no_number = (NO_NUMBER - OTHER) if is_tracking else NO_NUMBER | OTHER
    if words & (no_number | _NO_NUMBER) or around & (PLACE | NO_NUMBER):
        return None
    if words & TRACKING or (is_tracking and _is_long(values)):
        return 0, "tracking_number"
    if is_tracking:
        return BARE, "tracking_number"
    return _other_kind(path, words, around, beside)


def _other_kind(
    path: Path, words: frozenset[str], around: frozenset[str], beside: Leaves
) -> tuple[int, str] | None:
    """Return the kind of a number that is not called a tracking number."""
    named = words & NUMBER
    if words & ORDER or around & ORDER:
        return (3, "order_id") if named or words & ORDER else None
    if words & PARCEL or (around & PARCEL and named):
        is_id = bool(words & {"id", "identifier", "key"})
        return 2, "shipment_id" if is_id else "tracking_number"
    bare = words & {"number", "numero", "nro"} and len(words) == 1
    alone = not any(words_of(p[-1]) & _NOT_ALONE for p in beside if p[:-1] == path[:-1])
    return (BARE, "tracking_number") if bare and alone else None


def _is_long(values: Sequence[Any]) -> bool:
    """Whether no value is as short as the code of an event."""
    return all(len(str(value).strip()) >= _LONG for value in values)


def _is_number(value: Any) -> bool:
    if not isinstance(value, str | int):
        return False
    text = str(value).strip()
    is_word = 0 < len(text) <= _LONGEST and " " not in text and "/" not in text
    has_digit = any(map(str.isdigit, text))
    return is_word and has_digit and (text.isdigit() or not layouts_of(text))
