"""The lanes of due shipments, and the turns in which they are claimed."""

from collections.abc import Sequence
from typing import Final

EVENTS: Final = 0
"""The lane of new events and of operators' requests."""
BACKLOG: Final = 1
"""The lane of postponed and imported shipments."""
LABEL: Final = 2
"""The lane of new labels: a morning's labels must not delay a delivery."""
_TURNS: Final = 10
_LABELS_FIRST: Final = frozenset({3, 6})


def lanes(claims: int) -> Sequence[int]:
    """Return the lanes in the order of an account's claim number *claims*.

    New events come first, but one claim in ten begins with the backlog and two with
    labels, so that neither waits forever.
    """
    turn = claims % _TURNS
    if turn == 0:
        return (BACKLOG, EVENTS, LABEL)
    if turn in _LABELS_FIRST:
        return (LABEL, EVENTS, BACKLOG)
    return (EVENTS, LABEL, BACKLOG)
