"""What a receiver's answer means for a delivery and for the receiver; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from relay.domain.outgoing_events import LONGEST_WAIT, retry_wait
from relay.store.outgoing_claims import DeliveryOutcome, DueDelivery

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=5)
"""The longest pause of a failing receiver: soon after it works again it is noticed."""
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """An answer; `status` is None, and `error` says why, if there was none.

    `retry_after` is in seconds.
    """

    status: int | None = None
    error: str | None = None
    retry_after: float | None = None


def outcome(
    due: DueDelivery,
    answer: ReceiverAnswer,
    failures: int,
    now: datetime,
    jitter: float,
) -> DeliveryOutcome:
    """Return what an answer means; *jitter* is 0 to 1.

    Every 2xx is a success. 410 disables the receiver. No answer, 5xx, 408 and 429 are
    the receiver's own trouble, and pause it; any other answer is about this event.
    *failures* are those of the receiver in a row. A delivery is tried a last time when
    its three days end.
    """
    status = answer.status
    if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return DeliveryOutcome(status)
    error = answer.error or _error(status)
    if status == HTTPStatus.GONE:
        return DeliveryOutcome(status, error, gone=True)
    asked = timedelta(
        seconds=min(answer.retry_after or 0, LONGEST_WAIT.total_seconds())
    )
    wait = max(retry_wait(due.attempts, jitter), asked)
    next_at = None if now >= due.give_up_at else min(now + wait, due.give_up_at)
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY:
        pause = max(_pause(failures), asked)
        return DeliveryOutcome(status, error, next_at, pause_until=now + pause)
    return DeliveryOutcome(status, error, next_at)


def _pause(failures: int) -> timedelta:
    doubled: timedelta = FIRST_PAUSE * 2 ** min(failures, 10)
    return min(doubled, LONGEST_PAUSE)


def _error(status: int | None) -> str:
    if status is not None and status < HTTPStatus.BAD_REQUEST:
        return f"answered {status}: redirects are not followed; correct the address"
    return f"answered {status}"
