"""The gates of an account: what VTEX's answers mean for all its shipments; pure.

A gate that is closed stops calls of its kind for the whole account: retrying each
shipment by itself would prolong VTEX's throttling (VTEX: orders feed guide).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros
from relay.store.accounts import CALL, AccountState

SUSPICION: Final = timedelta(hours=1)
"""How long a failed write keeps an outage going: longer than the longest pause between
two tries, so only a write that is not tried again is forgotten."""

Amend = Callable[[AccountState], None]
"""Changes the gates of an account, in the transaction that stores the answer."""

SAME_REFUSALS: Final = 10
"""This many refusals in a row with the same message pause the account."""


def accepted(now: datetime) -> Amend:
    """Open the gates for writes: one was accepted."""

    def amend(state: AccountState) -> None:
        state.accepted_at = micros(now)
        state.outage_since = state.probe_at = state.write_suspected_at = None
        state.write_closed = state.write_retry_at = None
        state.refused_message, state.refused_count = None, 0

    return amend


def answered(now: datetime) -> Amend:
    """Open the gate for reads, and end an outage, unless writes fail still.

    VTEX answered a read. That proves nothing about writes: while one failed a short
    time ago, only the next accepted one ends the outage.
    """

    def amend(state: AccountState) -> None:
        state.read_closed = state.read_retry_at = None
        suspected_at = state.write_suspected_at
        if suspected_at is None or suspected_at < micros(now - SUSPICION):
            state.outage_since = state.probe_at = state.write_suspected_at = None

    return amend


def unavailable(now: datetime, *, write: bool = False) -> Amend:
    """Start an outage: from now on only one call at a time is tried.

    *write*: a write failed, so a read that is answered does not end the outage.
    """

    def amend(state: AccountState) -> None:
        if state.outage_since is None:
            state.outage_since = micros(now)
        if write:
            state.write_suspected_at = micros(now)

    return amend


def busy(now: datetime, wait: float | None, least: timedelta, most: timedelta) -> Amend:
    """Pause as long as VTEX requests, *wait* seconds, between *least* and *most*."""
    asked = timedelta(seconds=wait or 0)
    until = micros(now + min(max(asked, least), most))

    def amend(state: AccountState) -> None:
        state.busy_until = max(state.busy_until or 0, until)

    return amend


def write_forbidden(message: str, now: datetime, retry: timedelta) -> Amend:
    """Close the gate for writes; one call is tried after *retry*."""

    def amend(state: AccountState) -> None:
        state.write_closed = message
        state.write_retry_at = micros(now + retry)
        state.write_suspected_at = None

    return amend


def read_forbidden(message: str, now: datetime, retry: timedelta) -> Amend:
    """Close the gate for reads; writes go on without order checks."""

    def amend(state: AccountState) -> None:
        state.read_closed = message
        state.read_retry_at = micros(now + retry)

    return amend


def refused(message: str) -> Amend:
    """Count a refusal; the tenth with the same message pauses the account.

    Ten alike point to the account or its settings, not to the shipments.
    """

    def amend(state: AccountState) -> None:
        same = state.refused_message == message
        state.refused_message = message
        state.refused_count = state.refused_count + 1 if same else 1
        if state.refused_count >= SAME_REFUSALS:
            state.paused_reason = (
                f"{SAME_REFUSALS} shipments in a row were refused alike: {message}"
            )

    return amend


def both(first: Amend, second: Amend | None) -> Amend:
    """Return the change that makes *first* and then *second*."""

    def amend(state: AccountState) -> None:
        first(state)
        if second is not None:
            second(state)

    return amend if second is not None else first


def spend(state: AccountState) -> None:
    """Take the permit for a claim's further call; later claims wait for it."""
    state.permits -= CALL


def can_read(state: AccountState, now: datetime) -> bool:
    """Whether an order may be read: the gate is open, or it is time for a try."""
    return state.read_closed is None or (state.read_retry_at or 0) <= micros(now)
