"""Which fields of a sample are times, and in which format; pure.

A value counts only if it has exactly the digits of a format: `strptime` alone reads one
digit for two, and so most numbers as dates.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.adapters.times import iso, local
from relay.scaffold.sample import Leaves, Path
from relay.scaffold.words import DATE, EVENT, EXPECTED, HOUR, RECORDED, words_of

EPOCHS: Final = {"epoch_s": 1, "epoch_ms": 1000}
_ANY_ZONE: Final = ZoneInfo("UTC")
_YEARS: Final = range(2010, 2100)
_D2, _D4 = r"\d{2}", r"\d{4}"
_CLOCK: Final = (
    ("", ""),
    (" %H:%M", r" \d{2}:\d{2}"),
    (" %H:%M:%S", r" \d{2}:\d{2}:\d{2}"),
)
_DAYS: Final = tuple(
    (sep.join(order), re.escape(sep).join(_D4 if p == "%Y" else _D2 for p in order))
    for order, seps in (
        (("%d", "%m", "%Y"), "/-."),
        (("%m", "%d", "%Y"), "/-"),
        (("%d", "%m", "%y"), "/"),
        (("%Y", "%m", "%d"), "/-"),
    )
    for sep in seps
)
_PATTERNS: Final = (
    (
        r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?",
        "iso",
    ),
    *((d + t, day + clock) for day, d in _DAYS for clock, t in _CLOCK),
    (r"\d{14}", "%Y%m%d%H%M%S"),
    (r"\d{12}", "%Y%m%d%H%M"),
    *((rf"\d{{8}}{t}", "%Y%m%d" + clock) for clock, t in _CLOCK),
    (r"\d{10}", "epoch_s"),
    (r"\d{13}", "epoch_ms"),
)
_FORMATS: Final = tuple((re.compile(p), layout) for p, layout in _PATTERNS)
_OFFSET: Final = re.compile(r"\d(Z|[+-]\d{2}:?\d{2})\s*$")
_HOURS: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_DAY_FIRST: Final = frozenset(
    {"data", "fecha", "dt", "hora", "dh", "datahora", "quando"}
)
"""Words of fields whose language writes the day before the month."""


@dataclass(frozen=True, slots=True)
class TimeField:
    """A field with a time in every event: its format, or several that fit.

    `hour` is another field that has the time of day.
    """

    path: Path
    layouts: tuple[str, ...]
    rank: int
    hour: Path | None = None

    @property
    def has_clock(self) -> bool:
        """Whether the time of day is known, too."""
        layout = self.layouts[0]
        return layout == "iso" or layout in EPOCHS or "%H" in layout or bool(self.hour)

    def has_offset(self, events: Sequence[Leaves]) -> bool:
        """Whether every value says its distance from UTC."""
        return all(_OFFSET.search(str(event[self.path])) for event in events)

    def instants(self, events: Sequence[Leaves]) -> list[datetime]:
        """Return the time of each event in UTC."""
        return [parsed(self.text(event), self.layouts[0]) for event in events]

    def text(self, event: Leaves) -> str:
        """Return the time of an event as it is written."""
        text = str(event[self.path]).strip()
        return f"{text} {str(event[self.hour]).strip()}" if self.hour else text


def parsed(text: str, layout: str, zone: ZoneInfo = _ANY_ZONE) -> datetime:
    """Return *text* in UTC; raise `ValueError` if it does not have the *layout*."""
    if layout == "iso":
        return iso(text, zone).at
    if layout in EPOCHS:
        return datetime.fromtimestamp(int(text) / EPOCHS[layout], UTC)
    return local(text, layout, zone).at


def layouts_of(value: Any) -> tuple[str, ...]:
    """Return every format that fits *value*, a real date of this century."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ()
    text = str(value).strip()
    return tuple(
        layout
        for form, layout in _FORMATS
        if form.fullmatch(text) and _is_real(text, layout)
    )


def _is_real(text: str, layout: str) -> bool:
    try:
        return parsed(text, layout).year in _YEARS
    except ValueError:
        return False


def time_fields(events: Sequence[Leaves]) -> list[TimeField]:
    """Return the fields that may be the time of *events*, the best first."""
    found = [f for path in events[0] if (f := _field(path, events)) is not None]
    return sorted(_without_copies(found, events), key=lambda field: field.rank)


def _field(path: Path, events: Sequence[Leaves]) -> TimeField | None:
    if any(path not in event for event in events):
        return None
    words = words_of(path[-1])
    rank = _rank(words)
    if rank is None:
        return None
    common = _common([layouts_of(event[path]) for event in events])
    common = ("iso",) if "iso" in common else common
    if common and all(str(event[path]).strip().isdigit() for event in events):
        common = common if words & (DATE | RECORDED) else ()
    common = _day_first(common, words)
    if not common:
        return None
    hour = None if _has_clock(common) else _hour(path, events)
    if hour is not None:
        texts = [f"{event[path]} {event[hour]}" for event in events]
        common = _day_first(_common([layouts_of(text) for text in texts]), words)
        common = common or ("iso",)
    return TimeField(path, common, rank, hour)


def _common(each: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(one for one in each[0] if all(one in other for other in each))


def _day_first(layouts: tuple[str, ...], words: frozenset[str]) -> tuple[str, ...]:
    """Drop the American order for a field with a Portuguese or Spanish name."""
    if words & _DAY_FIRST and len(layouts) > 1:
        return tuple(one for one in layouts if not one.startswith("%m"))
    return layouts


def _has_clock(layouts: tuple[str, ...]) -> bool:
    return any("%H" in one or one == "iso" or one in EPOCHS for one in layouts)


def _hour(path: Path, events: Sequence[Leaves]) -> Path | None:
    """Return the only field beside *path* that has a time of day."""
    beside = [
        other
        for other in events[0]
        if other[:-1] == path[:-1]
        and words_of(other[-1]) & HOUR
        and all(_HOURS.fullmatch(str(event.get(other, "")).strip()) for event in events)
    ]
    return beside[0] if len(beside) == 1 else None


def _rank(words: frozenset[str]) -> int | None:
    """Return how well a name fits: 0 is best, None if it is of another time."""
    if words & EXPECTED:
        return None
    if words & RECORDED:
        return 2
    if words & EVENT and words & DATE:
        return 0
    return 1 if words & DATE else 3


def _without_copies(
    found: Sequence[TimeField], events: Sequence[Leaves]
) -> list[TimeField]:
    """Drop fields with the same instants as one of the same or a better rank."""
    left: list[TimeField] = []
    best_first = sorted(
        found,
        key=lambda f: (
            f.rank,
            not f.has_offset(events),
            not f.has_clock,
            len(f.layouts),
        ),
    )
    for field in best_first:
        instants = field.instants(events)
        if all(instants != other.instants(events) for other in left):
            left.append(field)
    return left
