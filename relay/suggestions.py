"""Suggest the known name closest to a misspelt one."""

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

_JOINTS: Final = re.compile(r"[\s_.-]+")
_ALIKE: Final = 0.7
_BEGINS_ALIKE: Final = 0.65
_SHORTEST: Final = 3
"""Letters that the beginning of a name needs to be told by."""
_LONGEST: Final = 60


@lru_cache(maxsize=256)
def closest(name: str, known: tuple[str, ...]) -> str:
    """Return the one of *known* that *name* was probably meant to be, or ''.

    Upper case and joints do not count: `order_id` is `orderId`. A name may stand for
    a longer one that begins like it: `tracking` is `trackingNumber`. Of several that
    are as much like it, the first counts.
    """
    wanted = _plain(name[:_LONGEST])
    names: dict[str, str] = {}
    for one in known:
        names.setdefault(_plain(one), one)
    if wanted in names:
        return names[wanted]
    found = [plain for plain in names if _is_alike(wanted, plain)]
    best = max(found, key=lambda plain: _likeness(wanted, plain), default="")
    return names.get(best, "")


def _plain(name: str) -> str:
    return _JOINTS.sub("", name).casefold()


def _is_alike(wanted: str, known: str) -> bool:
    if _matcher(wanted, known).ratio() >= _ALIKE:
        return True
    return len(wanted) >= _SHORTEST and _begins(wanted, known) >= _BEGINS_ALIKE


def _likeness(wanted: str, known: str) -> tuple[int, float]:
    """Return how many letters are there in their order, then how it begins."""
    blocks = _matcher(wanted, known).get_matching_blocks()
    return sum(block.size for block in blocks), _begins(wanted, known)


def _begins(wanted: str, known: str) -> float:
    return _matcher(wanted, known[: len(wanted)]).ratio()


def _matcher(wanted: str, known: str) -> SequenceMatcher[str]:
    return SequenceMatcher(None, wanted, known, autojunk=False)
