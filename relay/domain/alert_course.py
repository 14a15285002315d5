"""The course of alerts: when one opens, is sent, repeated, and over.

What flaps is damped: a condition has to last before it is sent, and to stay away before
it counts as over, twice as long with each return within a day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from relay.domain.alert_facts import AlertCondition, AlertKind

AlertKey = tuple[AlertKind, str]
RETURNS_WITHIN: Final = timedelta(days=1)
"""An alert that opens again within this time has returned."""
MOST_DOUBLINGS: Final = 6


class NoticeKind(StrEnum):
    """Why a message mentions an alert."""

    OPENED = "opened"
    REMINDER = "reminder"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as it is stored.

    `raised_at` is when its condition had lasted long enough, `notified_at` when it
    was last sent; both are None before. `number` is None until it is stored.
    `returns` is how often it has returned.
    """

    condition: AlertCondition
    opened_at: datetime
    seen_at: datetime
    number: int | None = None
    raised_at: datetime | None = None
    notified_at: datetime | None = None
    resolved_at: datetime | None = None
    returns: int = 0

    @property
    def since(self) -> datetime:
        """Since when the condition holds, as far as it is known."""
        return self.condition.since or self.opened_at


@dataclass(frozen=True, slots=True)
class Notice:
    """A part of a message: one alert, and why it is mentioned."""

    kind: NoticeKind
    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseTerms:
    """How alerts are sent: `mute` are kinds, names, or `kind:name`.

    Without a channel nothing is sent: an alert that is open once there is one is. The
    relay runs without a break since `watched_since`: what it did not see before is not
    over.
    """

    remind: timedelta = timedelta(hours=24)
    recover: timedelta = timedelta(minutes=10)
    mute: frozenset[str] = frozenset()
    has_channel: bool = True
    watched_since: datetime | None = None

    def is_muted(self, about: AlertCondition) -> bool:
        """Whether no message mentions an alert."""
        names = {about.subject, about.account, about.contract} - {None}
        kind = str(about.kind)
        spelled = {kind, *map(str, names), *(f"{kind}:{name}" for name in names)}
        return bool(spelled & self.mute)


@dataclass(frozen=True, slots=True)
class Returned:
    """The last end of an alert: when it was, and how often it had returned."""

    resolved_at: datetime
    returns: int


@dataclass(frozen=True, slots=True)
class AlertRound:
    """What one round changes: alerts to store, to delete, and to send."""

    stored: tuple[Alert, ...] = ()
    deleted: tuple[Alert, ...] = ()
    notices: tuple[Notice, ...] = ()


def next_round(
    known: Iterable[Alert],
    found: Iterable[AlertCondition],
    ended: Mapping[AlertKey, Returned],
    terms: CourseTerms,
    now: datetime,
) -> AlertRound:
    """Return what a round at *now* changes.

    *known* are the open alerts, *found* the conditions that hold, and *ended* the
    latest end of each alert that was raised and is over.
    """
    by_key = {one.condition.key: one for one in known}
    present = {one.key: one for one in found}
    stored: list[Alert] = []
    deleted: list[Alert] = []
    notices: list[Notice] = []
    for key, condition in present.items():
        old = by_key.get(key) or _opened(condition, ended.get(key), now)
        alert, notice = _lasting(replace(old, condition=condition), terms, now)
        stored.append(alert)
        notices += [notice] if notice else []
    for key in by_key.keys() - present.keys():
        alert = by_key[key]
        if alert.raised_at is None:
            deleted.append(alert)
        elif now - _absent_since(alert, terms) >= _patience(alert, terms):
            stored.append(replace(alert, resolved_at=now))
            if alert.notified_at and _may_send(alert, terms):
                notices.append(Notice(NoticeKind.RECOVERED, stored[-1]))
    return AlertRound(tuple(stored), tuple(deleted), tuple(notices))


def _opened(condition: AlertCondition, last: Returned | None, now: datetime) -> Alert:
    returns = 0
    if last is not None and now - last.resolved_at < RETURNS_WITHIN:
        returns = last.returns + 1
    return Alert(condition=condition, opened_at=now, seen_at=now, returns=returns)


def _lasting(
    alert: Alert, terms: CourseTerms, now: datetime
) -> tuple[Alert, Notice | None]:
    """Return an alert whose condition holds, and the notice that it needs."""
    alert = replace(alert, seen_at=now)
    if alert.raised_at is None:
        if now - alert.opened_at < alert.condition.after:
            return alert, None
        alert = replace(alert, raised_at=now)
    if not _may_send(alert, terms):
        return alert, None
    if alert.notified_at is None:
        alert = replace(alert, notified_at=now)
        return alert, Notice(NoticeKind.OPENED, alert)
    if now - alert.notified_at >= terms.remind:
        alert = replace(alert, notified_at=now)
        return alert, Notice(NoticeKind.REMINDER, alert)
    return alert, None


def _may_send(alert: Alert, terms: CourseTerms) -> bool:
    return terms.has_channel and not terms.is_muted(alert.condition)


def _absent_since(alert: Alert, terms: CourseTerms) -> datetime:
    return max(alert.seen_at, terms.watched_since or alert.seen_at)


def _patience(alert: Alert, terms: CourseTerms) -> timedelta:
    """Return how long a condition must stay away until its alert is over."""
    doubled: timedelta = terms.recover * 2 ** min(alert.returns, MOST_DOUBLINGS)
    return doubled
