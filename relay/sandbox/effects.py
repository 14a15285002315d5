"""What an accepted call does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from relay.sandbox.answers import VtexAnswer


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted call: the answer, its effect, and rules it violates nevertheless."""

    answer: VtexAnswer
    change: Callable[[datetime], bool] | None = None
    violations: tuple[tuple[str, str], ...] = ()
