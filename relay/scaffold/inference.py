"""Guess which fields of a JSON sample hold the parcel, the code and the time."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.adapters.personal_data import is_personal, personal_paths
from relay.adapters.times import iso, local
from relay.domain.event_time import EventTime
from relay.errors import ConfigurationError

Path = tuple[str, ...]

LAYOUTS: Final = (
    "",  # ISO 8601
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d%H%M%S",
)
_NUMBER: Final = (
    "track", "rastre", "awb", "objeto", "number", "numero", "shipment", "envio", "id",
)  # fmt: skip
_NO_PARCEL: Final = ("account", "company", "user", "store", "loja", "event")
_CODE: Final = ("code", "codigo", "cod", "status", "event", "ocorrencia", "tipo")
_TEXT: Final = ("desc", "message", "mensagem", "text", "name", "nome", "detail")
_ANY_ZONE: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Inference:
    """The guessed fields, as paths of keys.

    `scans` and `personal` begin at the document, `number` at the document or (with
    `number_in_scan`) at a scan, the rest at a scan. `layout` is the `strptime` layout
    of the times, empty for ISO 8601. `personal` are fields that may be personal data.
    """

    scans: Path
    number: Path
    number_in_scan: bool
    code: Path
    time: Path
    text: Path
    layout: str
    personal: tuple[Path, ...] = ()

    def happened(self, scan: Any, zone: ZoneInfo) -> EventTime:
        """Return the time of a *scan*."""
        text = str(at(scan, self.time))
        return local(text, self.layout, zone) if self.layout else iso(text, zone)


def infer(body: bytes) -> Inference:
    """Guess the fields of a sample; raise `ConfigurationError` if one is missing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ConfigurationError(
            "sample: not JSON; copy an adapter for a similar format instead"
        ) from None
    scans = _scans(value)
    scan = first(at(value, scans))
    leaves = dict(_leaves(scan))
    time, layout = _time(leaves)
    outer = {} if scan is value else dict(_leaves(value, without=scans))
    taken = {time}
    code = _named(leaves, _CODE, taken, "code of the event")
    taken.add(code)
    text = _best(leaves, _TEXT, taken, lambda v: isinstance(v, str))
    number = _best(_of_parcels(outer), _NUMBER, set(), _is_word)
    inside = not number
    if inside:
        named = _of_parcels(leaves)
        number = _named(named, _NUMBER, taken | {text}, "number of a parcel")
    personal = tuple(dict.fromkeys(personal_paths(value)))
    return Inference(scans, number, inside, code, time, text, layout, personal)


def at(value: Any, path: Path) -> Any:
    """Return the value at *path*."""
    for key in path:
        value = value[key]
    return value


def first(value: Any) -> Any:
    """Return the first item of a list; other values count as a list of one."""
    return value[0] if isinstance(value, list) and value else value


def layout_of(value: Any) -> str | None:
    """Return the layout of a date with a time of day; None for any other value."""
    if not isinstance(value, str) or not re.search(r"\d{2}:?\d{2}", value):
        return None
    for layout in LAYOUTS:
        try:
            if layout:
                local(value, layout, _ANY_ZONE)
            elif ":" in value:
                iso(value, _ANY_ZONE)
            else:
                continue
        except ValueError:
            continue
        return layout
    return None


def _scans(value: Any, path: Path = ()) -> Path:
    """Return the path of the first list whose items have times, or the document."""
    return next(_lists(value, path), ())


def _lists(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, list):
        timed = isinstance(first(value), dict) and any(
            layout_of(leaf) is not None for _, leaf in _leaves(first(value))
        )
        if timed:
            yield path
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _lists(part, (*path, key))


def _leaves(
    value: Any, path: Path = (), without: Path | None = None
) -> Iterator[tuple[Path, Any]]:
    """Yield the strings and numbers in nested objects, with their paths.

    Possible personal data is left out.
    """
    if isinstance(value, Mapping) and (without is None or path != without):
        for key, part in value.items():
            if not is_personal(key, part):
                yield from _leaves(part, (*path, key), without)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield path, value


def _of_parcels(leaves: Mapping[Path, Any]) -> dict[Path, Any]:
    """Leave out the ids of accounts, users and events."""
    return {
        path: value
        for path, value in leaves.items()
        if not any(word in path[-1].lower() for word in _NO_PARCEL)
    }


def _time(leaves: Mapping[Path, Any]) -> tuple[Path, str]:
    for path, value in leaves.items():
        layout = layout_of(value)
        if layout is not None:
            return path, layout
    raise _missing("date with a time")


def _is_word(value: Any) -> bool:
    return bool(str(value).strip()) and layout_of(value) is None


def _best(
    leaves: Mapping[Path, Any],
    names: Sequence[str],
    taken: set[Path],
    fits: Callable[[Any], bool],
) -> Path:
    """Return the field whose name contains the earliest of *names*, or ()."""
    placed = [
        (place, path)
        for path, value in leaves.items()
        if path not in taken and fits(value)
        for place, word in enumerate(names)
        if word in path[-1].lower()
    ]
    return min(placed, key=lambda p: p[0], default=(0, ()))[1]


def _named(
    leaves: Mapping[Path, Any], names: Sequence[str], taken: set[Path], what: str
) -> Path:
    found = _best(leaves, names, taken, _is_word)
    if not found:
        raise _missing(what)
    return found


def _missing(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"sample: no field looks like the {what}; use a sample with an event"
    )
