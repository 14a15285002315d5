"""Outgoing events of alerts: one when an alert opens, one when it is over; pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from relay.domain.alert_course import Alert, AlertRound, CourseTerms
from relay.domain.outgoing_events import OutgoingEvent

OPENED = "alert.opened"
RESOLVED = "alert.resolved"


def alert_events(
    done: AlertRound, terms: CourseTerms, now: datetime
) -> Iterator[OutgoingEvent]:
    """Yield what a round at *now* says to other systems; muted alerts say nothing.

    Unlike messages they need no channel, and there are no reminders.
    """
    for alert in done.stored:
        if terms.is_muted(alert.condition):
            continue
        if alert.raised_at == now:
            yield alert_event(OPENED, alert, alert.since)
        if alert.resolved_at == now:
            yield alert_event(RESOLVED, alert, now)


def alert_event(type_: str, alert: Alert, at: datetime) -> OutgoingEvent:
    """Return one event of *alert*, which happened *at* that time."""
    about = alert.condition
    data: dict[str, Any] = {
        "alert": {
            "kind": str(about.kind),
            "subject": about.subject,
            "account": about.account,
            "contract": about.contract,
            "party": str(about.party),
            "text": about.text,
            "hint": about.hint,
            "command": about.command,
        }
    }
    return OutgoingEvent(type_, at, data, about.account)
