"""Metrics of two processes in one text: exported by one, merged by the other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

Families = Sequence[Mapping[str, Any]]
"""Metric families as JSON: name, documentation, type, unit and samples."""
NO_FAMILIES: Final[Families] = ()

PER_PROCESS: Final = ("process_", "python_")
"""Beginnings of the names of families that describe one process."""
SUMMED: Final = ("counter", "histogram", "summary")
CREATED: Final = "_created"


def exported(registry: CollectorRegistry) -> Families:
    """Return all metrics of *registry* as JSON."""
    return [
        {
            "name": family.name,
            "documentation": family.documentation,
            "type": family.type,
            "unit": family.unit,
            "samples": [[s.name, s.labels, s.value] for s in family.samples],
        }
        for family in registry.collect()
    ]


Visible = Callable[[Mapping[str, str]], bool]
"""Whether a caller may see a sample with these labels."""


def everything(_: Mapping[str, str]) -> bool:
    """Show every sample."""
    return True


class MergedFamilies(Collector):
    """The metrics of this process and of another one, as far as they are *visible*.

    Counters and histograms are added. Of two gauges with the same labels this
    process's counts. What describes one process gets the label `process` if there
    are two.
    """

    def __init__(
        self, here: Iterable[Metric], there: Families, visible: Visible = everything
    ) -> None:
        self._here = here
        self._there = there
        self._visible = visible

    def collect(self) -> Iterator[Metric]:
        """Return the merged families."""
        merged: dict[str, Metric] = {}
        for family in self._here:
            self._add(merged, family, "intake" if self._there else "")
        for one in self._there:
            family = Metric(one["name"], one["documentation"], one["type"], one["unit"])
            for name, labels, value in one["samples"]:
                family.add_sample(name, labels, value)
            self._add(merged, family, "worker")
        yield from merged.values()

    def _add(self, merged: dict[str, Metric], family: Metric, process: str) -> None:
        """Add the visible samples of *family* to those of the same name."""
        known = merged.setdefault(family.name, _empty(family))
        about_one = process and family.name.startswith(PER_PROCESS)
        at = {_key(s.name, s.labels): n for n, s in enumerate(known.samples)}
        for sample in filter(lambda s: self._visible(s.labels), family.samples):
            labels = {**sample.labels} | ({"process": process} if about_one else {})
            place = at.get(_key(sample.name, labels))
            if place is None:
                known.add_sample(sample.name, labels, sample.value)
            elif family.type in SUMMED and not sample.name.endswith(CREATED):
                value = known.samples[place].value + sample.value
                known.samples[place] = sample._replace(value=value)


def _key(name: str, labels: Mapping[str, str]) -> tuple[object, ...]:
    return (name, *sorted(labels.items()))


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type, family.unit)
