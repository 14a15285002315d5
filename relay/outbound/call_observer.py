"""Observers of calls to VTEX, such as metrics."""

from collections.abc import Callable

OnCall = Callable[[str, str, int | None, float], None]
"""Called after every call: account, kind, status or None, and seconds."""


def no_observer(
    _account: str, _kind: str, _status: int | None, _seconds: float
) -> None:
    """Ignore a call."""
