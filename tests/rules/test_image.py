"""What the image installs: locked by version and hash, as pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / ".image-requirements.txt").read_text(encoding="utf-8")
PINNED = dict(re.findall(r"^([\w.-]+)==([\w.]+)", LOCK, re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = [
    *PROJECT["project"]["dependencies"],
    *PROJECT["project"]["optional-dependencies"]["postgres"],
    *PROJECT["project"]["optional-dependencies"]["outgoing"],
]


@pytest.mark.parametrize("wanted", [*map(Requirement, WANTED)], ids=str)
def test_the_lock_satisfies_the_project(wanted: Requirement) -> None:
    if wanted.marker is not None and not wanted.marker.evaluate():
        return
    assert wanted.specifier.contains(PINNED[wanted.name.lower()])


def test_every_version_has_its_hashes() -> None:
    entries = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) == len(PINNED)
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_no_place_is_named() -> None:
    """Where packages come from is up to the builder."""
    options = [line for line in LOCK.splitlines() if re.match(r"--|.*://", line)]
    assert options == []
