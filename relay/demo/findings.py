"""What a check of the demo found."""

from dataclasses import dataclass
from typing import Final

THE_DEMO: Final = "the demo"
"""Replaces the order id where a planned disturbance did not happen."""


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A failed check, or a repetition that a disturbance explains."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The failed checks, and the repetitions that a disturbance explains."""

    failed: tuple[FailedCheck, ...]
    excused: tuple[FailedCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class TrapResult:
    """One of VTEX's traps as the sandbox recorded it: a line, and what went wrong."""

    line: str
    failed: tuple[FailedCheck, ...] = ()
