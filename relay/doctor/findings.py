"""Findings of the doctor: about what, how severe, and how to fix it."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How severe a finding is."""

    OK = "ok"
    WARNING = "warning"  # works, but is worth knowing
    ERROR = "error"  # must be fixed


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `hint` says how to fix a warning or an error."""

    subject: str
    level: Severity
    message: str
    hint: str = ""


def ok(subject: str, message: str) -> Check:
    """Return the finding that *subject* is OK."""
    return Check(subject, Severity.OK, message)


def warning(subject: str, message: str, hint: str) -> Check:
    """Return a finding that is worth knowing."""
    return Check(subject, Severity.WARNING, message, hint)


def error(subject: str, message: str, hint: str) -> Check:
    """Return a finding that must be fixed."""
    return Check(subject, Severity.ERROR, message, hint)
