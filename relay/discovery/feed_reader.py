"""Read the feed: lots of ten, stored durably before they are committed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from relay.clock import Clock, micros
from relay.discovery.calls import AccountCalls, Called, CallResult, DiscoveryTerms
from relay.domain.discovery import parse_notification
from relay.logs import Seldom, logger
from relay.store.discovery import Discovery, DiscoveryState
from relay.vtex.notifications import LOT, NotificationClient

_log = logger(__name__)


@dataclass(slots=True)
class FeedReader:
    """Fetches lots, stores their orders, and commits all of them, ignored ones too."""

    calls: AccountCalls
    client: NotificationClient
    store: Discovery
    clock: Clock
    _seldom: Seldom = field(default_factory=Seldom)

    async def read(self, terms: DiscoveryTerms) -> CallResult | None:
        """Fetch one lot; DONE if the next one may follow at once, None for the last.

        A lot that is stored but not committed is delivered again, and changes nothing.
        """
        if not await self.calls.permitted(terms, 2):
            return None
        key = terms.notifier
        fetched = await self.calls.make(
            terms, "feed", lambda deadline: self.client.lot(key, deadline=deadline)
        )
        items = fetched.payload
        if fetched.result is not CallResult.DONE or not isinstance(items, list):
            return await self._failed(terms, fetched)
        await self._record(terms, [i for i in items if isinstance(i, dict)])
        handles = [i["handle"] for i in items if _has_handle(i)]
        if handles:
            await self._commit(terms, handles)
        return CallResult.DONE if len(items) >= LOT else None

    async def _record(
        self, terms: DiscoveryTerms, items: Sequence[dict[str, Any]]
    ) -> None:
        now = self.clock()
        found = [n for n in map(parse_notification, items) if n is not None]

        def change(state: DiscoveryState) -> None:
            state.feed_problem = None
            state.feed_fetched_at = micros(now)
            if len(items) < LOT:
                state.feed_emptied_at = micros(now)
            if found:
                state.feed_notified_at = micros(now)

        new = await self.store.record(terms.account, "feed", found, now, change)
        if items:
            about = {"account": terms.account, "notifications": len(items)}
            _log.info("feed read", **about, orders_to_read=new)

    async def _commit(self, terms: DiscoveryTerms, handles: Sequence[str]) -> None:
        """Commit what is stored; a lost commit only repeats the notifications."""
        key = terms.notifier
        called = await self.calls.make(
            terms,
            "feed",
            lambda deadline: self.client.commit(key, handles, deadline=deadline),
        )
        if called.result is not CallResult.DONE and self._seldom(terms.account):
            about = {"account": terms.account, "reason": called.problem}
            _log.warning("feed not committed; VTEX delivers it again", **about)

    async def _failed(self, terms: DiscoveryTerms, called: Called) -> CallResult:
        problem = called.problem or "VTEX's answer is not a list of notifications"
        if self._seldom(f"{terms.account} {called.result}"):
            _log.warning("feed not read", account=terms.account, reason=problem)

        def change(state: DiscoveryState) -> None:
            state.feed_problem = problem

        await self.store.change(terms.account, change)
        done = called.result is CallResult.DONE
        return CallResult.REFUSED if done else called.result


def _has_handle(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("handle"), str)
