"""The worker process as the intake process sees it: its health and its metrics."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from relay.health import Health
from relay.metric_families import Families, exported
from relay.metrics import Metrics
from relay.runtime.channel import PATIENCE, Channel

WORKER: Final = "worker"
"""The part of the health that says whether the worker answers."""
REASONS: Final = "reasons"
FAMILIES: Final = "families"


class WorkerView:
    """Asks the worker over the *channel*; no answer is a problem of this process."""

    def __init__(self, channel: Channel, health: Health) -> None:
        self._channel = channel
        self._health = health

    async def reasons(self) -> list[str]:
        """Return why the worker is not ready; empty if it is."""
        found: list[str] = await self._ask(REASONS)
        return found

    async def families(self) -> Families:
        """Return the worker's metrics; empty if it does not answer."""
        found: Families = await self._ask(FAMILIES)
        return found

    async def _ask(self, question: str) -> Any:
        try:
            answer = await self._channel.ask(question)
        except TimeoutError:
            self._health.report_problem(
                WORKER,
                f"no answer within {PATIENCE.total_seconds():g} s; see the log, "
                "the supervisor restarts it if it has ended or stands still",
            )
            return []
        self._health.clear_problem(WORKER)
        return answer


def answers(health: Health, metrics: Metrics) -> Mapping[str, Callable[[], Any]]:
    """Return what the worker answers to each question."""
    return {REASONS: health.reasons, FAMILIES: lambda: exported(metrics.registry)}
