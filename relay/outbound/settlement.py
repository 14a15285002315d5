"""How a claim ends: at rest, postponed, stuck or in doubt; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.domain.events import Milestone
from relay.domain.shipment import Policy, Snapshot
from relay.outbound.plan import Rest
from relay.store.accounts import AccountState
from relay.store.codec import stored
from relay.store.snapshots import BACKLOG, NEWS, Change, Claim, Limits
from relay.vtex.client import VtexAccount

Amend = Callable[[AccountState], None]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of the shipment when its lease is given back."""

    due_at: datetime | None = None
    not_before: datetime | None = None
    waiting_reason: str | None = None
    stuck_reason: str | None = None
    closes_because: str | None = None
    doubt: bool = False
    counts: bool = False
    failed: bool = False


def rest(step: Rest) -> Settlement:
    """Settle a shipment of which VTEX knows all that may be told."""
    return Settlement(
        due_at=step.next_at,
        waiting_reason=step.waiting_reason,
        closes_because=step.closes_because,
        stuck_reason=step.stuck_reason,
    )


def postponed(
    until: datetime, because: str, *, counts: bool = False, doubt: bool = False
) -> Settlement:
    """Try again at *until*; news does not move that."""
    return Settlement(
        due_at=until,
        not_before=until,
        waiting_reason=because,
        counts=counts,
        failed=True,
        doubt=doubt,
    )


def stuck(because: str) -> Settlement:
    """Leave the shipment to a person."""
    return Settlement(stuck_reason=because, failed=True, counts=True)


def settle_change(claim: Claim, settlement: Settlement, now: datetime) -> Change:
    """Return the row that `settle` writes."""
    snapshot = claim.snapshot
    failing = claim.failing_since or now if settlement.failed else None
    values: Mapping[str, Any] = {
        "shipment": snapshot.shipment,
        "version": claim.version,
        "now": micros(now),
        "due_at": stored(settlement.due_at),
        "not_before": stored(settlement.not_before),
        "lane": BACKLOG if settlement.failed or _backward(snapshot) else NEWS,
        "attempts": _attempts(claim, settlement),
        "failing_since": stored(failing),
        "waiting_reason": settlement.waiting_reason,
        "stuck_reason": settlement.stuck_reason,
        "closed_reason": _closes(claim, settlement),
        "in_doubt": int(settlement.doubt),
    }
    return ("settle", values)


def _closes(claim: Claim, settlement: Settlement) -> str | None:
    """Return why the shipment is closed: what was told as delivered stays so."""
    if claim.snapshot.delivered_published:
        return Milestone.DELIVERED.value
    return settlement.closes_because


def _backward(snapshot: Snapshot) -> bool:
    """Whether what is to be told is history: parcels that move now go first."""
    return snapshot.imported and not snapshot.compared


def _attempts(claim: Claim, settlement: Settlement) -> int:
    """Count what failed for the shipment's sake; give other counts back."""
    if not settlement.failed:
        return 0
    return claim.attempts if settlement.counts else max(claim.attempts - 1, 0)


def slower(
    since: datetime | None, now: datetime, *, least: timedelta, most: timedelta
) -> timedelta:
    """Return a wait that grows with how long a thing has been failing."""
    failing = now - since if since else timedelta(0)
    return min(most, max(least, failing / 2))


def backoff(
    attempts: int, jitter: float, *, least: timedelta, most: timedelta
) -> timedelta:
    """Return a wait that doubles with every try, with *jitter* in 0 … 1."""
    doubled: timedelta = least * 2 ** min(max(attempts - 1, 0), 20)
    return min(most, doubled) * (0.5 + jitter / 2)


SAME_REFUSALS: Final = 10
"""So many refusals in a row with the same words pause the account."""


def accepted(now: datetime) -> Amend:
    """Open the gates: a write was accepted."""

    def amend(state: AccountState) -> None:
        state.accepted_at = micros(now)
        state.outage_since = state.probe_at = None
        state.write_closed = state.write_retry_at = None
        state.refused_message, state.refused_count = None, 0

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
        same = state.refused_message == words
        state.refused_message = words
        state.refused_count = state.refused_count + 1 if same else 1
        if state.refused_count >= SAME_REFUSALS:
            state.paused_reason = (
                f"{SAME_REFUSALS} shipments in a row were refused alike: {words}"
            )

    return amend


def spend(state: AccountState) -> None:
    """Owe a claim's further call: the next claims wait for it."""
    state.permits -= 1_000_000


def can_read(state: AccountState, now: datetime) -> bool:
    """Whether an order may be read: the gate is open, or it is time to try."""
    return state.read_closed is None or (state.read_retry_at or 0) <= micros(now)


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """One account: how to call it, how fast, and what it is told in general."""

    vtex: VtexAccount
    limits: Limits
    adopt_invoice_number: bool = False


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the publisher waits for what."""

    quiet: timedelta = timedelta(seconds=3)
    unread: timedelta = timedelta(seconds=60)
    deadline: timedelta = timedelta(seconds=45)
    lease_margin: timedelta = timedelta(seconds=15)
    doubt: timedelta = timedelta(seconds=90)
    look_round: timedelta = timedelta(seconds=1)
    gate: timedelta = timedelta(seconds=60)
    gate_cap: timedelta = timedelta(hours=1)
    closed_gate: timedelta = timedelta(minutes=10)
    not_yet: timedelta = timedelta(seconds=30)
    not_yet_cap: timedelta = timedelta(hours=6)
    not_yet_for: timedelta = timedelta(hours=72)
    read_back_again: timedelta = timedelta(minutes=10)
    unavailable: timedelta = timedelta(seconds=10)
    unavailable_cap: timedelta = timedelta(minutes=15)
    max_attempts: int = 12


@dataclass(frozen=True, slots=True)
class PublisherTerms:
    """Everything configured that the publisher asks for."""

    accounts: Mapping[str, AccountTerms]
    policy: Callable[[str, str], Policy]
    waits: Waits = field(default_factory=Waits)
    in_flight: int = 8
