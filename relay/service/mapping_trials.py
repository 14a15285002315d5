"""What a change of a code's meaning would change: the order, and the findings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from relay.adapters.protocol import Carrier
from relay.domain.events import Milestone
from relay.domain.shipment import Policy
from relay.errors import Conflict

PolicyOf = Callable[[str, str], Policy]
"""Returns the policy of an account and a contract."""


@dataclass(frozen=True, slots=True)
class TrialOrder:
    """A change to try: the code of a contract, and the adapter as it would be.

    `removal`: the code has a meaning now, and would lose it.
    """

    contract: str
    code: str
    adapter: Carrier
    policy: PolicyOf
    removal: bool = False


@dataclass(frozen=True, slots=True)
class EventChange:
    """How many events would change from one milestone to another one."""

    before: Milestone
    after: Milestone
    events: int


@dataclass(frozen=True, slots=True)
class PreviewedEvent:
    """An event that would be published, or no longer."""

    occurred_at: datetime
    milestone: Milestone
    text: str


@dataclass(frozen=True, slots=True)
class ShipmentOutlook:
    """What would change for one shipment.

    `published` and `no_longer_published` are events that would be, and would not be any
    more; `kept` were published already, and stay in VTEX. `quarantined` are the reasons
    why events would wait for an operator.
    """

    id: str
    account: str
    order_id: str
    invoice_number: str
    published: tuple[PreviewedEvent, ...]
    no_longer_published: tuple[PreviewedEvent, ...]
    kept: int
    delivered_at: datetime | None
    quarantined: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether anything else would be published than without the change."""
        return bool(self.published or self.no_longer_published or self.delivered_at)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What was found: counts of all, and what changes in the documents tried.

    `complete`: all events with the code were counted. `lost` events have no stored
    document any more, so they stay as they are.
    """

    events: int = 0
    documents: int = 0
    lost: int = 0
    complete: bool = True
    tried: int = 0
    changes: tuple[EventChange, ...] = ()
    unmatched: int = 0
    shipments: tuple[ShipmentOutlook, ...] = ()


TryMapping = Callable[[TrialOrder], Awaitable[TrialResult]]


async def try_nothing(order: TrialOrder) -> TrialResult:
    """Raise `Conflict`: this process parses no documents."""
    raise Conflict(f"cannot parse documents of {order.contract} here")
