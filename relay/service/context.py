"""What every operation needs: settings, adapters, database, clock, wake callbacks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from relay.adapters.protocol import Carrier
from relay.clock import Clock, utcnow
from relay.config.account import AccountSettings
from relay.config.settings import Settings
from relay.domain.shipment import Policy
from relay.errors import Conflict, NotSent
from relay.logs import logger
from relay.problem_codes import ProblemCode
from relay.registration.registrar import Registrar
from relay.service.access import Caller
from relay.service.damage import DamageLog
from relay.service.mapping_trials import PolicyOf, TryMapping, try_nothing
from relay.store.audit import Audit, AuditRecord
from relay.store.database import Database
from relay.store.handovers import Handovers
from relay.store.label_batches import LabelBatches
from relay.store.operator_actions import OperatorActions
from relay.store.shipment_lists import ShipmentLists
from relay.store.shipments import Shipments
from relay.store.unread import ReaderTerms

_log = logger(__name__)


def do_nothing() -> None:
    """Do nothing: no loop runs in this process."""


@dataclass(frozen=True, slots=True)
class WakeCallbacks:
    """Wake the loop that an operation has given work to."""

    publisher: Callable[[], None] = do_nothing
    reader: Callable[[], None] = do_nothing
    poller: Callable[[], None] = do_nothing


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What an operation changed: a log message, its fields, and the caller."""

    did: str
    by: str
    about: Mapping[str, Any]
    alerts: tuple[str, ...] = ()
    through: str = "api"
    reason: str = ""

    @classmethod
    def of(
        cls,
        caller: Caller,
        did: str,
        about: Mapping[str, Any],
        alerts: tuple[str, ...] = (),
    ) -> "AuditEntry":
        """Return what *caller* did, with the caller's reason."""
        return cls(did, caller.name, about, alerts, caller.through, caller.reason)

    def record(self) -> AuditRecord:
        """Return the change as it is stored."""
        about = dict(self.about)
        return AuditRecord(
            self.did,
            self.by,
            self.through,
            self.reason,
            account=about.pop("account", None),
            contract=about.pop("contract", None),
            shipment_id=about.pop("shipment", None),
            details=about,
        )


def log_audit(entry: AuditEntry) -> None:
    """Log a change, and each of its alerts as an error."""
    reason = {"reason": entry.reason} if entry.reason else {}
    _log.info(entry.did, **entry.about, by=entry.by, **reason)
    for alert in entry.alerts:
        _log.error("alert", **entry.about, reason=alert)


@dataclass(frozen=True, slots=True)
class ForwardedAnswer:
    """VTEX's answer to a call that was passed on; `retry_after` is its header.

    The body is not `complete` if it broke off.
    """

    status: int
    body: bytes
    content_type: str = ""
    retry_after: str | None = None
    complete: bool = True


Forward = Callable[[AccountSettings, str, bytes], Awaitable[ForwardedAnswer]]
"""Sends an invoice of an order to VTEX once; raises `VtexError` without an answer."""


async def forward_nothing(
    account: AccountSettings, order_id: str, body: bytes
) -> ForwardedAnswer:
    """Raise `NotSent`: this process does not call VTEX."""
    raise NotSent(f"cannot call {account.name}: {order_id}, {len(body)} bytes")


ReadTracking = Callable[[AccountSettings, str, str], Awaitable[Mapping[str, str]]]
"""Returns the fields of a label that VTEX shows of an order's invoice."""


async def read_nothing(
    account: AccountSettings, order_id: str, invoice_number: str
) -> Mapping[str, str]:
    """Return nothing: this process does not call VTEX."""
    _ = account, order_id, invoice_number
    return {}


def default_policies(settings: Settings) -> PolicyOf:
    """Return the policy by default for everything: this process publishes nothing."""
    zones = {name: account.zone for name, account in settings.accounts.items()}
    return lambda account, _: Policy(zones[account])


@dataclass(slots=True, kw_only=True)
class ServiceContext:
    """What the services share; *settings* are replaced when they are reloaded.

    `carriers` are the adapters by contract. `terms` and `carriers` stay the same
    objects while a reload changes what is in them. `audit` receives every change:
    the API logs it, the command line prints its own result.
    """

    settings: Settings
    carriers: Mapping[str, Carrier]
    database: Database
    terms: ReaderTerms
    clock: Clock = utcnow
    wake: WakeCallbacks = field(default_factory=WakeCallbacks)
    audit: Callable[[AuditEntry], None] = log_audit
    damage: DamageLog = field(default_factory=DamageLog)
    label_batches: LabelBatches = field(default_factory=LabelBatches)
    forward: Forward = forward_nothing
    read_tracking: ReadTracking = read_nothing
    try_mapping: TryMapping = try_nothing
    policies: Callable[[Settings], PolicyOf] = default_policies

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return self.clock()

    def check_not_shadow(self, account: str) -> None:
        """Raise `Conflict` if *account* is in shadow mode, so nothing can be sent."""
        known = self.settings.accounts.get(account)
        if known is not None and known.shadow:
            raise Conflict(
                f"account {account} is in shadow mode, so nothing is written to VTEX; "
                "nothing was sent",
                hint=f"set accounts.{account}.shadow = false first",
                code=ProblemCode.SHADOW_MODE,
            )

    async def record(self, entry: AuditEntry) -> None:
        """Log a change, and store it for the list of changes."""
        self.audit(entry)
        await Audit(self.database).add(entry.record(), self.now())

    @property
    def registrar(self) -> Registrar:
        """The checks of labels and corrections, with the current settings."""
        return Registrar(self.settings, self.carriers)

    @property
    def shipment_lists(self) -> ShipmentLists:
        """The queries that find shipments."""
        return ShipmentLists(self.database)

    @property
    def labels(self) -> Shipments:
        """The store of labels."""
        terms = self.terms
        return Shipments(
            self.database,
            terms.pace,
            terms.lower_bounds,
            terms.adoptions,
            self.settings.subscriptions,
        )

    @property
    def actions(self) -> OperatorActions:
        """The store's changes of a shipment or an event."""
        terms = self.terms
        return OperatorActions(self.database, terms.pace, terms.lower_bounds)

    @property
    def handovers(self) -> Handovers:
        """The store of handovers to a second carrier."""
        return Handovers(self.database, self.terms.pace, self.terms.lower_bounds)
