"""What alerts are judged by: one view of accounts, contracts, processes and disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from relay.domain.rhythm import Rhythm


class AlertKind(StrEnum):
    """What an alert is about."""

    CONTRACT_SILENT = "contract_silent"
    POLLS_FAILING = "polls_failing"
    PARCELS_STOPPED = "parcels_stopped"
    GATE_CLOSED = "gate_closed"
    STUCK_GROWING = "stuck_growing"
    WEBHOOKS_REJECTED = "webhooks_rejected"
    QUOTA_NEARLY_SPENT = "quota_nearly_spent"
    DISK_NEARLY_FULL = "disk_nearly_full"
    VTEX_DIFFERS = "vtex_differs"
    DISCOVERY_BROKEN = "discovery_broken"
    LOOP_FAILING = "loop_failing"


Party = Literal["relay", "vtex", "carrier"]
"""Whose fault it is: this service, VTEX or the carrier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTerms:
    """From when on a fact is worth an alert; 0 turns a count off."""

    gate: timedelta = timedelta(minutes=5)
    loop: timedelta = timedelta(minutes=3)
    poll_failures: int = 5
    parcels: int = 10
    parcels_days: int = 7
    stuck: int = 3
    rejected: int = 3
    quota_percent: int = 90
    disk_free_mb: int = 1024
    differences: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFacts:
    """One contract: when its carrier last called, and how its polls go.

    `silent_after` is the setting that replaces the rhythm. `stopped` are open
    shipments without a scan for days, `used` the polls of today. `received_at` is
    that of the latest webhook that was accepted. The relay runs without a break since
    `watched_since`: a silence before proves nothing.
    """

    name: str
    takes_webhooks: bool = True
    open: int = 0
    stopped: int = 0
    received_at: datetime | None = None
    rhythm: Rhythm | None = None
    watched_since: datetime | None = None
    silent_after: timedelta | None = None
    rejected: int = 0
    poll_failures: int = 0
    answered_at: datetime | None = None
    used: int = 0
    quota: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """One account: closed gates, and counts of what needs a person.

    `stuck` are shipments and invoices, `newly_stuck` those of the last hour.
    """

    name: str
    gates: frozenset[str] = frozenset()
    stuck: int = 0
    newly_stuck: int = 0
    differences: int = 0
    read_backs: int = 0
    read_back_quota: int = 0
    discovery_broken: bool = False


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """All facts of one moment.

    `processes` are the reasons not to be ready of each process, as `/readyz` shows
    them. `free_mb` is of the disk of an SQLite file, None for PostgreSQL.
    """

    contracts: Sequence[ContractFacts] = ()
    accounts: Sequence[AccountFacts] = ()
    processes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    free_mb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCondition:
    """Something that is wrong now, and what to do about it.

    `subject` tells conditions of one kind apart. The text and the hint are the
    relay's own words: messages of carriers and VTEX may hold personal data. The
    condition must hold for `after` before it becomes an alert.
    """

    kind: AlertKind
    subject: str
    party: Party
    text: str
    hint: str
    command: str
    page: str
    account: str | None = None
    contract: str | None = None
    since: datetime | None = None
    after: timedelta = timedelta(0)

    @property
    def key(self) -> tuple[AlertKind, str]:
        """What identifies the alert."""
        return self.kind, self.subject
