"""Finds the carriers' parts that are installed."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType
from typing import Final

from relay.sandbox.stage import Answers, Simulates, Simulator

GROUP: Final = "relay.sandboxes"


class NotASimulator(TypeError):
    """An entry point, or a module `sandbox`, has no part that can be played."""


def installed_simulators(
    points: Iterable[EntryPoint] | None = None,
) -> dict[str, Simulator]:
    """Return the carriers' parts by adapter.

    An entry point names a class, or a package each of whose folders may have a
    module `sandbox` with a class `Simulator`.
    """
    found = entry_points(group=GROUP) if points is None else points
    parts = [part for point in found for part in _parts(point)]
    return {part.adapter: part for part in parts}


def _parts(point: EntryPoint) -> Iterator[Simulator]:
    loaded = point.load()
    if not isinstance(loaded, ModuleType):
        yield _made(loaded, f"entry point {point.name}")
        return
    for folder in pkgutil.iter_modules(loaded.__path__):
        name = f"{loaded.__name__}.{folder.name}.sandbox"
        if folder.ispkg and find_spec(name) is not None:
            module = importlib.import_module(name)
            yield _made(getattr(module, "Simulator", None), name)


def _made(part: object, where: str) -> Simulator:
    made = part() if isinstance(part, type) else None
    if isinstance(made, Simulates | Answers):
        return made
    raise NotASimulator(f"{where} has no class that satisfies Simulates or Answers")
