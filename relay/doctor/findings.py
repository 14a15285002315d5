"""What the doctor says: about what, how bad, and what to do."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is."""

    FINE = "fine"
    LOOK = "look"  # it works, and somebody should know
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    subject: str
    level: Severity
    says: str
    hint: str = ""


def fine(subject: str, says: str) -> Check:
    """Say that *subject* is as it should be."""
    return Check(subject, Severity.FINE, says)


def look(subject: str, says: str, hint: str) -> Check:
    """Say what somebody should know of *subject*."""
    return Check(subject, Severity.LOOK, says, hint)


def wrong(subject: str, says: str, hint: str) -> Check:
    """Say what is wrong with *subject*, and what to do."""
    return Check(subject, Severity.WRONG, says, hint)
