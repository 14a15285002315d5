"""How a claim ends: at rest, postponed, stuck or in doubt; pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from relay.clock import micros
from relay.publisher.steps import Rest
from relay.store.accounts import AccountState
from relay.store.claimed import Change, Claim
from relay.store.lanes import BACKLOG, NEWS
from relay.store.spelling import stored
from relay.telling.facts import Facts
from relay.tracking import Milestone

Amend = Callable[[AccountState], None]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of the shipment when its lease is given back."""

    due_at: datetime | None = None
    not_before: datetime | None = None
    waiting_because: str | None = None
    stuck_because: str | None = None
    closes_because: str | None = None
    doubt: bool = False
    counts: bool = False
    failed: bool = False


def rest(step: Rest) -> Settlement:
    """Settle a shipment of which VTEX knows all that may be told."""
    return Settlement(
        due_at=step.next_at,
        waiting_because=step.waiting_because,
        closes_because=step.closes_because,
        stuck_because=step.stuck_because,
    )


def postponed(
    until: datetime, because: str, *, counts: bool = False, doubt: bool = False
) -> Settlement:
    """Try again at *until*; news does not move that."""
    return Settlement(
        due_at=until,
        not_before=until,
        waiting_because=because,
        counts=counts,
        failed=True,
        doubt=doubt,
    )


def stuck(because: str) -> Settlement:
    """Leave the shipment to a person."""
    return Settlement(stuck_because=because, failed=True, counts=True)


def settle_change(claim: Claim, settlement: Settlement, now: datetime) -> Change:
    """Return the row that `settle` writes."""
    facts = claim.facts
    failing = claim.failing_since or now if settlement.failed else None
    values: Mapping[str, Any] = {
        "shipment": facts.shipment,
        "news": claim.news,
        "now": micros(now),
        "due_at": stored(settlement.due_at),
        "not_before": stored(settlement.not_before),
        "lane": BACKLOG if settlement.failed or _backward(facts) else NEWS,
        "attempts": _attempts(claim, settlement),
        "failing_since": stored(failing),
        "waiting_because": settlement.waiting_because,
        "stuck_because": settlement.stuck_because,
        "closed_because": _closes(claim, settlement),
        "doubt": int(settlement.doubt),
    }
    return ("settle", values)


def _closes(claim: Claim, settlement: Settlement) -> str | None:
    """Return why the shipment is closed: what was told as delivered stays so."""
    if claim.facts.delivered_told:
        return Milestone.DELIVERED.value
    return settlement.closes_because


def _backward(facts: Facts) -> bool:
    """Whether what is to be told is history: parcels that move now go first."""
    return facts.imported and not facts.compared


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
