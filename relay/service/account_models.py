"""What operations on accounts and contracts answer, field by field."""

from datetime import datetime

from relay.service.models import ResponseModel, StoredRow


class Gate(ResponseModel):
    """What is not done for an account, why, and when it is tried again."""

    what: str
    reason: str
    until: datetime | None = None


class AccountEntry(StoredRow):
    """One VTEX account; `gates` are closed, and none means that all is well.

    `due`, `waiting` and `stuck` count shipments. `lastAcceptedAt` is when VTEX
    last accepted a write. `listMode` is what an update does to VTEX's list of events,
    as learned from an order, and `listModeEvidence` what that order showed. Since
    `shadowSince` nothing is written to VTEX.
    """

    name: str
    zone: str
    due: int
    waiting: int
    stuck: int
    gates: tuple[Gate, ...]
    last_accepted_at: datetime | None
    list_mode: str | None = None
    list_mode_evidence: str | None = None
    list_mode_at: datetime | None = None
    shadow_since: datetime | None = None


class AccountList(ResponseModel):
    """The accounts that exist for the caller."""

    accounts: tuple[AccountEntry, ...]


class PollingEntry(ResponseModel):
    """How a carrier is polled: calls of the contract's day, and the circuit breaker.

    `failures` are consecutive; nothing is polled before `pausedUntil`.
    """

    calls_today: int
    daily_quota: int | None
    failures: int
    paused_until: datetime | None
    last_failure: str | None


class RejectionEntry(ResponseModel):
    """The webhooks of a contract that failed verification in the last days.

    `waiting` are stored and can be accepted; `dropped` are not, for lack of room.
    """

    rejected: int
    waiting: int
    dropped: int
    first_at: datetime
    last_at: datetime


class ContractEntry(StoredRow):
    """One configured use of an adapter, without its secrets.

    `webhook` is None for polling-only carriers, `polling` for those never polled,
    `rejections` if no webhook was rejected. `lastHandshakeAt` is when the carrier last
    tested the webhook's address.
    """

    name: str
    adapter: str
    account: str
    accounts: tuple[str, ...]
    verification: str
    tracking_number: str
    courier: str | None
    courier_names: tuple[str, ...]
    tax_ids: tuple[str, ...]
    webhook: str | None
    last_handshake_at: datetime | None
    polling: PollingEntry | None
    rejections: RejectionEntry | None


class ContractList(ResponseModel):
    """The contracts that exist for the caller."""

    contracts: tuple[ContractEntry, ...]


class ErasureAnswer(ResponseModel):
    """How much of an order was redacted.

    Until `emptied`, the database's log still holds it.
    """

    shipments: int
    documents: int
    events: int
    published: int
    calls: int
    invoices: int
    emptied: bool
