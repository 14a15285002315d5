"""How large the benchmarks are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """How long one run takes, how often, and how much is in the store.

    `fastest` is how many requests per second are made beforehand, at the most.
    Polling is measured with `open_parcels` in the store, scheduling with
    `stored_parcels` as well.
    """

    folder: Path
    seconds: float = 2.0
    rounds: int = 5
    shipments: int = 5_000
    fastest: int = 25_000
    open_parcels: int = 10_000
    stored_parcels: int = 1_000_000

    @property
    def warm_up(self) -> float:
        """How many seconds a server runs before it is measured."""
        return min(0.5, self.seconds)

    def fresh(self, name: str) -> Path:
        """Return a new folder for one benchmark's data."""
        folder = self.folder / name
        folder.mkdir()
        return folder
