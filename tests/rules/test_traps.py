"""The page about traps of VTEX is complete, and every test that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from relay.config.account import AccountSettings
from relay.config.contract import ContractSettings
from relay.config.sections import PublisherSettings

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "vtex.md").read_text(encoding="utf-8")
TRAPS: Final = {
    title.partition(".")[0]: f"{title}\n{text}"
    for title, text in re.findall(
        r"^### (.+)\n((?:.*\n)*?)(?=^##|\Z)", PAGE, re.MULTILINE
    )
}
"""The traps by their number, such as "21b"."""
PARTS: Final = ("VTEX", "Relay", "Setting", "Source", "Test")
NAMED: Final = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
MOST_TRAPS: Final = 50


@cache
def names_in(path: str) -> frozenset[str]:
    """Return the names of the tests in a module."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(n.name for n in tree.body if isinstance(n, kinds))


def part(trap: str, name: str) -> str:
    """Return one of a trap's parts."""
    found = re.search(
        rf"^- \*\*{name}:\*\* ((?:.+\n?)+?)(?=^- |\Z|\n)", trap, re.MULTILINE
    )
    assert found is not None, f"{name} is missing"
    return found.group(1)


def test_every_trap_has_its_number() -> None:
    assert {str(n) for n in range(1, MOST_TRAPS + 1)} <= TRAPS.keys()


@pytest.mark.parametrize("number", TRAPS)
def test_a_trap_is_complete(number: str) -> None:
    assert all(part(TRAPS[number], name).strip() for name in PARTS)


@pytest.mark.parametrize("number", TRAPS)
def test_every_test_that_is_named_exists(number: str) -> None:
    text = part(TRAPS[number], "Test")
    named = NAMED.findall(text)
    assert named or text.startswith("none: ")
    assert "::" not in NAMED.sub("", text)
    assert [n for path, n in named if n not in names_in(path)] == []


@pytest.mark.parametrize("number", TRAPS)
def test_every_setting_that_is_named_exists(number: str) -> None:
    known = {
        *AccountSettings.model_fields,
        *ContractSettings.model_fields,
        *(f"publisher.{name}" for name in PublisherSettings.model_fields),
        "accounts",
        "dispatchedDate",
        "volumes",
    }
    named = re.findall(r"`([\w.]+)`", part(TRAPS[number], "Setting"))
    assert set(named) <= known
