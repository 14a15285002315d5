"""Simulators are loaded from entry points: classes, or packages of carriers."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from relay.sandbox.simulator_calls import NotASimulator, installed_simulators

PART = """
from relay.sandbox.simulator import SimulatedRequest

class Simulator:
    adapter = "{adapter}"
    codes = {{"delivered": "ENT"}}

    def webhook(self, scan, secret):
        return SimulatedRequest({{}}, b"")
"""

Shelf = Callable[[str, dict[str, str]], EntryPoint]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Return a function that makes a package of carriers on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(package: str, files: dict[str, str]) -> EntryPoint:
        for name, text in ({"__init__.py": ""} | files).items():
            path = tmp_path / package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return EntryPoint(package, package, "relay.sandboxes")

    return make


def test_a_package_is_searched_for_simulators(shelf: Shelf) -> None:
    point = shelf(
        "shelf_of_parts",
        {
            "one/__init__.py": "",
            "one/sandbox.py": PART.format(adapter="one"),
            "partless/__init__.py": "",
            "module.py": "",
        },
    )
    assert list(installed_simulators([point])) == ["one"]


def test_a_class_is_taken_as_it_is(shelf: Shelf) -> None:
    shelf("lone_part", {"sandbox.py": PART.format(adapter="lone")})
    name = "lone_part.sandbox:Simulator"
    point = EntryPoint("lone", name, "relay.sandboxes")
    assert installed_simulators([point])["lone"].adapter == "lone"


@pytest.mark.parametrize("text", ["", "Simulator = 1", "class Simulator: pass"])
def test_an_invalid_simulator_is_named(shelf: Shelf, text: str) -> None:
    package = f"shelf_of_{len(text)}"
    files = {"bad/__init__.py": "", "bad/sandbox.py": text}
    point = shelf(package, files)
    with pytest.raises(NotASimulator, match=f"{package}.bad.sandbox"):
        installed_simulators([point])


def test_without_a_list_the_installed_ones_are_searched() -> None:
    for adapter, part in installed_simulators().items():
        assert part.adapter == adapter
