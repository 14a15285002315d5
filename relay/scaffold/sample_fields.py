"""Which fields of a sample's events are the code and the text; pure."""

import re
from collections.abc import Sequence
from typing import Final

from relay.scaffold.sample import Leaves, Path
from relay.scaffold.sample_times import layouts_of
from relay.scaffold.words import (
    CODE,
    NAME,
    NO_CODE,
    PARCEL,
    PLACE,
    SECOND_CODE,
    STATUS,
    TEXT,
    TEXT_2,
    TRACKING,
    TYPE,
    words_of,
)

LONGEST_CODE: Final = 60
SECOND_RANK: Final = 4
"""The rank of a second code, which may be part of the code."""
_SENTENCE: Final = 3
"""Words from which a value is a text rather than a code."""
_TOPIC: Final = re.compile(
    r"(tracking|shipment|parcel|package|order|status|event|delivery|webhook|label)s?"
    r"[._:/ -]?(tracking|status|event)?[._:/ -]?(updated?|changed?|created|notification"
    r"|event|webhook|status|history)|webhook|notification|update|tracking|test",
    re.IGNORECASE,
)
"""The name of a kind of webhook, which is the same for every event."""
_CODE_ITSELF: Final = frozenset({"code", "codigo", "cod", "cd", "clave", "cdg"})
_UNIQUE: Final = frozenset({"event", "evento", "scan", "checkpoint", "activity"})
_NUMBERLIKE: Final = re.compile(r"(?=(.*\d){5})[A-Za-z0-9-]{8,}")

Ranked = list[tuple[int, Path]]


def codes(
    events: Sequence[Leaves], taken: frozenset[Path], around: Path = ()
) -> Ranked:
    """Return the fields that may be the code, with ranks: 0 is best.

    Fields outside the object *around*, which has the time, are never sure: an answer
    has a code of its own.
    """
    found = [
        (rank, path)
        for path in events[0]
        if path not in taken and (rank := _code_rank(path, events)) is not None
    ]
    outside = [(SECOND_RANK, path) for _, path in sorted(found)]
    return _inside(sorted(found), around) or outside


def _inside(ranked: Ranked, around: Path) -> Ranked:
    return [(rank, path) for rank, path in ranked if path[: len(around)] == around]


def _code_rank(path: Path, events: Sequence[Leaves]) -> int | None:
    values = [str(event.get(path, "")) for event in events]
    words, around = words_of(path[-1]), words_of(" ".join(path[:-1]))
    is_other = words & (NO_CODE - CODE) or around & PLACE
    if is_other or not all(map(_is_code, values)):
        return None
    if words & SECOND_CODE or (words & TYPE and not words & STATUS):
        return SECOND_RANK
    in_status = words & STATUS or around & STATUS
    if in_status and words & CODE:
        # The id of an event is another one each time; that of a state is its code.
        by_id = SECOND_RANK if words & _UNIQUE else 1
        return 0 if words & _CODE_ITSELF else by_id
    if words <= _CODE_ITSELF and not any(map(_NUMBERLIKE.fullmatch, values)):
        # `tracking.code` may be the number of the parcel.
        return SECOND_RANK if around & (TRACKING | PARCEL) else 1
    return 3 if words & STATUS else None


def _is_code(value: str) -> bool:
    """Whether *value* is short, and neither a time nor a kind of webhook."""
    text = value.strip()
    is_short = 0 < len(text) <= LONGEST_CODE and len(text.split()) <= _SENTENCE
    is_time = not text.isdigit() and bool(layouts_of(text))
    return is_short and not is_time and not _TOPIC.fullmatch(text)


def texts(
    events: Sequence[Leaves], taken: frozenset[Path], around: Path = ()
) -> Ranked:
    """Return the fields that may be the text, with ranks, in the object *around*."""
    found = [
        (rank, path)
        for path in events[0]
        if path not in taken and (rank := _text_rank(path, events)) is not None
    ]
    return _inside(sorted(found), around)


def _text_rank(path: Path, events: Sequence[Leaves]) -> int | None:
    values = [event[path] for event in events if path in event]
    if not all(isinstance(v, str) and any(map(str.isalpha, v)) for v in values):
        return None
    words, around = words_of(path[-1]), words_of(" ".join(path[:-1]))
    if around & PLACE or words & (NO_CODE - {"message", "mensagem"}):
        return None
    if words & TEXT:
        return 0
    if words & TEXT_2:
        return 1
    if words & NAME and (around & STATUS or words & STATUS):
        return 2
    is_sentence = any(len(value.split()) > _SENTENCE for value in values)
    return 3 if words & STATUS and is_sentence else None
