"""Tables of settings, and the durations and counts in them.

Nothing here needs an adapter, so that the publisher may import the sections too.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import isfinite, nan
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from relay.domain.events import Value
from relay.validation_errors import problem

Unit = Literal["seconds", "minutes", "hours", "days"]
_LENGTHS: Final = {
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
}


class SettingsTable(Value):
    """Base of a table of settings; the text under a field is its description.

    The template of `relay.toml` is made of these texts and of the defaults.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Duration:
    """Makes a `timedelta` of a number that is written in *unit*.

    TOML has no durations, so the setting's name ends in its unit. Bounds are in
    that unit; *above* excludes itself, *least* and *most* are included. A
    `timedelta` is taken as it is: it comes from code, such as a default.
    """

    unit: Unit
    above: float | None = None
    least: float | None = None
    most: float | None = None
    whole: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            self.duration,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(self.number),
        )

    def duration(self, value: object) -> object:
        """Return *value*, a number or its text, as a `timedelta`; check its bounds."""
        if isinstance(value, timedelta):
            return value
        number = _number(value)
        if not isfinite(number) or (self.whole and not number.is_integer()):
            kind = "whole number" if self.whole else "number"
            hint = "write it without quotes, such as 10"
            raise problem(f"must be a {kind} of {self.unit}", hint)
        if self.above is not None and number <= self.above:
            raise problem("too small", f"use more than {self.above:g}")
        if self.least is not None and number < self.least:
            raise problem("too small", f"use {self.least:g} or more")
        if self.most is not None and number > self.most:
            raise problem("too large", f"use {self.most:g} or less")
        try:
            return number * _LENGTHS[self.unit]
        except OverflowError:
            raise problem("too large", f"use fewer {self.unit}") from None

    def number(self, value: timedelta) -> float:
        """Return *value* as the number that is written, without a needless `.0`."""
        number = value / _LENGTHS[self.unit]
        return int(number) if number.is_integer() else number


def _number(value: object) -> float:
    """Return a number, or the text of one; else NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return nan


Seconds = Annotated[timedelta, Duration("seconds", above=0)]
SecondsFromZero = Annotated[timedelta, Duration("seconds", least=0)]
PollSpacing = Annotated[timedelta, Duration("seconds", least=0, most=3600)]
PollMinutes = Annotated[timedelta, Duration("minutes", least=1, most=1440)]
Minutes = Annotated[timedelta, Duration("minutes", least=0, most=1440)]
PollHours = Annotated[timedelta, Duration("hours", least=0.1, most=168)]
ReceiverSeconds = Annotated[timedelta, Duration("seconds", least=1, most=60)]
Hours = Annotated[timedelta, Duration("hours", above=0)]
WholeHours = Annotated[timedelta, Duration("hours", least=1, whole=True)]
Days = Annotated[timedelta, Duration("days", least=1, most=36500, whole=True)]
Count = Annotated[int, Field(ge=1)]
CountFromZero = Annotated[int, Field(ge=0)]
