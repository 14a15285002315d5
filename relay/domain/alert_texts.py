"""The text of a message about alerts: what, since when, who, what to do, and where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.domain.alert_course import Notice, NoticeKind
from relay.domain.alert_facts import Party
from relay.logs import counted

PARTIES: Final[Mapping[Party, str]] = {
    "relay": "the relay",
    "vtex": "VTEX",
    "carrier": "the carrier",
}
HEADS: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.OPENED: "ALERT",
    NoticeKind.REMINDER: "STILL OPEN",
    NoticeKind.RECOVERED: "RECOVERED",
}
MOST: Final = 20
"""Alerts that one message describes; the others are counted."""


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """One message: a subject of one line, and a text."""

    subject: str
    text: str


def digest(notices: Sequence[Notice], public_url: str | None) -> AlertMessage:
    """Return the one message for all *notices* of a round, the new ones first.

    *public_url* is the address under which the console is reached, if it is known.
    """
    order = list(NoticeKind)
    arranged = sorted(notices, key=lambda one: order.index(one.kind))
    console = public_url or "the console at "
    parts = ["\n".join(_lines(one, console)) for one in arranged[:MOST]]
    if len(arranged) > MOST:
        parts.append(f"… and {len(arranged) - MOST} more: relay alerts list")
    return AlertMessage(_subject(arranged), "\n\n".join(parts))


def trial(now: datetime) -> AlertMessage:
    """Return the message of `relay alerts test`."""
    return AlertMessage(
        "[relay] test of the alerts",
        f"This is a test, sent at {_time(now)}. Nothing is wrong; alerts of the relay "
        "arrive here.",
    )


def _subject(arranged: Sequence[Notice]) -> str:
    first = arranged[0]
    if len(arranged) == 1:
        return f"[relay] {HEADS[first.kind]}: {first.alert.condition.text}"
    numbers = (
        f"{sum(one.kind is kind for one in arranged)} {head.lower()}"
        for kind, head in HEADS.items()
        if any(one.kind is kind for one in arranged)
    )
    return f"[relay] {counted(len(arranged), 'alert')}: {', '.join(numbers)}"


def _lines(notice: Notice, console: str) -> Iterator[str]:
    alert, about = notice.alert, notice.alert.condition
    yield f"{HEADS[notice.kind]}: {about.text}"
    if notice.kind is NoticeKind.RECOVERED and alert.resolved_at is not None:
        yield f"Since {_time(alert.since)}, over at {_time(alert.seen_at)}."
        return
    yield f"Since: {_time(alert.since)}"
    yield f"Where: {PARTIES[about.party]}"
    yield f"To do: {about.hint}"
    yield f"See: {about.command}, or {console}{about.page}"


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
