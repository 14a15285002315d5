"""Rules for modules, classes and imports that no linter checks."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
MOST_LINES: Final = 300

GERUNDS: Final[Mapping[str, str]] = {
    "relay/domain/matching.py": "the usual noun for assigning events to parcels",
    "relay/runtime/wiring.py": "the usual noun for building parts from settings",
}
"""Modules of which the name ends in -ing, and why."""


def modules(*packages: str) -> Iterator[Path]:
    """Yield the modules of *packages*, by their path from the project's root."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT)


@cache
def tree(module: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def test_modules_are_nouns() -> None:
    """A module is what it holds: `reader.py`, not `reading.py`."""
    found = {str(m) for m in modules("relay") if m.stem.endswith("ing")}
    assert found == GERUNDS.keys()


def test_modules_are_of_a_size_to_read() -> None:
    lines = {
        str(module): (ROOT / module).read_text(encoding="utf-8").count("\n")
        for module in modules("relay", "carriers")
    }
    assert {m for m, n in lines.items() if n > MOST_LINES} == set()


def test_a_class_name_means_one_thing() -> None:
    where: dict[str, list[str]] = defaultdict(list)
    for module in modules("relay"):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ClassDef):
                where[node.name].append(f"{module}:{node.lineno}")
    assert {name: found for name, found in where.items() if len(found) > 1} == {}


def test_names_are_imported_from_where_they_are_defined() -> None:
    """`import x as x` would offer a name in a second place."""
    found = [
        f"{module}:{node.lineno}: {alias.name}"
        for module in modules("relay", "carriers")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]
    assert found == []


@pytest.mark.parametrize("package", ["relay", "carriers"])
def test_the_rules_see_the_modules(package: str) -> None:
    """A package that moved would otherwise keep every rule."""
    assert len(list(modules(package))) > 20
