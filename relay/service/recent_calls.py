"""The latest calls to VTEX of each account: how many, how fast, and how they ended."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.store.alert_facts import AlertFactStore
from relay.store.hourly_activity import HourlyActivity, LoggedCall

WITHIN: Final = timedelta(hours=24)
MOST: Final = 5_000
"""Calls of all accounts that are looked at; older ones are left out."""
_SLOW_SHARE: Final = 0.95
_CLIENT_ERRORS: Final = range(400, 500)


@dataclass(frozen=True, slots=True)
class RecentCalls:
    """The calls of one account since `since`; durations are in seconds.

    `refused` were answered 4xx. `failed` were answered 5xx, or not at all. `typical`
    is the median and `slow` the 95th percentile of those that were answered.
    `repaired` shipments were sent again, because VTEX showed something else.
    """

    since: datetime
    calls: int = 0
    refused: int = 0
    failed: int = 0
    typical: float | None = None
    slow: float | None = None
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class RecentCallService:
    """Reads the log of calls; a page costs at most `MOST` rows."""

    context: ServiceContext

    async def by_account(self, caller: Caller) -> Mapping[str, RecentCalls]:
        """Return the calls of the last 24 hours of each account that *caller* sees."""
        database, now = self.context.database, self.context.now()
        calls = await HourlyActivity(database).latest_calls(now - WITHIN, MOST)
        repaired = await AlertFactStore(database).repaired(now - WITHIN)
        since = now - WITHIN if len(calls) < MOST else calls[-1].stored_at
        of_account: defaultdict[str, list[LoggedCall]] = defaultdict(list)
        for call in calls:
            of_account[call.account].append(call)
        return {
            name: _summary(of_account[name], since, repaired.get(name, 0))
            for name in filter(caller.sees, self.context.settings.accounts)
        }


def _summary(
    calls: Sequence[LoggedCall], since: datetime, repaired: int
) -> RecentCalls:
    seconds = sorted(c.seconds for c in calls if c.seconds is not None)
    refused = sum(c.status is not None and c.status in _CLIENT_ERRORS for c in calls)
    failed = sum(not c.status or c.status >= _CLIENT_ERRORS.stop for c in calls)
    return RecentCalls(
        since=since,
        calls=len(calls),
        refused=refused,
        failed=failed,
        typical=_at(seconds, 0.5),
        slow=_at(seconds, _SLOW_SHARE),
        repaired=repaired,
    )


def _at(ordered: Sequence[float], share: float) -> float | None:
    """Return the value below which that share of the *ordered* ones is."""
    return ordered[int(share * (len(ordered) - 1))] if ordered else None
