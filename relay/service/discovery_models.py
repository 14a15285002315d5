"""What operations on discovery answer, field by field."""

from datetime import datetime

from relay.service.models import ResponseModel


class DiscoveryChannel(ResponseModel):
    """The feed or the hook of an account: what it notifies of, and whether it works.

    `readyAt` is when VTEX last had its configuration, `emptiedAt` when the feed last
    had nothing left, `pingedAt` when VTEX last tested the hook's address.
    """

    filter: str
    ready_at: datetime | None
    problem: str | None
    last_notified_at: datetime | None
    emptied_at: datetime | None = None
    pinged_at: datetime | None = None
    url: str | None = None


class DiscoveredEntry(ResponseModel):
    """An order of which VTEX notified the relay, and what reading it led to."""

    order_id: str
    state: str
    source: str
    notified_at: datetime
    looked_at: datetime | None
    next_look_at: datetime | None
    outcome: str
    detail: str


class DiscoveryEntry(ResponseModel):
    """Discovery of one account: feed, hook, and the orders that wait to be read.

    `lagSeconds` is how long the first of them waits.
    """

    account: str
    mode: str
    feed: DiscoveryChannel | None
    hook: DiscoveryChannel | None
    problem: str | None
    waiting: int
    lag_seconds: int
    orders: tuple[DiscoveredEntry, ...]


class DiscoveryList(ResponseModel):
    """Discovery of the accounts that exist for the caller."""

    accounts: tuple[DiscoveryEntry, ...]
