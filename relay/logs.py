"""Logging: structlog over stdlib, as JSON or for a console, with secrets masked."""

import base64
import json
import logging
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal, TextIO
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from relay.log_output import (
    LineHandler,
    Render,
    as_one_argument,
    by_level,
    line_loggers,
)
from relay.text import escaped, escaped_json

HIDDEN: Final = "[hidden]"
FIELDS: Final = ("contract", "account", "order", "invoice", "tracking_number")
"""The context fields of a line; stdlib loggers pass them as `extra`."""
SHORTEST: Final = 6
"""Shorter secrets are masked only as a whole value: they occur in any text."""
_KEYS: Final = re.compile(
    r"token|secret|authorization|passw|cookie|signature|body|credential"
    r"|(api|app|private)[-_]?key",
    re.IGNORECASE,
)
_PRESENTED: Final = (
    ("bearer", re.compile(r"(\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE)),
    ("basic", re.compile(r"(\bbasic\s+)[\w.~+/=-]{8,}", re.IGNORECASE)),
    ("@", re.compile(r"(://[^\s:/@]*:)[^\s@/]+(?=@)")),
    ("=", re.compile(r"((?:token|secret|password|key)=)[^\s&;,'\"]+", re.IGNORECASE)),
)
"""Secrets that are not in the settings, such as a forged token in a header.

The sign, in lower case, is a cheap test whether the pattern can match at all.
"""


_EXCEPTIONS: Final = structlog.processors.format_exc_info
"""Formats a traceback without the locals: they hold secrets."""


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _KEYS.search(key) is not None


class Masking:
    """A structlog processor that masks secrets, by key and by value."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known = frozenset(secrets) - {""}
        spelled = {s for known in self._known for s in _spellings(known)}
        inside = (s for s in spelled if len(s) >= SHORTEST)
        self._inside = sorted(inside, key=len, reverse=True)

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Return *event* with secrets masked."""
        return {key: self._under(key, value) for key, value in event.items()}

    def _under(self, key: str, value: Any) -> Any:
        if value is not None and _is_secret(key):
            return HIDDEN
        if type(value) is str:  # nearly always, and patterns are slow
            return self._text(value)
        return self.masked(value)

    def masked(self, value: Any) -> Any:
        """Return *value* with secrets masked; bytes show only their size."""
        match value:
            case Mapping():
                return {
                    self._text(str(k)): self._under(str(k), v) for k, v in value.items()
                }
            case list() | tuple() | set() | frozenset():
                return [self.masked(part) for part in value]
            case bytes() | bytearray() | memoryview():
                return f"[{len(value)} bytes]"
            case str():
                return self._text(value)
            case _:
                return self._other(value)

    def _other(self, value: object) -> object:
        """Return numbers unchanged, and anything else as text."""
        if value is None or isinstance(value, int | float):
            return HIDDEN if str(value) in self._known else value
        shown = value.isoformat() if isinstance(value, datetime) else repr(value)
        return self._text(shown)

    def _text(self, text: str) -> str:
        if text in self._known:
            return HIDDEN
        for secret in self._inside:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        folded = text.casefold()
        for sign, presented in _PRESENTED:
            if sign in folded:
                text = presented.sub(rf"\1{HIDDEN}", text)
        return text


def configure(
    *,
    level: str = "info",
    layout: Literal["json", "console"] | None = None,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send the lines of every logger to *stream*, by default standard error.

    Without *layout*: console on a terminal, else JSON. May be called again, for
    instance with other *secrets* after a reload of the settings.
    """
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    if layout is None:
        layout = "console" if terminal else "json"
    masking, renderer = Masking(secrets), _renderer(layout, colors=terminal)
    handler = LineHandler(stream, _rendering(masking, renderer))
    handler.setFormatter(_formatter(masking, renderer))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, LineHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    _configure_structlog(handler)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger *name*; usually `__name__`."""
    return structlog.stdlib.get_logger(name)


def about(**fields: str) -> AbstractContextManager[object]:
    """Add context to the lines written inside: any of `FIELDS`."""
    return structlog.contextvars.bound_contextvars(**fields)


def name_process(role: str) -> None:
    """Add the role of this process to all its lines."""
    structlog.contextvars.bind_contextvars(process=role)


@contextmanager
def request_context(request_id: str) -> Iterator[None]:
    """Add the id of an HTTP request to the lines written inside."""
    # `bound_contextvars` would copy the whole context, for every webhook.
    tokens = structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**tokens)


def _configure_structlog(handler: LineHandler) -> None:
    structlog.configure(
        processors=[
            by_level,
            structlog.contextvars.merge_contextvars,
            *_shared(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            as_one_argument,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=line_loggers(handler),
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Processor]:
    """Return the processors of both our own lines and those of libraries."""
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _rendering(masking: Masking, renderer: Processor) -> Render:
    """Return what makes one of our own lines of an event's fields."""

    def rendered(event: EventDict) -> str:
        if "exc_info" in event:
            event = _EXCEPTIONS(None, "", event)
        return str(renderer(None, "", masking(None, "", event)))

    return rendered


def _formatter(
    masking: Masking, renderer: Processor
) -> structlog.stdlib.ProcessorFormatter:
    """Return what makes the lines of libraries, in the same form."""
    extra = structlog.stdlib.ExtraAdder(FIELDS)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, *_shared(), extra],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _EXCEPTIONS,
            masking,
            renderer,
        ],
    )


def _renderer(layout: str, *, colors: bool) -> Processor:
    if layout == "json":
        return structlog.processors.JSONRenderer(
            serializer=_safe_json, ensure_ascii=False
        )
    console = structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback
    )

    def rendered(logger: WrappedLogger, name: str, event: EventDict) -> str:
        return console(logger, name, {k: _shown(k, v) for k, v in event.items()})

    return rendered


def _safe_json(value: Any, **options: Any) -> str:
    return escaped_json(_encoder(**options).encode(value))


@lru_cache(maxsize=4)
def _encoder(**options: Any) -> json.JSONEncoder:
    """Return an encoder; `json.dumps` would make a new one for every line."""
    return json.JSONEncoder(**options)


def _shown(key: str, value: Any) -> Any:
    """Return a value as the console may show it: texts come from outside.

    Only a traceback has several lines.
    """
    if not isinstance(value, str):
        return value  # shown as `repr`, which escapes
    return escaped(value, allowed="\n" if key == "exception" else "")


def _spellings(secret: str) -> set[str]:
    """Return how *secret* may be written: plain, in a URL, in JSON, as Basic auth."""
    encoded = base64.b64encode(secret.encode(errors="surrogateescape")).decode()
    quoted = {
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
    }
    return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], encoded} | quoted


def counted(number: int, one: str, many: str = "") -> str:
    """Return *number* with its noun: `1 account`, `2 accounts`.

    *many* is the plural, by default *one* with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


class Seldom:
    """Allows one log line per kind and minute; *tick* is monotonic, in seconds."""

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._logged: dict[str, float] = {}

    def __call__(self, kind: str) -> bool:
        """Return whether a line of *kind* may be written now."""
        now = self._tick()
        if now - self._logged.get(kind, -math.inf) < SELDOM_SECONDS:
            return False
        self._logged[kind] = now
        return True


SELDOM_SECONDS: Final = 60.0
