"""Metrics of two processes in one text: exported by one, merged by the other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


class MergedFamilies(Collector):
    """The metrics of this process and of another one.

    Counters and histograms are added. Of two gauges with the same labels this
    process's counts. What describes one process gets the label `process`.
    """

    def __init__(
        self, here: Iterable[Metric], there: Families, names: tuple[str, str]
    ) -> None:
        self._here = here
        self._there = there
        self._names = names

    def collect(self) -> Iterator[Metric]:
        """Return the merged families."""
        merged: dict[str, Metric] = {}
        own, other = self._names
        for family in self._here:
            _add(merged, family, own)
        for one in self._there:
            family = Metric(one["name"], one["documentation"], one["type"], one["unit"])
            for name, labels, value in one["samples"]:
                family.add_sample(name, labels, value)
            _add(merged, family, other)
        yield from merged.values()


def _add(merged: dict[str, Metric], family: Metric, process: str) -> None:
    """Add the samples of *family* to those of the same name."""
    known = merged.setdefault(family.name, _empty(family))
    labelled = family.name.startswith(PER_PROCESS)
    at = {(s.name, *sorted(s.labels.items())): n for n, s in enumerate(known.samples)}
    for sample in family.samples:
        labels = {**sample.labels} | ({"process": process} if labelled else {})
        place = at.get((sample.name, *sorted(labels.items())))
        if place is None:
            known.add_sample(sample.name, labels, sample.value)
        elif family.type in SUMMED and not sample.name.endswith(CREATED):
            value = known.samples[place].value + sample.value
            known.samples[place] = sample._replace(value=value)


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type, family.unit)
