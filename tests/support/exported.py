"""What `/metrics` exports: names of time series, and their labels."""

from collections.abc import Mapping

from prometheus_client.metrics import MetricWrapperBase

from relay.metrics import Metrics

SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}
OF_TARGETS = frozenset({"job", "instance"})
"""Labels that Prometheus adds."""


def families() -> list[MetricWrapperBase]:
    """Return every metric of the relay's own."""
    collectors = Metrics().registry._collector_to_names  # noqa: SLF001
    return [c for c in collectors if isinstance(c, MetricWrapperBase)]


def series() -> Mapping[str, frozenset[str]]:
    """Return the labels of each time series by its name."""
    found = {"up": OF_TARGETS}
    for family in families():
        own = {*family._labelnames, *OF_TARGETS}  # noqa: SLF001
        for suffix in SUFFIXES[family._type]:  # noqa: SLF001
            more = {"le"} if suffix == "_bucket" else set()
            found[family._name + suffix] = frozenset(own | more)  # noqa: SLF001
    for family in Metrics().registry.collect():
        if family.name.startswith("process_"):
            for sample in family.samples:
                found[sample.name] = OF_TARGETS | {"process"}
    return found
