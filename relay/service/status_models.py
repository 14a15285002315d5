"""The status, field by field: a line per part, such as an account or a receiver."""

from datetime import datetime
from typing import Literal

from relay.service.models import ResponseModel

Part = Literal["relay", "vtex", "carrier", "receiver"]


class StatusProblem(ResponseModel):
    """What is wrong now, and how to fix it; an error needs someone soon."""

    level: Literal["error", "warning", "info"]
    message: str
    hint: str


class StatusLine(ResponseModel):
    """The relay, an account at VTEX, a contract with a carrier, or a receiver.

    `rejectedWaiting` are a contract's rejected requests that were not accepted: they do
    not change `ok`, since strangers can send them.
    """

    part: Part
    name: str
    ok: bool
    last_good: str
    last_good_at: datetime | None
    problems: tuple[StatusProblem, ...] = ()
    rejected_waiting: int = 0


class StatusAnswer(ResponseModel):
    """The present status; `ok` if no line has an error."""

    ok: bool
    at: datetime
    lines: tuple[StatusLine, ...]


def wrong(message: str, hint: str) -> StatusProblem:
    """Return a problem that must be fixed."""
    return StatusProblem(level="error", message=message, hint=hint)


def notable(message: str, hint: str) -> StatusProblem:
    """Return a problem that is worth knowing."""
    return StatusProblem(level="warning", message=message, hint=hint)


def informative(message: str, hint: str) -> StatusProblem:
    """Return a hint, which does not make the line an error."""
    return StatusProblem(level="info", message=message, hint=hint)


def line(
    part: Part,
    name: str,
    last_good: tuple[str, datetime | None],
    problems: tuple[StatusProblem, ...],
    rejected_waiting: int = 0,
) -> StatusLine:
    """Return a line; *last_good* is what last worked, and when."""
    ok = all(problem.level != "error" for problem in problems)
    what, when = last_good
    return StatusLine(
        part=part,
        name=name,
        ok=ok,
        last_good=what,
        last_good_at=when,
        problems=problems,
        rejected_waiting=rejected_waiting,
    )


def answer(lines: tuple[StatusLine, ...], now: datetime) -> StatusAnswer:
    """Return the answer that has *lines*."""
    return StatusAnswer(ok=all(one.ok for one in lines), at=now, lines=lines)
