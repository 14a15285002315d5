"""What a benchmark found: a measure beside its ceiling in the same run."""

import os
import platform
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.table import Table

SYNCS: Final = 200
"""How often the disk is asked how long it takes."""
COLUMNS: Final = ("relay", "ceiling", "ratio", "spread", "wanted", "CPU µs", "by CPU")
WHOLE: Final = 100
"""From here on, fractions say nothing."""


@dataclass(frozen=True)
class Run:
    """One run: what was measured, and the CPU that one unit of it cost, if known."""

    value: float
    cpu_us: float | None = None


@dataclass(frozen=True)
class Pair:
    """One run of the relay, and the run of its ceiling next to it."""

    relay: Run
    ceiling: Run

    @property
    def ratio(self) -> float:
        """The relay's share of the ceiling, or how many times the ceiling it is."""
        return self.relay.value / self.ceiling.value

    @property
    def cpu_ratio(self) -> float | None:
        """The ceiling's cost as a share of the relay's, without the noise."""
        if not self.relay.cpu_us or not self.ceiling.cpu_us:
            return None
        return self.ceiling.cpu_us / self.relay.cpu_us


@dataclass(frozen=True)
class Result:
    """One line of the table; the ratios are the medians of the pairs'."""

    name: str
    unit: str
    relay: float
    ceiling: float | None = None
    ratio: float | None = None
    lowest: float | None = None
    highest: float | None = None
    cpu_us: float | None = None
    cpu_ratio: float | None = None
    wanted: str = ""
    context: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the result as the JSON file has it."""
        return asdict(self)


def compared(
    name: str,
    unit: str,
    pairs: Sequence[Pair],
    wanted: str,
    context: Mapping[str, float] | None = None,
) -> Result:
    """Sum pairs of runs up: medians, and how far the ratios lie apart."""
    ratios = [p.ratio for p in pairs]
    return Result(
        name,
        unit,
        relay=statistics.median(p.relay.value for p in pairs),
        ceiling=statistics.median(p.ceiling.value for p in pairs),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        cpu_us=_median(p.relay.cpu_us for p in pairs),
        cpu_ratio=_median(p.cpu_ratio for p in pairs),
        wanted=wanted,
        context=context or {},
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return statistics.median(known) if known else None


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that *share* of *values* do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def sync_p99(folder: Path) -> float:
    """Return how many milliseconds the disk takes to keep a page, 99 times of 100."""
    path = folder / "sync"
    taken: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return percentile(taken, 0.99)


def environment(loop: str) -> dict[str, Any]:
    """Return what the numbers depend on besides the code."""
    return {
        "python": platform.python_version(),
        "event_loop": loop,
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg(),
    }


def table(results: Iterable[Result]) -> Table:
    """Lay results out for reading."""
    shown = Table(title="Each against its ceiling in the same run")
    shown.add_column("measure")
    for name in COLUMNS:
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("context")
    for r in results:
        spread = f"{_spelled(r.lowest)} - {_spelled(r.highest)}" if r.lowest else ""
        numbers = (r.relay, r.ceiling, r.ratio)
        shown.add_row(
            f"{r.name}, {r.unit}",
            *map(_spelled, numbers),
            spread,
            r.wanted,
            *map(_spelled, (r.cpu_us, r.cpu_ratio)),
            ", ".join(f"{k} {_spelled(v)}" for k, v in r.context.items()),
        )
    return shown


def _spelled(number: float | None) -> str:
    if number is None:
        return ""
    whole = number >= WHOLE or number == int(number)
    return f"{number:,.0f}" if whole else f"{number:.2f}"
