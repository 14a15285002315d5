"""Parse the time of an event, in the formats that the contract lists."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf

from carriers.generic.expressions import (
    Path,
    Paths,
    first_text,
    listed,
    quoted,
    shape_of,
)
from relay.adapters.protocol import Unreadable
from relay.adapters.times import EXAMPLE, iso, local, unknown_zone, zone_names
from relay.domain.event_time import SECOND, EventTime, event_time
from relay.domain.events import Value

_EPOCHS: Final = {"epoch_s": 1, "epoch_ms": 1000}
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_HINT: Final = "write for example %Y-%m-%d %H:%M:%S, or one of iso, epoch_s, epoch_ms"
_PROBE: Final = datetime(2026, 11, 29, 13, 45, 7, tzinfo=UTC)


def _layout(text: str) -> str:
    """Reject a `strptime` layout that lacks part of the date.

    Without it `strptime` assumes 1900-01-01, and every event would be too old.
    """
    if text == "iso" or text in _EPOCHS:
        return text
    try:
        again = datetime.strptime(_PROBE.strftime(text), text)  # noqa: DTZ007
    except (ValueError, re.error):
        raise ValueError(f"{text!r} is not a strptime layout; {_HINT}") from None
    if again.date() != _PROBE.date():
        raise ValueError(f"{text!r} lacks year, month or day; {_HINT}")
    return text


def _zone(name: Any) -> Any:
    if not isinstance(name, str):
        raise ValueError(f'not a time zone name; write for example "{EXAMPLE}"')  # noqa: TRY004 -- pydantic handles only ValueError
    if name not in zone_names():
        raise ValueError("; ".join(unknown_zone(name)))
    return ZoneInfo(name)


Layouts = Annotated[
    tuple[Annotated[str, AfterValidator(_layout)], ...], BeforeValidator(listed)
]
Zone = Annotated[InstanceOf[ZoneInfo], BeforeValidator(_zone)]


class TimeOptions(Value):
    """Where the time of an event is, and its formats; the first that fits is used.

    `hour` is appended to `path`'s value, after a space. `by_code` has the path for
    single codes; for them `path` is not used.
    """

    path: Paths = ()
    by_code: Mapping[str, Paths] = Field(default_factory=dict)
    hour: Path | None = None
    formats: Annotated[Layouts, Field(min_length=1)] = ("iso",)
    zone: Zone | None = None

    def parse(self, event: Any, code: str, zone: ZoneInfo) -> EventTime:
        """Return the time of *event* in UTC; a time without an offset is local.

        *zone* is the contract's, used without an own `zone`. Raises `Unreadable` if
        there is no time, or no format fits.
        """
        paths = self.by_code.get(code, self.path)
        text = first_text(paths, event)
        if not text:
            tried = f"; tried {quoted(paths)}" if paths else ""
            raise Unreadable(f"time: no time found{tried}", fixed=True)
        hour = self.hour.text_in(event) if self.hour else ""
        return parse_time(f"{text} {hour}".strip(), self.formats, self.zone or zone)


def parse_time(text: str, formats: tuple[str, ...], zone: ZoneInfo) -> EventTime:
    """Parse *text* by the first of *formats* that fits; raise `Unreadable` if none."""
    for layout in formats:
        try:
            return _parsed(text, layout, zone)
        except (ValueError, OverflowError):
            continue
    raise Unreadable(
        f"time: no format fits; the value has the shape {shape_of(text)}, "
        f"tried {', '.join(formats)}"
    )


def _parsed(text: str, layout: str, zone: ZoneInfo) -> EventTime:
    if layout == "iso":
        return iso(text, zone)
    if layout in _EPOCHS:
        if not _NUMBER.fullmatch(text):
            raise ValueError("not a number")
        return _instant(
            datetime.fromtimestamp(float(text) / _EPOCHS[layout], UTC), zone
        )
    return local(text, layout, zone)


def _instant(at: datetime, zone: ZoneInfo) -> EventTime:
    """Return the time of an instant; a date was written at 00:00 of UTC or *zone*."""
    with suppress(OverflowError):  # 0001-01-01 has no local time west of Greenwich
        at_home = at.astimezone(zone)
        if at_home.time() == time.min:
            at = at_home
    return event_time(at, SECOND, zone)
