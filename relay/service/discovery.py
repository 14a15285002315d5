"""Discovery of parcels in VTEX: receive the hook's notifications, show the state."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic_core import from_json

from relay.clock import micros
from relay.config.account import AccountSettings
from relay.domain.discovery import OrderNotification, Source, parse_notification
from relay.errors import InvalidLabel, NotFound, VerificationFailed
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.discovery_models import (
    DiscoveredEntry,
    DiscoveryChannel,
    DiscoveryEntry,
    DiscoveryList,
)
from relay.service.views import account_zone
from relay.store.codec import at
from relay.store.discovery import Discovery, DiscoveryState, ListedOrder, WaitingOrders

SHOWN: Final = 20
"""Orders that are listed of each account."""
Received = Literal["stored", "ping"]


@dataclass(frozen=True, slots=True)
class DiscoveryService:
    """Operations on feed and hook of the accounts."""

    context: ServiceContext

    async def receive(self, account: str, secret: str, body: bytes) -> Received:
        """Store a notification of an account's hook durably.

        VTEX's ping is answered without the secret too: it changes nothing. Raises
        `NotFound` without such a hook, `VerificationFailed` for a wrong secret or
        another account, `InvalidLabel` for a body that names no order.
        """
        settings = self.context.settings.accounts.get(account)
        if settings is None or not settings.uses("hook"):
            raise NotFound(
                f"account {account!r} has no hook",
                hint='set discovery = "hook" or "both" for the account',
            )
        known = _is_secret(settings, secret)
        fields = _fields(body)
        if fields.get("hookconfig") == "ping":
            if known:
                await self._store(account, None)
            return "ping"
        if not known:
            raise VerificationFailed("the header `key` is missing or wrong")
        await self._store(account, _notification(account, fields))
        return "stored"

    async def _store(self, account: str, found: OrderNotification | None) -> None:
        now = self.context.now()

        def change(state: DiscoveryState) -> None:
            if found is None:
                state.hook_pinged_at = micros(now)
            else:
                state.hook_notified_at = micros(now)

        notifications = [found] if found is not None else []
        store = Discovery(self.context.database)
        await store.record(account, "hook", notifications, now, change)

    async def discovery(self, caller: Caller) -> DiscoveryList:
        """Return the state of discovery of the accounts that exist for the caller."""
        store, now = Discovery(self.context.database), self.context.now()
        states, waiting = await store.states(), await store.waiting(now)
        entries = []
        for name, account in self.context.settings.accounts.items():
            if caller.sees(name):
                orders = await store.latest(name, SHOWN)
                state = states.get(name) or DiscoveryState(name)
                about = (waiting.get(name), orders)
                entries.append(self._entry(account, state, about, now))
        return DiscoveryList(accounts=tuple(entries))

    def _entry(
        self,
        account: AccountSettings,
        state: DiscoveryState,
        about: tuple[WaitingOrders | None, list[ListedOrder]],
        now: datetime,
    ) -> DiscoveryEntry:
        waiting, orders = about
        lag = (now - waiting.oldest_at).total_seconds() if waiting else 0
        return DiscoveryEntry(
            account=account.name,
            mode=account.discovery,
            feed=self._channel(account, state, "feed"),
            hook=self._channel(account, state, "hook"),
            problem=state.order_problem,
            waiting=waiting.waiting if waiting else 0,
            lag_seconds=max(int(lag), 0),
            orders=tuple(self._order(one) for one in orders),
        )

    def _channel(
        self, account: AccountSettings, state: DiscoveryState, source: Source
    ) -> DiscoveryChannel | None:
        if not account.uses(source):
            return None
        if source == "feed":
            return DiscoveryChannel(
                filter=account.feed_filter,
                ready_at=at(state.feed_ready_at),
                problem=state.feed_problem,
                last_notified_at=at(state.feed_notified_at),
                emptied_at=at(state.feed_emptied_at),
            )
        return DiscoveryChannel(
            filter=account.hook_filter,
            ready_at=at(state.hook_ready_at),
            problem=state.hook_problem,
            last_notified_at=at(state.hook_notified_at),
            pinged_at=at(state.hook_pinged_at),
            url=self.context.settings.hook_url(account.name),
        )

    def _order(self, one: ListedOrder) -> DiscoveredEntry:
        order = one.order
        zone = account_zone(order.account, self.context.settings)

        def local(when: datetime | None) -> datetime | None:
            return when and when.astimezone(zone)

        return DiscoveredEntry(
            order_id=order.order_id,
            state=order.state,
            source=order.source,
            notified_at=order.notified_at.astimezone(zone),
            looked_at=local(one.looked_at),
            next_look_at=local(one.look_at),
            outcome=one.outcome,
            detail=one.detail,
        )


def _is_secret(account: AccountSettings, presented: str) -> bool:
    """Whether the hook's secret was *presented*, in constant time."""
    secret = account.hook_secret.get_secret_value() if account.hook_secret else ""
    given = presented.encode(errors="surrogateescape")
    return hmac.compare_digest(secret.encode(), given) and bool(secret)


def _fields(body: bytes) -> Mapping[str, Any]:
    """Return the fields of a notification, with names in lower case."""
    try:
        found = from_json(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidLabel(
            "the body must be a JSON object", hint="as VTEX's hook sends"
        )
    return {name.lower(): value for name, value in found.items()}


def _notification(account: str, fields: Mapping[str, Any]) -> OrderNotification:
    """Return a notification of *account*, or raise the error of one that is not."""
    origin = fields.get("origin")
    origin = origin if isinstance(origin, dict) else {}
    named = {str(k).lower(): v for k, v in origin.items()}.get("account")
    if isinstance(named, str) and named.casefold() != account.casefold():
        raise VerificationFailed(f"the notification is of account {named!r}")
    found = parse_notification(fields)
    if found is None:
        raise InvalidLabel("names no order", field="OrderId", hint="send an order id")
    return found
