"""What an answer does to the gates of its account; pure but for the row it amends.

A gate belongs to an account: 401 and 403 close one kind of call, 429 and 503
everything for a while, and an outage lets one call at a time through.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from relay.clock import micros
from relay.store.accounts import AccountState

SAME_REFUSALS: Final = 10
"""So many refusals in a row with the same words pause the account."""

Amend = Callable[[AccountState], None]


def accepted(now: datetime) -> Amend:
    """Open the gates: a write was accepted."""

    def amend(state: AccountState) -> None:
        state.accepted_at = micros(now)
        state.outage_since = state.probe_at = None
        state.write_closed = state.write_retry_at = None
        state.refused_words, state.refused_count = None, 0

    return amend


def answered(state: AccountState) -> None:
    """Note that VTEX answered a read: it can be reached, and shows orders."""
    state.outage_since = state.probe_at = None
    state.read_closed = state.read_retry_at = None


def unavailable(now: datetime) -> Amend:
    """Let one call at a time try: VTEX gave no answer worth the name."""

    def amend(state: AccountState) -> None:
        if state.outage_since is None:
            state.outage_since = micros(now)

    return amend


def busy(now: datetime, wait: float | None, least: timedelta, most: timedelta) -> Amend:
    """Leave VTEX alone for as long as it says, within bounds."""
    asked = timedelta(seconds=wait or 0)
    until = micros(now + min(max(asked, least), most))

    def amend(state: AccountState) -> None:
        state.busy_until = max(state.busy_until or 0, until)

    return amend


def write_forbidden(words: str, now: datetime, retry: timedelta) -> Amend:
    """Close the gate of writes: one call now and then tries."""

    def amend(state: AccountState) -> None:
        state.write_closed = words
        state.write_retry_at = micros(now + retry)

    return amend


def read_forbidden(words: str, now: datetime, retry: timedelta) -> Amend:
    """Close the gate of reads: go on without, look again later."""

    def amend(state: AccountState) -> None:
        state.read_closed = words
        state.read_retry_at = micros(now + retry)

    return amend


def refused(words: str) -> Amend:
    """Count a refusal: the tenth alike says that it is the account."""

    def amend(state: AccountState) -> None:
        same = state.refused_words == words
        state.refused_words = words
        state.refused_count = state.refused_count + 1 if same else 1
        if state.refused_count >= SAME_REFUSALS:
            state.paused_because = (
                f"{SAME_REFUSALS} shipments in a row were refused alike: {words}"
            )

    return amend


def spend(state: AccountState) -> None:
    """Owe a claim's further call: the next claims wait for it."""
    state.permits -= 1_000_000


def can_read(state: AccountState, now: datetime) -> bool:
    """Whether an order may be read: the gate is open, or it is time to try."""
    return state.read_closed is None or (state.read_retry_at or 0) <= micros(now)
