"""The loop of discovery: feed, hook and orders of every account."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from relay.clock import Clock
from relay.discovery.calls import (
    AccountCalls,
    CallResult,
    DiscoveryTerms,
    OnCall,
    ignore_call,
)
from relay.discovery.feed_reader import FeedReader
from relay.discovery.order_reader import OrderReader
from relay.discovery.subscriptions import SubscriptionKeeper
from relay.health import Health
from relay.logs import logger
from relay.loops import LoopTiming, is_outage, run_forever
from relay.service.services import Services
from relay.store.accounts import Accounts
from relay.store.discovery import Discovery
from relay.vtex.client import VtexClient
from relay.vtex.notifications import NotificationClient

LOOP: Final = "discoverer"
CHECK_INTERVAL: Final = timedelta(seconds=1)
SILENCE_LIMIT: Final = timedelta(minutes=15)
"""A round may wait for several calls that VTEX does not answer."""
FETCH_EVERY: Final = timedelta(seconds=15)
FETCH_AFTER_FAILURE: Final = timedelta(minutes=1)
MOST_PER_ROUND: Final = 20
"""Orders of one account that are read before its feed is fetched again."""
_log = logger(__name__)


@dataclass(slots=True)
class Discoverer:
    """Finds parcels in VTEX; `step` is one round of all accounts, `run` repeats it."""

    keeper: SubscriptionKeeper
    feeds: FeedReader
    orders: OrderReader
    terms: Mapping[str, DiscoveryTerms]
    clock: Clock
    health: Health = field(default_factory=Health)
    _fetches: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        vtex: VtexClient,
        services: Services,
        health: Health,
        on_call: OnCall = ignore_call,
    ) -> Self:
        """Return the loop over a client of VTEX and the services, without accounts."""
        clock, database = services.context.clock, services.context.database
        calls = AccountCalls(Accounts(database), clock, on_call)
        client, store = NotificationClient(vtex), Discovery(database)
        return cls(
            SubscriptionKeeper(calls, client, store, clock),
            FeedReader(calls, client, store, clock),
            OrderReader(calls, vtex, store, services, clock),
            {},
            clock,
            health,
        )

    def reload(self, terms: Mapping[str, DiscoveryTerms]) -> None:
        """Use other settings; configurations at VTEX are checked at once."""
        self.terms = terms
        self.keeper.forget()
        self._fetches.clear()

    async def run(self) -> None:
        """Work until cancelled."""
        timing = LoopTiming(CHECK_INTERVAL, SILENCE_LIMIT)
        await run_forever(LOOP, self.step, self.health, timing)

    async def step(self) -> int:
        """Do what is due for every account; return how many orders were read.

        An account that fails or that VTEX does not answer does not stop the others.
        Raises their errors in the end.
        """
        accounts = list(self.terms.values())
        found = await asyncio.gather(
            *(self._round(terms) for terms in accounts), return_exceptions=True
        )
        errors = [e for e in found if isinstance(e, Exception)]
        for error in found:
            if isinstance(error, BaseException) and not isinstance(error, Exception):
                raise error
        if errors:
            raise ExceptionGroup("discovery of some accounts failed", errors)
        return sum(n for n in found if isinstance(n, int))

    async def settle_all(self) -> None:
        """Work until nothing is due at the clock's current time."""
        while await self.step():
            pass

    async def _round(self, terms: DiscoveryTerms) -> int:
        try:
            await self.keeper.keep(terms)
            if terms.feed is not None and self.keeper.ready(terms.account, "feed"):
                await self._fetch(terms)
            return await self._read(terms)
        except Exception as error:
            if not is_outage(error):
                _log.exception("discovery failed", account=terms.account)
            raise

    async def _fetch(self, terms: DiscoveryTerms) -> None:
        """Fetch the feed if it is time; a full lot is followed by the next one."""
        account, now = terms.account, self.clock()
        if self._fetches.get(account, now) > now:
            return
        result: CallResult | None = CallResult.DONE
        for _ in range(MOST_PER_ROUND):
            result = await self.feeds.read(terms)
            if result is not CallResult.DONE:
                break
        if result in {CallResult.MISSING, CallResult.FORBIDDEN}:
            self.keeper.forget(account)
        if result is CallResult.DONE:
            return
        wait = FETCH_EVERY if result is None else FETCH_AFTER_FAILURE
        self._fetches[account] = now + wait

    async def _read(self, terms: DiscoveryTerms) -> int:
        count = 0
        while count < MOST_PER_ROUND and await self.orders.read_next(terms):
            count += 1
        return count
