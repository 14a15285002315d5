"""Health and metrics of the process that answers, and of its worker process."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from relay.health import Health
from relay.metric_families import Families
from relay.metrics import Metrics


class Worker(Protocol):
    """The other process; it parses and publishes what this one stores."""

    async def reasons(self) -> list[str]:
        """Return why the worker is not ready; empty if it is."""
        ...

    async def families(self) -> Families:
        """Return the worker's metrics."""
        ...


@dataclass(frozen=True, slots=True)
class Process:
    """The process that answers; *worker* is None if it does the work itself."""

    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=Metrics)
    worker: Worker | None = None

    async def reasons(self) -> list[str]:
        """Return why the relay is not ready; empty if it is.

        Both processes watch the same database: what both report is returned once.
        """
        found = await self.worker.reasons() if self.worker else []
        return list(dict.fromkeys([*self.health.reasons(), *found]))

    async def families(self) -> Families:
        """Return the metrics that the worker counts."""
        return await self.worker.families() if self.worker else []

    def not_ready_for(self) -> timedelta:
        """Return how long this process has not been ready; zero if it is."""
        return self.health.not_ready_for()
