"""The last 24 hours in numbers: what came in, and the calls to VTEX."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from relay.store.hourly_activity import HourlyActivity, HourOfActivity

HOURS: Final = 24
HOUR: Final = timedelta(hours=1)
FRESH: Final = timedelta(seconds=20)
"""How long the numbers of the present hour are shown before they are read again."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of a chart: its number, and its height in percent of the highest."""

    hour: datetime
    number: int
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of 24 bars, the oldest first."""

    name: str
    bars: Sequence[Bar]
    total: int


@dataclass(slots=True)
class ActivityCharts:
    """Keeps the hours that are over, which change no more; reads the present one."""

    store: HourlyActivity
    _over: dict[datetime, HourOfActivity] = field(default_factory=dict)
    _present: tuple[datetime, HourOfActivity] | None = None

    async def charts(self, now: datetime) -> list[Chart]:
        """Return the charts of the 24 hours until *now*."""
        present = now.replace(minute=0, second=0, microsecond=0)
        hours = [present - HOUR * ago for ago in range(HOURS - 1, 0, -1)]
        self._over = {h: n for h, n in self._over.items() if h >= hours[0]}
        for hour in hours:
            if hour not in self._over:
                self._over[hour] = await self.store.of_hour(hour)
        found = [self._over[hour] for hour in hours]
        found.append(await self._now(present, now))
        return [
            _chart("documents", found, [one.documents for one in found]),
            _chart("calls", found, [one.calls for one in found]),
        ]

    async def _now(self, hour: datetime, now: datetime) -> HourOfActivity:
        if (
            self._present is None
            or self._present[1].hour != hour
            or (now - self._present[0] > FRESH)
        ):
            self._present = (now, await self.store.of_hour(hour))
        return self._present[1]


def _chart(name: str, hours: Sequence[HourOfActivity], numbers: Sequence[int]) -> Chart:
    highest = max(numbers, default=0) or 1
    bars = [
        Bar(one.hour, number, round(100 * number / highest))
        for one, number in zip(hours, numbers, strict=True)
    ]
    return Chart(name, bars, sum(numbers))
