"""How a claim ends: settled, postponed, stuck or unconfirmed; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from relay.clock import micros
from relay.config.sections import PublisherSettings
from relay.domain.events import Milestone
from relay.domain.outgoing_events import Subscriptions
from relay.domain.shipment import Policy, Snapshot
from relay.outbound.gates import Amend
from relay.outbound.steps import Rest
from relay.records import record
from relay.store.accounts import AccountState
from relay.store.codec import stored
from relay.store.database import Row
from relay.store.lanes import BACKLOG, EVENTS
from relay.store.snapshots import Change, Claim, Limits
from relay.text import storable
from relay.vtex.client import VtexAccount

LONGEST_REASON: Final = 300


@record
class Settlement:
    """What is stored of the shipment when its lease ends.

    `unconfirmed`: a write may have been carried out. `counts`: the attempt counts
    towards `max_attempts`. `failed`: the shipment did not get through.
    """

    due_at: datetime | None = None
    not_before: datetime | None = None
    waiting_reason: str | None = None
    stuck_reason: str | None = None
    closes_because: str | None = None
    unconfirmed: bool = False
    counts: bool = False
    failed: bool = False


@record
class Outcome:
    """What an answer changes: the claim, the stored rows and the account's gates.

    `settlement` is None if another step follows, planned from `claim`. `alert` is for
    the operator.
    """

    claim: Claim
    changes: tuple[Change, ...] = ()
    amend: Amend | None = None
    settlement: Settlement | None = None
    alert: str | None = None


def rest(step: Rest) -> Settlement:
    """Settle a shipment for which no call is needed now."""
    return Settlement(
        due_at=step.next_at,
        waiting_reason=step.waiting_reason,
        closes_because=step.closes_because,
        stuck_reason=step.stuck_reason,
    )


def postponed(
    until: datetime, because: str, *, counts: bool = False, unconfirmed: bool = False
) -> Settlement:
    """Try again at *until*; new events do not make it earlier."""
    return Settlement(
        due_at=until,
        not_before=until,
        waiting_reason=because,
        counts=counts,
        failed=True,
        unconfirmed=unconfirmed,
    )


def stuck(because: str) -> Settlement:
    """Leave the shipment to an operator."""
    return Settlement(stuck_reason=because, failed=True, counts=True)


def settle_change(claim: Claim, settlement: Settlement, now: datetime) -> Change:
    """Return the change that stores a settlement and gives the lease back."""
    snapshot = claim.snapshot
    failing = claim.failing_since or now if settlement.failed else None
    values: Mapping[str, Any] = {
        "shipment": snapshot.shipment,
        "version": claim.version,
        "now": micros(now),
        "due_at": stored(settlement.due_at),
        "not_before": stored(settlement.not_before),
        "lane": BACKLOG if _may_wait(snapshot, settlement) else EVENTS,
        "attempts": _attempts(claim, settlement),
        "failing_since": stored(failing),
        "waiting_reason": settlement.waiting_reason,
        "stuck_reason": settlement.stuck_reason,
        "closed_reason": _closed_reason(claim, settlement),
        "in_doubt": int(settlement.unconfirmed),
    }
    return ("settle", values)


_IN_ONE: Final = frozenset({"accept_publishing", "count_update", "settle"})


def in_one_update(changes: Sequence[Change]) -> Sequence[Change]:
    """Return a claim's *changes* with accepted events and the settlement in one.

    All of `_IN_ONE` update the shipment's row, which nearly every claim ends with.
    """
    found = {query: row for query, row in changes if query in _IN_ONE}
    if len(found) < len(_IN_ONE) or found["settle"]["in_doubt"]:
        return changes
    row = {name: value for one in found.values() for name, value in one.items()}
    others = [c for c in changes if c[0] not in _IN_ONE]
    return [*others, ("settle_published", row)]


def failed_change(
    row: Row, error: Exception, until: datetime, now: datetime, *, gives_up: bool
) -> Change:
    """Return the change that postpones a shipment that could not be planned.

    It uses the row alone, because its snapshot may be what failed. With *gives_up* the
    shipment is left to an operator.
    """
    because = storable(f"internal error: {type(error).__name__}: {error}")
    because = because[:LONGEST_REASON]
    values = {
        "shipment": row["shipment"],
        "now": micros(now),
        "until": micros(until),
        "lane": BACKLOG,
        "reason": because,
        "stuck_reason": because if gives_up else None,
    }
    return ("postpone_failed", values)


def _closed_reason(claim: Claim, settlement: Settlement) -> str | None:
    """Return why the shipment is closed; a published delivery keeps it closed."""
    if claim.snapshot.delivered_published:
        return Milestone.DELIVERED.value
    return settlement.closes_because


def _may_wait(snapshot: Snapshot, settlement: Settlement) -> bool:
    """Whether parcels that move now go first: it failed, is past, or is only read."""
    is_read = settlement.due_at is not None and (
        settlement.due_at == snapshot.read_back.at
    )
    return settlement.failed or snapshot.uncompared or is_read


def _attempts(claim: Claim, settlement: Settlement) -> int:
    """Return the attempts that count: not those that failed for the account's sake."""
    if not settlement.failed:
        return 0
    return claim.attempts if settlement.counts else max(claim.attempts - 1, 0)


NOT_YET_CAP: Final = timedelta(hours=6)
"""The longest wait between two checks for an order or invoice unknown to VTEX."""
UNAVAILABLE_CAP: Final = timedelta(minutes=15)
"""The longest wait between two attempts while VTEX cannot answer."""


def slower(
    since: datetime | None, now: datetime, *, least: timedelta, most: timedelta
) -> timedelta:
    """Return half the time since the first failure, between *least* and *most*."""
    failing = now - since if since else timedelta(0)
    return min(most, max(least, failing / 2))


def fails_too_long(claim: Claim, now: datetime, waits: PublisherSettings) -> bool:
    """Whether VTEX has not known the invoice for so long that an operator is needed."""
    since = claim.failing_since
    return since is not None and now - since > waits.not_yet_hours


def not_yet(
    claim: Claim,
    now: datetime,
    waits: PublisherSettings,
    because: str,
    *,
    least: timedelta | None = None,
) -> Settlement:
    """Wait for an order or invoice at growing intervals, for days; then it is stuck.

    *least* is the first wait, by default `not_yet_seconds`.
    """
    if fails_too_long(claim, now, waits):
        return stuck(because)
    shortest = waits.not_yet_seconds if least is None else least
    wait = slower(claim.failing_since, now, least=shortest, most=NOT_YET_CAP)
    return postponed(now + wait, because)


def backoff(
    attempts: int, jitter: float, *, least: timedelta, most: timedelta
) -> timedelta:
    """Return a wait that doubles with every attempt; *jitter* is 0 to 1."""
    # The exponent is bounded, or a large count would overflow a timedelta.
    doubled: timedelta = least * 2 ** min(max(attempts - 1, 0), 20)
    return min(most, doubled) * (0.5 + jitter / 2)


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """One account: how to call it, how fast, and when to read back what was sent.

    `shadow`: nothing is written. `adopt_invoice_number`: use VTEX's form of a number.
    """

    vtex: VtexAccount
    limits: Limits
    shadow: bool = False
    adopt_invoice_number: bool = False
    read_back: Literal["off", "deliveries", "all"] = "all"
    read_backs_per_day: int = 5000


@record
class OutcomeContext:
    """What an outcome depends on besides the answer; `jitter` is 0 to 1."""

    now: datetime
    terms: AccountTerms
    policy: Policy
    waits: PublisherSettings
    state: AccountState
    jitter: float


@dataclass(frozen=True, slots=True)
class PublisherTerms:
    """The settings that the publisher needs.

    `policy` returns the settings of an account and a contract; `subscriptions` are what
    receivers of outgoing events want.
    """

    accounts: Mapping[str, AccountTerms]
    policy: Callable[[str, str], Policy]
    waits: PublisherSettings = field(default_factory=PublisherSettings)
    subscriptions: Subscriptions = ()
