"""Every setting is read somewhere; one that nothing reads would have no effect."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from relay.config.schema import SECTIONS, TABLES
from relay.config.settings import Settings

ROOT = Path(__file__).parents[2]
NOT_READERS = {"checks.py", "template.py", "explanation.py"}
"""Modules of `relay.config` that handle any setting, and use none."""


def sources() -> Iterator[ast.Module]:
    for package in ("relay", "carriers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent.name != "config" or path.name not in NOT_READERS:
                yield ast.parse(path.read_text(encoding="utf-8"))


def is_validator(node: ast.AST) -> bool:
    """Return whether *node* is a function that only checks settings."""
    if not isinstance(node, ast.FunctionDef):
        return False
    return any("validator" in ast.dump(one) for one in node.decorator_list)


def reads(node: ast.AST) -> Iterator[str]:
    """Yield the names of all attributes that are read below *node*."""
    if is_validator(node):
        return
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node.attr
    for below in ast.iter_child_nodes(node):
        yield from reads(below)


@pytest.fixture(scope="module")
def read() -> frozenset[str]:
    return frozenset(name for source in sources() for name in reads(source))


def unread(names: Iterable[str], read: frozenset[str]) -> list[str]:
    return sorted(set(names) - read)


@pytest.mark.parametrize("model", [Settings, *SECTIONS.values(), *TABLES.values()])
def test_every_setting_is_read(model: type[BaseModel], read: frozenset[str]) -> None:
    assert unread(model.model_fields, read) == []


def test_a_setting_that_is_only_defined_or_checked_is_found() -> None:
    source = ast.parse(
        "class S:\n"
        "    a: int = 1\n"
        "    b: int = 2\n"
        "    @model_validator(mode='after')\n"
        "    def _check(self):\n"
        "        assert self.a\n"
        "def use(s):\n"
        "    s.c = s.b\n"
    )
    assert unread(["a", "b", "c"], frozenset(reads(source))) == ["a", "c"]
