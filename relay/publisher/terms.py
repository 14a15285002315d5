"""What the publisher needs to know of settings, in its own words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from relay.store.claimed import Limits
from relay.telling.facts import Policy
from relay.vtex.client import VtexAccount


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
class Terms:
    """Everything configured that the publisher asks for."""

    accounts: Mapping[str, AccountTerms]
    policy: Callable[[str, str], Policy]
    waits: Waits = field(default_factory=Waits)
    in_flight: int = 8
