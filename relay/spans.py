"""Traces of the way from a webhook to VTEX; nothing is traced by default.

A trace's context is a text, `traceparent` of https://www.w3.org/TR/trace-context/, so
it can be stored with a document, and the other process continues the trace.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Final, Literal, Protocol

Kind = Literal["internal", "server", "client"]
Attributes = Mapping[str, str | int | bool | None]
"""What is known of a step; None is left out."""

CURRENT: Final[ContextVar[str | None]] = ContextVar("trace", default=None)
"""The context of the request that is being answered; None without tracing."""


class Span(Protocol):
    """A step that is under way."""

    @property
    def context(self) -> str:
        """The context for the steps that follow this one."""
        ...

    def note(self, about: Attributes) -> None:
        """Add attributes."""
        ...

    def fail(self, reason: str) -> None:
        """Mark the step as failed."""
        ...


class Tracing:
    """Makes no spans. Callers ask for `on` first, so that this costs nothing."""

    on: bool = False

    def span(
        self,
        name: str,
        about: Attributes,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
    ) -> AbstractContextManager[Span]:
        """Open a span below *parent*, or below the current one, while a body runs."""
        raise NotImplementedError

    def record(
        self,
        name: str,
        times: tuple[int, int],
        about: Attributes,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
    ) -> None:
        """Record a span that is over; *times* are nanoseconds since 1970.

        It is below *parent*, or below the current span.
        """
        raise NotImplementedError

    def within(self) -> bool:
        """Whether a span is open here."""
        return False

    def close(self) -> None:
        """Send what is left."""


NO_TRACING: Final = Tracing()


@contextmanager
def current(context: str) -> Iterator[None]:
    """Make *context* that of the request while a body runs."""
    token = CURRENT.set(context)
    try:
        yield
    finally:
        CURRENT.reset(token)
