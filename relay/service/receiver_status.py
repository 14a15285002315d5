"""The line of a receiver of outgoing events in the status."""

from collections.abc import Iterator

from relay.logs import counted
from relay.service.outgoing_models import ReceiverEntry
from relay.service.status_models import StatusLine, StatusProblem, line, notable, wrong


def receiver_line(one: ReceiverEntry) -> StatusLine:
    """Return the line of a receiver: whether it works, and what it did not get."""
    text = "took an event" if one.last_delivered_at else "took nothing yet"
    last_good = (text, one.last_delivered_at)
    return line("receiver", one.name, last_good, tuple(_problems(one)))


def _problems(one: ReceiverEntry) -> Iterator[StatusProblem]:
    waiting = f"; {counted(one.waiting, 'event')} waiting" if one.waiting else ""
    if one.state in ("failing", "disabled") and one.since is not None:
        since = f"{one.since:%Y-%m-%d %H:%M} UTC"
        message = f"{one.state} since {since}: {one.reason}{waiting}"
        hint = f"fix the receiver; to try at once: relay outgoing enable {one.name}"
        yield wrong(message, hint)
    if one.failed:
        message = f"{counted(one.failed, 'event')} given up"
        listing = f"relay outgoing list --receiver {one.name} --state failed"
        yield notable(message, f"{listing}; send them again with relay outgoing replay")
