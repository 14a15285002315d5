"""What a claim is: a shipment taken for a while, and the terms of taking it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from relay.clock import moment
from relay.store.database import Row
from relay.store.spelling import at
from relay.telling.facts import Facts

Change = tuple[str, Mapping[str, Any]]
"""A named query and its values."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A shipment taken for a while, with all that telling depends on."""

    facts: Facts
    lease: str
    lease_until: datetime
    news: int
    attempts: int
    lane: int
    failing_since: datetime | None
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, and how much at once, an account may be called."""

    per_second: float
    burst: int
    in_flight: int
    probe_every: timedelta = timedelta(seconds=10)
    closed_gate: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Taking:
    """The terms of a claim: whose, how many, under which lease."""

    account: str
    wanted: int
    lease: str
    lease_until: datetime
    limits: Limits


def claim_of(row: Row, facts: Facts, *, probe: bool) -> Claim:
    """Put a claimed row and its facts together."""
    return Claim(
        facts=facts,
        lease=row["lease"],
        lease_until=moment(row["lease_until"]),
        news=row["news"],
        attempts=row["attempts"],
        lane=row["lane"],
        failing_since=at(row["failing_since"]),
        probe=probe,
    )


def with_facts(claim: Claim, **changed: Any) -> Claim:
    """Return *claim* after an answer changed what is known."""
    return replace(claim, facts=replace(claim.facts, **changed))
