"""In which order an account's shipments are told of."""

from collections.abc import Sequence
from typing import Final

NEWS: Final = 0
"""Something happened to the parcel, or a person wants it told."""
BACKLOG: Final = 1
"""It was postponed, or is history."""
LABEL: Final = 2
"""A label was printed: a morning's labels must not hold up a delivery."""

_TURNS: Final = 10
_LABELS_FIRST: Final = frozenset({3, 6})


def lanes(claims: int) -> Sequence[int]:
    """Return the lanes in the order of an account's claim number *claims*.

    News goes first, but one claim in ten begins with the backlog and two with
    labels, so that neither waits for ever.
    """
    turn = claims % _TURNS
    if turn == 0:
        return (BACKLOG, NEWS, LABEL)
    if turn in _LABELS_FIRST:
        return (LABEL, NEWS, BACKLOG)
    return (NEWS, LABEL, BACKLOG)
