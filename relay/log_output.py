"""Where log lines end: a handler of `logging`, and a short way to it for our own lines.

`logging` makes a record for each line, with thread, process and place in the code. That
costs more than the rest of a line, and no line of ours shows it.
"""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TextIO

from structlog import DropEvent
from structlog.typing import EventDict

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
}
Render = Callable[[EventDict], str]
"""Returns the line of an event's fields."""


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes the lines of libraries, and our own without a record."""

    def __init__(self, stream: TextIO, render: Render) -> None:
        super().__init__(stream)
        self._render = render

    def write(self, event: EventDict) -> None:
        """Write a line; what goes wrong is reported like any handler's error."""
        try:
            line = self._render(event) + self.terminator
            self.acquire()
            try:
                self.stream.write(line)
                self.stream.flush()
            finally:
                self.release()
        except Exception:  # noqa: BLE001 -- logging never fails its caller
            self.handleError(logging.makeLogRecord({"msg": event.get("event")}))


class LineLogger:
    """The logger of one name, as structlog's processors and `BoundLogger` need it."""

    def __init__(self, name: str, handler: LineHandler) -> None:
        self.name = name
        self.is_enabled = logging.getLogger(name).isEnabledFor
        self._handler = handler

    def info(self, event: EventDict) -> None:
        """Write a line of any level: the event has it as a field."""
        self._handler.write(event)

    debug = warning = error = exception = critical = info


def line_loggers(handler: LineHandler) -> Callable[..., LineLogger]:
    """Return structlog's factory of loggers that write to *handler*."""

    @cache
    def named(name: str) -> LineLogger:
        return LineLogger(name, handler)

    return named


def by_level(logger: LineLogger, method: str, event: EventDict) -> EventDict:
    """Drop lines below the logger's level: a processor of structlog."""
    if logger.is_enabled(_LEVELS[method]):
        return event
    raise DropEvent


def as_one_argument(
    _: object, __: str, event: EventDict
) -> tuple[tuple[EventDict], Mapping[str, Any]]:
    """Pass the event's fields to the logger as they are: structlog's last processor."""
    return (event,), {}
