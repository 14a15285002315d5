"""Suggest the known name closest to a misspelt one."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

_SEPARATORS: Final = re.compile(r"[\s_.-]+")
_SIMILAR: Final = 0.7
_START_TOLERANCE: Final = 0.05
"""By how much the start of a longer name may be less similar than a whole name."""
_SHORTEST_START: Final = 3
"""Letters that a name needs before it may stand for the start of a longer one."""
_LONGEST: Final = 60
"""Characters compared: the ratio takes quadratic time, and names come from requests."""


def suggest(name: str, known: Iterable[str], *, cutoff: float = _SIMILAR) -> str:
    """Return the one of *known* that *name* was probably meant to be, or ''.

    Upper case and separators do not count: `order_id` is `orderId`. A name may stand
    for a longer one that starts like it: `tracking` is `trackingNumber`. Of several
    that are equally similar the first wins. *cutoff* is the similarity from 0 to 1
    that the whole name needs (`difflib.SequenceMatcher.ratio`).
    """
    return _suggest(name[:_LONGEST], tuple(known), cutoff)


def suggestion(name: str, known: Iterable[str], more: Iterable[str] = ()) -> str:
    """Return the hint for the unknown *name*: the name that was meant, or all *known*.

    Names in *more* are suggested as well, but not listed.
    """
    names = tuple(known)
    found = suggest(name, (*names, *more))
    if found:
        return did_you_mean(found)
    return f"known here: {', '.join(names) or 'none'}"


def did_you_mean(name: str) -> str:
    """Return the question that suggests *name*, the same in every hint."""
    return f"did you mean `{name}`?"


# Bulk requests repeat one mistake up to 1,000 times.
@lru_cache(maxsize=256)
def _suggest(name: str, known: tuple[str, ...], cutoff: float) -> str:
    wanted = _plain(name)
    names: dict[str, str] = {}
    for one in known:
        names.setdefault(_plain(one), one)
    if wanted in names:
        return names[wanted]
    found = [plain for plain in names if _is_similar(wanted, plain, cutoff)]
    best = max(found, key=lambda plain: _similarity(wanted, plain), default="")
    return names.get(best, "")


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


def _is_similar(wanted: str, known: str, cutoff: float) -> bool:
    if _matcher(wanted, known).ratio() >= cutoff:
        return True
    start = _start_similarity(wanted, known)
    return len(wanted) >= _SHORTEST_START and start >= cutoff - _START_TOLERANCE


def _similarity(wanted: str, known: str) -> tuple[int, float]:
    """Return how many letters match in order, then how similar the start is."""
    blocks = _matcher(wanted, known).get_matching_blocks()
    return sum(block.size for block in blocks), _start_similarity(wanted, known)


def _start_similarity(wanted: str, known: str) -> float:
    return _matcher(wanted, known[: len(wanted)]).ratio()


def _matcher(wanted: str, known: str) -> SequenceMatcher[str]:
    return SequenceMatcher(None, wanted, known, autojunk=False)
