"""When an event happened, in whatever spelling the carrier has."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf

from carriers.generic.expressions import Path, Paths, first_text, listed, quoted
from carriers.generic.shapes import shape
from relay.adapters.protocol import Unreadable
from relay.adapters.times import EXAMPLE, iso, unknown_zone, zone_names
from relay.domain.events import Value

_EPOCHS: Final = {"epoch_s": 1, "epoch_ms": 1000}
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_HINT: Final = "write for instance %Y-%m-%d %H:%M:%S, or one of iso, epoch_s, epoch_ms"
_PROBE: Final = datetime(2026, 11, 29, 13, 45, 7, tzinfo=UTC)


def _layout(text: str) -> str:
    """Refuse a layout of `strptime` that does not say the whole date."""
    if text == "iso" or text in _EPOCHS:
        return text
    try:
        again = datetime.strptime(_PROBE.strftime(text), text)  # noqa: DTZ007
    except (ValueError, re.error):
        raise ValueError(f"{text!r} is no layout of strptime; {_HINT}") from None
    if again.date() != _PROBE.date():
        raise ValueError(f"{text!r} does not say year, month and day; {_HINT}")
    return text


def _zone(name: Any) -> Any:
    if not isinstance(name, str):
        raise ValueError(f'it is not the name of a zone, like "{EXAMPLE}"')  # noqa: TRY004 -- pydantic hears only ValueError
    if name not in zone_names():
        raise ValueError("; ".join(unknown_zone(name)))
    return ZoneInfo(name)


Layouts = Annotated[
    tuple[Annotated[str, AfterValidator(_layout)], ...], BeforeValidator(listed)
]
Zone = Annotated[InstanceOf[ZoneInfo], BeforeValidator(_zone)]


class TimeOptions(Value):
    """Where the time stands and how it is spelled; the first layout that fits counts.

    `hour` is put behind the date, with a blank between. `by_code` says for single
    codes where their time stands; nothing else counts for them.
    """

    path: Paths = ()
    by_code: Mapping[str, Paths] = Field(default_factory=dict)
    hour: Path | None = None
    formats: Annotated[Layouts, Field(min_length=1)] = ("iso",)
    zone: Zone | None = None

    def read(self, event: Any, code: str, zone: ZoneInfo) -> datetime:
        """Return when *event* happened, in UTC; a naive time is of the zone.

        Raises `Unreadable` if there is no time, or no layout fits.
        """
        paths = self.by_code.get(code, self.path)
        text = first_text(paths, event)
        if not text:
            tried = f"; tried {quoted(paths)}" if paths else ""
            raise Unreadable(f"time: nothing says when it happened{tried}")
        hour = self.hour.text_in(event) if self.hour else ""
        return parse(f"{text} {hour}".strip(), self.formats, self.zone or zone)


def parse(text: str, formats: tuple[str, ...], zone: ZoneInfo) -> datetime:
    """Read *text* by the first of *formats* that fits; raise `Unreadable` if none."""
    for layout in formats:
        try:
            return _parsed(text, layout, zone)
        except (ValueError, OverflowError):
            continue
    raise Unreadable(
        f"time: none of the formats fits; the value looks like {shape(text)}, "
        f"tried {', '.join(formats)}"
    )


def _parsed(text: str, layout: str, zone: ZoneInfo) -> datetime:
    if layout == "iso":
        return iso(text, zone)
    if layout in _EPOCHS:
        if not _NUMBER.fullmatch(text):
            raise ValueError("it is no number")
        return datetime.fromtimestamp(float(text) / _EPOCHS[layout], UTC)
    parsed = datetime.strptime(text, layout)  # noqa: DTZ007 -- the zone follows
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)
