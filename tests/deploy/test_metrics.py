"""Names of metrics follow Prometheus' conventions, and all that is asked for exists."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from relay.cli.command_table import COMMANDS
from tests.support.exported import families, series
from tests.support.lacking import lacking

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "relay.json").read_text())
PROMETHEUS = DEPLOY / "prometheus"
ALERTS = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]

TYPES = re.compile(r"_(counter|gauge|histogram|summary|metric)(_|$)")
ABBREVIATED = re.compile(
    r"_(ms|msec|millis\w*|sec|secs|s|us|kb|mb|mib|pct|percent)(_|$)"
)
BASE_UNITS = ("_seconds", "_bytes")
MEASURES = {"age": "_seconds", "duration": "_seconds", "timestamp": "_seconds",
            "size": "_bytes", "free": "_bytes"}  # fmt: skip
RESERVED = {"le", "quantile", "job", "instance", "process", "__name__"}
VARIABLES = {"$account": ".*", "$contract": ".*", "$__rate_interval": "5m"}


def test_names_follow_the_conventions() -> None:
    """The rules are those of `promtool check metrics`, and of our own.

    https://prometheus.io/docs/practices/naming/
    """
    for family in families():
        name, kind = family._name, family._type  # noqa: SLF001
        assert re.fullmatch(r"relay(_[a-z]+)+", name), name
        assert not TYPES.search(name), name
        assert not ABBREVIATED.search(name), name
        assert not name.endswith(("_total", "_bucket", "_sum", "_count", "_info")), name
        if kind == "histogram":
            assert name.endswith(BASE_UNITS), name
        for word, unit in MEASURES.items():
            if word in name.split("_"):
                assert name.endswith(unit), name
        assert family._documentation.endswith("."), name  # noqa: SLF001


def test_labels_follow_the_conventions() -> None:
    for family in families():
        for label in family._labelnames:  # noqa: SLF001
            assert re.fullmatch(r"[a-z]+", label), label
            assert label not in RESERVED
            assert f"_{label}" not in family._name, "a label's name says it"  # noqa: SLF001


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def expressions() -> list[str]:
    """Return every PromQL expression of dashboard and alerts."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    found += [one["expr"] for one in DASHBOARD["annotations"]["list"]]
    for name, value in VARIABLES.items():
        found = [expression.replace(name, value) for expression in found]
    return found + [rule["expr"] for rule in RULES]


def nodes(node: Any) -> Iterator[Any]:
    """Yield each node of a parsed expression."""
    yield node
    for name in ("lhs", "rhs", "expr", "param", "vector_selector", "args"):
        child = getattr(node, name, None)
        for one in child if isinstance(child, list) else [child]:
            if one is not None:
                yield from nodes(one)


def test_every_metric_and_label_of_an_expression_is_exported() -> None:
    try:
        promql = import_module("promql_parser")
    except ImportError:
        lacking("promql-parser is not installed")
    known = series()
    used = set()
    for expression in expressions():
        names, labels = set(), set()
        for node in nodes(promql.parse(expression)):
            if type(node).__name__ == "VectorSelector":
                names.add(node.name)
                labels |= {m.name for m in node.matchers.matchers}
            if type(node).__name__ == "AggregateExpr" and node.modifier is not None:
                labels |= set(node.modifier.labels)
        assert names <= known.keys(), expression
        for name in names:
            assert labels <= known[name], f"{expression}: {labels - known[name]}"
        used |= names
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    own = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known}
    not_shown = {n for n in own - shown if n.startswith("relay_")}
    assert not_shown == {
        "relay_build_info",
        "relay_webhook_handshakes_total",
        "relay_rejected_dropped_total",
    }


def test_the_dashboard_is_complete() -> None:
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    places = set()
    for panel in everything:
        at = panel["gridPos"]
        cells = {
            (at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & places, panel["title"]
        places |= cells
    for variable in DASHBOARD["templating"]["list"][1:]:
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"])
        assert asked is not None
        assert asked[2] in series()[asked[1]]
        assert variable["name"] == asked[2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["annotations"].keys() == {"summary", "description"}
    texts = " ".join(rule["annotations"].values())
    for command in re.findall(r"`relay ([a-z -]+)`", texts):
        words = [word for word in command.split() if not word.startswith("-")]
        assert any(" ".join(words[:n]) in COMMANDS for n in (1, 2)), command
    labels = set(re.findall(r"\$labels\.(\w+)", texts))
    by = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
    assert labels <= by | {"instance"}


def test_alerts_are_named_once_and_scraped() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    scraping = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    [job] = scraping["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert f'job="{job["job_name"]}"' in next(
        r["expr"] for r in RULES if "up" in r["expr"]
    )
