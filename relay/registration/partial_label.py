"""What can be judged of a label with invalid values: the fields that contradict."""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from copy import deepcopy
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_core import to_json

from relay.errors import RegistrationError
from relay.invalid_fields import InvalidFields
from relay.registration.checks import resolve_dates
from relay.registration.references import resolve_references
from relay.registration.requests import LabelRequest

_PART: Final = re.compile(r"[^.\[\]]+")
_LIKELY: Final[Mapping[str, Any]] = {
    "orderId": "1",
    "invoiceNumber": "1",
    "trackingNumber": "X1",
    "volume": 1,
}
"""Valid values in place of invalid ones whose presence alone may contradict."""


def contradictions(
    fields: Mapping[str, Any],
    found: Iterable[RegistrationError],
    zone: ZoneInfo,
    now: datetime,
) -> list[RegistrationError]:
    """Return which fields of a label contradict each other or are out of range.

    *fields* are its JSON fields, which have the problems *found*. Nothing that follows
    from one of them is reported. Dates without an offset are in *zone*.
    """
    request = _without_invalid(fields, [error.field or "" for error in found])
    if request is None:
        return []
    invalid = InvalidFields()
    checks: tuple[Callable[[], object], ...] = (
        lambda: resolve_references(request),
        lambda: resolve_dates(request, zone, now),
    )
    for check in checks:
        with invalid.collect():
            check()
    return invalid.found


def _without_invalid(
    fields: Mapping[str, Any], wrong: Iterable[str]
) -> LabelRequest | None:
    """Return the label without the values at the paths *wrong*; None without a rest."""
    left = deepcopy(dict(fields))
    for path in sorted(set(map(_target, wrong)), key=_last_first):
        _remove(left, path)
    needed = {name: _LIKELY[name] for name in ("orderId", "invoiceNumber")}
    try:
        return LabelRequest.model_validate_json(to_json(needed | left))
    except ValidationError:
        return None


def _target(path: str) -> tuple[str | int, ...]:
    """Return the keys of what to remove for a *path*; of a reference the whole one."""
    keys = [int(k) if k.isdecimal() else k for k in _PART.findall(path)]
    end = keys.index("references") + 2 if "references" in keys else len(keys)
    return tuple(keys[:end])


def _last_first(keys: tuple[str | int, ...]) -> list[tuple[int, str]]:
    """Sort the last element of a list first, so that removing it moves no other one."""
    return [(-key, "") if isinstance(key, int) else (0, key) for key in keys]


def _remove(value: Any, keys: tuple[str | int, ...]) -> None:
    """Remove what is at *keys*, or put a valid value there; ignore what is missing."""
    *above, last = keys or ("",)
    with suppress(KeyError, IndexError, TypeError):
        for key in above:
            value = value[key]
        if last in _LIKELY and value[last] not in (None, ""):
            value[last] = _LIKELY[str(last)]
        else:
            del value[last]
